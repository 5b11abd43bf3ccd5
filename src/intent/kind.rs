//! The table of resource kinds: a new kind is one entry here and one spec type.

use super::fields::Fields;
use super::spec::{
    AccessPoint, AppPlacement, Client, Cluster, ClusterReference, CompositeApp, Controller, DeploymentIntentGroup,
    Inbound, KvPairs, LogicalCloud, Outbound, OutboundServer, Spec,
};

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is described by its entry in the table")]
pub enum Kind {
    Project,
    LogicalCloud,
    ClusterReference,
    UserPermission,
    CompositeApp,
    App,
    CompositeProfile,
    Profile,
    DeploymentIntentGroup,
    GroupIntent,
    GenericPlacementIntent,
    AppPlacement,
    TrafficGroup,
    Inbound,
    Client,
    AccessPoint,
    Outbound,
    OutboundServer,
    ClusterProvider,
    Cluster,
    ClusterLabel,
    KvPairs,
    Controller,
}

/// How a body is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// `metadata` and `spec`.
    Standard,
    /// One field, `clusterLabel`, which is the name as well.
    Label,
}

/// What the engine must know of a kind.
pub struct KindEntry {
    /// The kind.
    pub kind: Kind,
    /// The kind it lives under; none at the top.
    pub parent: Option<Kind>,
    /// The last segment of its collection's path.
    pub collection: &'static str,
    /// Another name for the same collection.
    pub alias: Option<&'static str>,
    /// What people call it.
    pub title: &'static str,
    /// How its body is built.
    pub form: BodyForm,
    /// Whether it may be posted as multipart with a file, which is read and dropped.
    pub multipart: bool,
    /// Reads the spec, and describes it.
    pub read: fn(&mut Fields<'_>) -> Option<Spec>,
    /// A body that is accepted, as the documentation shows it.
    pub example: &'static str,
}

fn kept(f: &mut Fields<'_>) -> Option<Spec> {
    f.keep_rest();
    Some(Spec::Kept)
}

fn empty(_: &mut Fields<'_>) -> Option<Spec> {
    Some(Spec::Kept)
}

const STANDARD: KindEntry = KindEntry {
    kind: Kind::Project,
    parent: None,
    collection: "projects",
    alias: None,
    title: "project",
    form: BodyForm::Standard,
    multipart: false,
    read: kept,
    example: r#"{"metadata": {"name": "shop", "description": "The web shop"}}"#,
};

/// Every kind, parents first.
pub static KINDS: &[KindEntry] = &[
    KindEntry { read: empty, ..STANDARD },
    KindEntry {
        kind: Kind::LogicalCloud,
        parent: Some(Kind::Project),
        collection: "logical-clouds",
        title: "logical cloud",
        read: |f| LogicalCloud::read(f).map(Spec::LogicalCloud),
        example: r#"{"metadata": {"name": "lc"}, "spec": {"namespace": "shop"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::ClusterReference,
        parent: Some(Kind::LogicalCloud),
        collection: "cluster-references",
        title: "cluster reference",
        read: |f| ClusterReference::read(f).map(Spec::ClusterReference),
        example: r#"{"metadata": {"name": "east"}, "spec": {"clusterProvider": "gke", "cluster": "east", "loadbalancerIp": "0.0.0.0"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::UserPermission,
        parent: Some(Kind::LogicalCloud),
        collection: "user-permissions",
        title: "user permission",
        example: r#"{"metadata": {"name": "readers"}, "spec": {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::CompositeApp,
        parent: Some(Kind::Project),
        collection: "composite-apps",
        title: "composite app",
        read: |f| CompositeApp::read(f).map(Spec::CompositeApp),
        example: r#"{"metadata": {"name": "boutique"}, "spec": {"compositeAppVersion": "v1"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::App,
        parent: Some(Kind::CompositeApp),
        collection: "apps",
        title: "app",
        multipart: true,
        read: empty,
        example: r#"{"metadata": {"name": "cart"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::CompositeProfile,
        parent: Some(Kind::CompositeApp),
        collection: "composite-profiles",
        title: "composite profile",
        example: r#"{"metadata": {"name": "base"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::Profile,
        parent: Some(Kind::CompositeProfile),
        collection: "profiles",
        title: "profile",
        multipart: true,
        example: r#"{"metadata": {"name": "cart"}, "spec": {"app": "cart"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::DeploymentIntentGroup,
        parent: Some(Kind::CompositeApp),
        collection: "deployment-intent-groups",
        title: "deployment intent group",
        read: |f| DeploymentIntentGroup::read(f).map(Spec::DeploymentIntentGroup),
        example: r#"{"metadata": {"name": "prod"}, "spec": {"compositeProfile": "base", "version": "r1", "logicalCloud": "lc", "overrideValues": []}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::GroupIntent,
        parent: Some(Kind::DeploymentIntentGroup),
        collection: "intents",
        title: "group intents",
        example: r#"{"metadata": {"name": "all"}, "spec": {"intent": {"genericPlacementIntent": "placement", "dtc": "web"}}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::GenericPlacementIntent,
        parent: Some(Kind::DeploymentIntentGroup),
        collection: "generic-placement-intents",
        title: "placement intent",
        read: empty,
        example: r#"{"metadata": {"name": "placement"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::AppPlacement,
        parent: Some(Kind::GenericPlacementIntent),
        collection: "app-intents",
        title: "app placement",
        read: |f| AppPlacement::read(f).map(Spec::AppPlacement),
        example: r#"{"metadata": {"name": "cart"}, "spec": {"app": "cart", "intent": {"allOf": [{"clusterProvider": "gke", "cluster": "east"}]}}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::TrafficGroup,
        parent: Some(Kind::DeploymentIntentGroup),
        collection: "traffic-group-intents",
        title: "traffic group",
        read: empty,
        example: r#"{"metadata": {"name": "web"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::Inbound,
        parent: Some(Kind::TrafficGroup),
        collection: "inbound-intents",
        title: "inbound intent",
        read: |f| Inbound::read(f).map(|spec| Spec::Inbound(Box::new(spec))),
        example: r#"{"metadata": {"name": "cart"}, "spec": {"app": "cart", "appLabel": "app=cartservice", "serviceName": "cartservice", "port": 7070, "targetPort": 7070, "protocol": "GRPC", "serviceMesh": "istio"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::Client,
        parent: Some(Kind::Inbound),
        collection: "clients",
        title: "client intent",
        read: |f| Client::read(f).map(Spec::Client),
        example: r#"{"metadata": {"name": "frontend"}, "spec": {"app": "frontend", "appLabel": "app=frontend", "serviceName": "frontend", "namespaces": [], "cidrs": [], "serviceAccounts": ["shop/frontend"]}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::AccessPoint,
        parent: Some(Kind::Client),
        collection: "access-points",
        title: "access point",
        read: |f| AccessPoint::read(f).map(Spec::AccessPoint),
        example: r#"{"metadata": {"name": "read"}, "spec": {"action": "ALLOW", "url": ["/hipstershop.CartService/GetCart"], "access": ["POST"]}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::Outbound,
        parent: Some(Kind::TrafficGroup),
        collection: "outbound-intents",
        title: "outbound intent",
        read: |f| Outbound::read(f).map(Spec::Outbound),
        example: r#"{"metadata": {"name": "payment"}, "spec": {"app": "payment", "appLabel": "app=paymentservice", "serviceName": "paymentservice"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::OutboundServer,
        parent: Some(Kind::Outbound),
        collection: "servers",
        alias: Some("server"),
        title: "outbound server",
        read: |f| OutboundServer::read(f).map(|spec| Spec::OutboundServer(Box::new(spec))),
        example: r#"{"metadata": {"name": "bank"}, "spec": {"externalServiceName": "api.bank.example", "port": 443, "protocol": "TLS", "dnsResolution": "DNS"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::ClusterProvider,
        collection: "cluster-providers",
        title: "cluster provider",
        read: empty,
        example: r#"{"metadata": {"name": "gke"}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::Cluster,
        parent: Some(Kind::ClusterProvider),
        collection: "clusters",
        title: "cluster",
        multipart: true,
        read: |f| Cluster::read(f).map(|spec| Spec::Cluster(Box::new(spec))),
        example: r#"{"metadata": {"name": "east"}, "spec": {"trustDomain": "cluster.local", "dnsProxy": true}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::ClusterLabel,
        parent: Some(Kind::Cluster),
        collection: "labels",
        title: "cluster label",
        form: BodyForm::Label,
        read: |_| Some(Spec::ClusterLabel),
        example: r#"{"clusterLabel": "edge"}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::KvPairs,
        parent: Some(Kind::Cluster),
        collection: "kv-pairs",
        title: "key-value pairs",
        read: |f| KvPairs::read(f).map(Spec::KvPairs),
        example: r#"{"metadata": {"name": "istio"}, "spec": {"kv": [{"istioIngressGatewayAddress": "192.0.2.10"}, {"istioIngressGatewayPort": 15443}]}}"#,
        ..STANDARD
    },
    KindEntry {
        kind: Kind::Controller,
        collection: "dtc-controllers",
        alias: Some("controllers"),
        title: "plugin",
        read: |f| Controller::read(f).map(Spec::Controller),
        example: r#"{"metadata": {"name": "network-policies"}, "spec": {"host": "network-policies.mesh.svc", "port": 9000, "type": "action", "priority": 1}}"#,
        ..STANDARD
    },
];

impl Kind {
    /// This kind's entry in the table.
    #[must_use]
    pub fn entry(self) -> &'static KindEntry {
        // The table is in the order of the enumeration; a test holds it there.
        &KINDS[self as usize]
    }

    /// The kinds that live under `parent`; `None` asks for those at the top.
    pub fn under(parent: Option<Self>) -> impl Iterator<Item = &'static KindEntry> {
        KINDS.iter().filter(move |entry| entry.parent == parent)
    }

    /// How many path segments name one item: a composite app has its version as well.
    #[must_use]
    pub fn name_segments(self) -> usize {
        if self == Self::CompositeApp { 2 } else { 1 }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.entry().title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds() {
        for (i, entry) in KINDS.iter().enumerate() {
            assert_eq!(entry.kind as usize, i);
            assert_eq!(entry.kind.entry().title, entry.title);
        }
    }
}

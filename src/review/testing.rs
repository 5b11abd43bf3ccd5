//! What tests of this room say: what was rendered, from text.

use crate::intent::ClusterId;
use crate::istio;
use crate::render::{Manifest, Rendered, Target, TargetAccess};

/// The ingress gateway of every cluster.
pub(super) const GATEWAY: &str = "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account";

/// Nothing rendered yet.
pub(super) fn rendered() -> Rendered {
    Rendered::default()
}

/// Adds to what was rendered.
pub(super) trait With: Sized {
    /// A workload of one service, whose pods are labelled `app=<service>`.
    fn target(self, cluster: &str, service: &str, access: TargetAccess) -> Self;
    /// A file of a cluster, `path` below its directory.
    fn file(self, cluster: &str, path: &str, text: &str) -> Self;
    /// An AuthorizationPolicy of the pods of a service of namespace `shop`.
    fn policy(self, cluster: &str, service: &str, spec: &str) -> Self {
        let text = format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: {service}\n  \
             namespace: shop\nspec: {{selector: {{matchLabels: {{app: {service}}}}}, {spec}}}\n"
        );
        self.file(cluster, &format!("shop/{service}/authorizationpolicy-{service}.yaml"), &text)
    }
    /// A closed workload.
    fn closed(self, cluster: &str, service: &str, rules: &str) -> Self {
        self.target(cluster, service, TargetAccess::Closed).policy(cluster, service, &format!("rules: [{rules}]"))
    }
    /// An open workload.
    fn open(self, cluster: &str, service: &str) -> Self {
        self.target(cluster, service, TargetAccess::Open)
    }
}

impl With for Rendered {
    fn target(mut self, cluster: &str, service: &str, access: TargetAccess) -> Self {
        let (provider, cluster) = cluster.split_once('/').unwrap();
        self.targets.push(Target {
            cluster: ClusterId { provider: provider.into(), cluster: cluster.into() },
            namespace: "shop".into(),
            root_namespace: "istio-system".into(),
            ingress: GATEWAY.into(),
            label: format!("app={service}"),
            services: vec![service.into()],
            by_waypoint: false,
            access,
            opaque: false,
            intents: vec![],
        });
        self
    }

    fn file(mut self, cluster: &str, path: &str, text: &str) -> Self {
        let path = format!("clusters/{cluster}/{path}");
        let resource = istio::read(text).remove(0).unwrap().resource;
        self.manifests.insert(
            path.clone(),
            Manifest { path, text: text.into(), resource: resource.into(), intents: vec![], plugin: "".into() },
        );
        self
    }
}

/// A rule that lets service accounts of namespace `shop` do something.
pub(super) fn rule(accounts: &str, operation: &str) -> String {
    let principals: Vec<String> =
        accounts.split(' ').map(|account| format!("cluster.local/ns/shop/sa/{account}")).collect();
    let to = if operation.is_empty() { String::new() } else { format!(", to: [{{operation: {{{operation}}}}}]") };
    format!("{{from: [{{source: {{principals: [{}]}}}}]{to}}}", principals.join(", "))
}

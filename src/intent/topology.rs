//! Where apps run and how their clusters are reached, resolved from the tree.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::anchor::Anchor;
use super::kind::Kind;
use super::name::Name;
use super::resource::Resource;
use super::scalar::{ClusterRef, DnsLabel, Label, ObjectName, Port};
use super::sealing::SealingCertificate;
use super::spec::{Address, AppPlacement, Cluster, ClusterTerm, EastWest, Egress, Ingress, KvPairs, Spec, Target};
use super::tree::{Tree, host_of};
use crate::finding::{Finding, Place};

/// A cluster, by provider and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId {
    /// The provider.
    pub provider: String,
    /// The cluster.
    pub cluster: String,
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.cluster)
    }
}

impl From<&ClusterRef> for ClusterId {
    fn from(named: &ClusterRef) -> Self {
        let (provider, cluster) = named.pair();
        Self { provider: provider.to_owned(), cluster: cluster.to_owned() }
    }
}

impl ClusterId {
    fn of(anchor: &Anchor) -> Self {
        let provider = anchor.parent();
        Self { provider: provider.as_ref().map_or("", |p| p.name()).to_owned(), cluster: anchor.name().to_owned() }
    }

    /// The anchor of the cluster.
    #[must_use]
    pub fn anchor(&self) -> Option<Anchor> {
        Anchor::parse(&format!("cluster-providers/{}/clusters/{}", self.provider, self.cluster)).ok()
    }
}

/// Gateway pods: their labels and namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayPods {
    /// Labels, sorted.
    pub selector: Vec<(String, String)>,
    /// Namespace.
    pub namespace: String,
}

/// The gateway that calls to outside services leave by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressFacts {
    /// Its pods.
    pub pods: GatewayPods,
    /// Its service account.
    pub account: String,
    /// The host of its Service.
    pub host: String,
}

/// A cluster's facts with every default filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// SPIFFE trust domain.
    pub trust_domain: String,
    /// Other trust domains that are treated as this one.
    pub trust_domain_aliases: Vec<String>,
    /// The ingress gateway's pods.
    pub ingress: GatewayPods,
    /// The ingress gateway's service account.
    pub ingress_account: String,
    /// The east-west gateway's pods.
    pub east_west: GatewayPods,
    /// Where outside callers dial; none until it is known.
    pub ingress_address: Option<Address>,
    /// Where callers of other clusters dial; none until it is known.
    pub east_west_address: Option<(Address, Port)>,
    /// The port number of the east-west Gateway.
    pub internal_port: u16,
    /// The port of outside HTTP callers.
    pub http_port: u16,
    /// The port of outside TLS callers.
    pub https_port: u16,
    /// The egress gateway, or which of its fields are not known.
    pub egress: Result<EgressFacts, Vec<&'static str>>,
    /// Whether sidecars resolve ServiceEntry hosts.
    pub dns_proxy: bool,
    /// The namespace whose policies hold for the whole mesh.
    pub root_namespace: String,
    /// What private keys are sealed with for it.
    pub sealing_certificate: Option<SealingCertificate>,
}

/// Answers about topology, from one tree and the defaults of `meshwright.yaml`.
#[derive(Clone, Copy)]
pub struct Topology<'a> {
    tree: &'a Tree,
    defaults: &'a Cluster,
}

impl<'a> Topology<'a> {
    /// The topology of `tree`.
    #[must_use]
    pub fn new(tree: &'a Tree, defaults: &'a Cluster) -> Self {
        Self { tree, defaults }
    }

    /// The namespace of the group that holds `anchor`.
    ///
    /// # Errors
    /// A finding that says what is missing.
    pub fn namespace(&self, anchor: &Anchor) -> Result<&'a DnsLabel, Finding> {
        self.tree.namespace(anchor).ok_or_else(|| {
            let group = anchor.ancestor(Kind::DeploymentIntentGroup).unwrap_or_else(|| anchor.clone());
            Finding::error(
                "topology/namespace",
                Place::at(group.as_str()),
                "the namespace is not known: the group names no logical cloud, or one that does not exist",
                "set spec.logicalCloud to a logical cloud of the same project",
            )
        })
    }

    /// What is missing of the app that a server, a client or a placement names.
    #[must_use]
    pub fn unknown_app(&self, resource: &Resource) -> Option<Finding> {
        let app = match resource.spec() {
            Spec::Inbound(inbound) => &inbound.app,
            Spec::Client(client) => &client.app,
            Spec::Outbound(caller) => &caller.app,
            Spec::AppPlacement(placement) => &placement.app,
            _ => return None,
        };
        let group = host_of(resource).or_else(|| resource.anchor().ancestor(Kind::DeploymentIntentGroup))?;
        self.knows(&group, app).err()
    }

    /// Whether the composite app of `group` has `app`.
    fn knows(&self, group: &Anchor, app: &Name) -> Result<(), Finding> {
        if self.tree.get(group).is_none() {
            return Err(misplaced(
                group,
                format!("`{group}` does not exist, so the clusters of app `{app}` are not known"),
                "create it, or mend placedIn".into(),
            ));
        }
        let owner = group.parent();
        let known = owner.as_ref().map(|owner| Anchor::below(Some(owner), Kind::App, app, None));
        if known.is_none_or(|app| self.tree.get(&app).is_none()) {
            let owner = owner.as_ref().map_or("", Anchor::as_str);
            let remedy = format!("post an app named `{app}` to it, or mend the name");
            return Err(misplaced(group, format!("{owner} has no app `{app}`"), remedy));
        }
        Ok(())
    }

    /// The clusters that `app` of `group` runs on, in name order; never empty.
    ///
    /// # Errors
    /// A finding that says what is missing.
    pub fn clusters(&self, group: &Anchor, app: &Name) -> Result<BTreeSet<ClusterId>, Finding> {
        self.knows(group, app)?;
        let mut clusters = BTreeSet::new();
        for placement in self.tree.placements(group, app) {
            for term in &placement.all_of {
                // A name that is mistyped must not look like an app that was taken away, which would open its server.
                if let Some(missing) = self.unregistered(group, app, term) {
                    return Err(missing);
                }
                clusters.extend(self.matches(term));
            }
            clusters.extend(placement.any_of.iter().flat_map(|term| self.matches(term)).min());
        }
        if clusters.is_empty() {
            return Err(misplaced(
                group,
                format!("app `{app}` is placed on no cluster that is registered"),
                format!(
                    "post an app placement for `{app}` to {group}/generic-placement-intents/…/app-intents, and register its clusters"
                ),
            ));
        }
        Ok(clusters)
    }

    /// What is missing of the clusters that a placement names.
    #[must_use]
    pub fn unknown_clusters(&self, resource: &Resource) -> Vec<Finding> {
        let Spec::AppPlacement(placement) = resource.spec() else { return vec![] };
        let Some(group) = resource.anchor().ancestor(Kind::DeploymentIntentGroup) else { return vec![] };
        let terms = placement.all_of.iter().chain(&placement.any_of);
        terms.filter_map(|term| self.unregistered(&group, &placement.app, term)).collect()
    }

    /// What is missing where a term places `app` of `group` on a cluster that is not registered.
    fn unregistered(&self, group: &Anchor, app: &Name, term: &ClusterTerm) -> Option<Finding> {
        let (provider, Target::Cluster(name)) = (&term.provider, &term.target) else { return None };
        self.matches(term).is_empty().then(|| {
            misplaced(
                group,
                format!("app `{app}` is placed on {provider}/{name}, which is not registered"),
                format!("mend the placement, or post the cluster to cluster-providers/{provider}/clusters"),
            )
        })
    }

    /// The apps that a placement puts on the cluster at `anchor` by its name, each with its group.
    pub fn placed_on(&self, anchor: &Anchor) -> impl Iterator<Item = (&'a Anchor, &'a Name)> + use<'a> {
        let cluster = ClusterId::of(anchor);
        let is_it = move |term: &ClusterTerm| {
            let named = matches!(&term.target, Target::Cluster(name) if name.as_str() == cluster.cluster);
            named && term.provider.as_str() == cluster.provider
        };
        let placed = self
            .tree
            .all_placements()
            .filter(move |(_, placement)| placement.all_of.iter().chain(&placement.any_of).any(&is_it));
        placed.map(|(group, placement)| (group, &placement.app))
    }

    /// Whether any placement of `group` names the provider of `cluster`, so that a change of the cluster concerns it.
    #[must_use]
    pub fn concerns(&self, group: &Anchor, provider: &str) -> bool {
        let names = |terms: &[ClusterTerm]| terms.iter().any(|term| term.provider.as_str() == provider);
        self.placements(group).any(|placement| names(&placement.all_of) || names(&placement.any_of))
    }

    fn placements(&self, group: &Anchor) -> impl Iterator<Item = &'a AppPlacement> + use<'a> {
        // Placements sort before everything else in a group, which may hold thousands of servers.
        let before_the_rest = |resource: &&Arc<Resource>| {
            matches!(
                resource.anchor().kind(),
                Kind::DeploymentIntentGroup | Kind::GenericPlacementIntent | Kind::AppPlacement
            )
        };
        self.tree.within(group).take_while(before_the_rest).filter_map(|resource| match resource.spec() {
            Spec::AppPlacement(placement) => Some(placement),
            _ => None,
        })
    }

    fn matches(&self, term: &ClusterTerm) -> Vec<ClusterId> {
        let provider = Anchor::below(None, Kind::ClusterProvider, &term.provider, None);
        match &term.target {
            Target::Cluster(name) => {
                let anchor = Anchor::below(Some(&provider), Kind::Cluster, name, None);
                self.tree.get(&anchor).map(|_| ClusterId::of(&anchor)).into_iter().collect()
            }
            Target::Label(label) => self
                .tree
                .within(&provider)
                .filter(|r| r.anchor().kind() == Kind::ClusterLabel && r.anchor().name() == label.as_str())
                .filter_map(|r| r.anchor().parent().map(|cluster| ClusterId::of(&cluster)))
                .collect(),
        }
    }

    /// The facts of a cluster, with defaults filled in; none when it is not registered.
    #[must_use]
    pub fn facts(&self, id: &ClusterId) -> Option<ClusterFacts> {
        let anchor = id.anchor()?;
        let Spec::Cluster(own) = self.tree.get(&anchor)?.spec() else { return None };
        let pairs = self
            .tree
            .within(&anchor)
            .filter_map(|resource| if let Spec::KvPairs(pairs) = resource.spec() { Some(pairs.clone()) } else { None })
            .fold(KvPairs::default(), KvPairs::or);
        Some(facts(own, self.defaults, &pairs))
    }
}

/// The clusters of a provider, in name order; none where there is no such provider.
#[must_use]
pub fn registered(tree: &Tree, provider: &str) -> Vec<ClusterId> {
    let Ok(provider) = Anchor::parse(&format!("cluster-providers/{provider}")) else { return vec![] };
    let clusters = tree.within(&provider).filter(|resource| resource.anchor().kind() == Kind::Cluster);
    clusters.map(|resource| ClusterId::of(resource.anchor())).collect()
}

/// A finding that blocks what needs the clusters of an app.
fn misplaced(group: &Anchor, message: String, remedy: String) -> Finding {
    Finding::error("topology/placement", Place::at(group.as_str()), message, remedy)
}

fn facts(own: &Cluster, defaults: &Cluster, pairs: &KvPairs) -> ClusterFacts {
    let aliases = [own, defaults].map(|cluster| &cluster.trust_domain_aliases);
    let aliases = aliases.into_iter().find(|aliases| !aliases.is_empty()).unwrap_or(&own.trust_domain_aliases);
    let none = Ingress::default();
    let nowhere = EastWest::default();
    let ingress = [own.ingress.as_ref().unwrap_or(&none), defaults.ingress.as_ref().unwrap_or(&none)];
    let east_west = [own.east_west.as_ref().unwrap_or(&nowhere), defaults.east_west.as_ref().unwrap_or(&nowhere)];
    let number = |port: Option<Port>, default: u16| port.map_or(default, Port::number);

    let ingress_pods = GatewayPods {
        selector: selector(ingress.map(|i| i.gateway.selector.as_slice()))
            .unwrap_or_else(|| vec![("istio".into(), "ingressgateway".into())]),
        namespace: namespace(ingress.map(|i| i.gateway.namespace.as_ref())).unwrap_or_else(|| "istio-system".into()),
    };
    let east_west_pods = GatewayPods {
        selector: selector(east_west.map(|e| e.gateway.selector.as_slice()))
            .unwrap_or_else(|| ingress_pods.selector.clone()),
        namespace: namespace(east_west.map(|e| e.gateway.namespace.as_ref()))
            .unwrap_or_else(|| ingress_pods.namespace.clone()),
    };
    let address = east_west[0].address.clone().or_else(|| pairs.address.clone());
    // The port of the pairs belongs to the address of the pairs.
    let paired = pairs.port.filter(|_| east_west[0].address.is_none());
    let port = east_west[0].port.or(paired).or(east_west[1].port).or(Port::new(15443));
    let account = ingress.iter().find_map(|i| i.service_account.as_ref()).map(ObjectName::to_string);
    let trust_domain = own.trust_domain.as_ref().or(defaults.trust_domain.as_ref());
    ClusterFacts {
        trust_domain: trust_domain.map_or("cluster.local", |domain| domain.as_str()).to_owned(),
        trust_domain_aliases: aliases.iter().map(|domain| domain.as_str().to_owned()).collect(),
        ingress: ingress_pods,
        ingress_account: account.unwrap_or_else(|| "istio-ingressgateway-service-account".into()),
        east_west: east_west_pods,
        ingress_address: pairs.address.clone(),
        east_west_address: address.zip(port),
        internal_port: number(pairs.internal_port, 15443),
        http_port: number(pairs.http_port, 80),
        https_port: number(pairs.https_port, 443),
        egress: egress([&own.egress, &defaults.egress].map(Option::as_ref)),
        dns_proxy: own.dns_proxy.or(defaults.dns_proxy).unwrap_or(false),
        root_namespace: namespace([own.root_namespace.as_ref(), defaults.root_namespace.as_ref()])
            .unwrap_or_else(|| "istio-system".into()),
        sealing_certificate: own.sealing_certificate.clone(),
    }
}

/// There is no egress gateway but one that is described: an installation of Istio has none by default.
fn egress(candidates: [Option<&Egress>; 2]) -> Result<EgressFacts, Vec<&'static str>> {
    let known = || candidates.into_iter().flatten();
    let selector = known().map(|egress| &egress.gateway.selector).find(|selector| !selector.is_empty());
    let namespace = known().find_map(|egress| egress.gateway.namespace.as_ref());
    let account = known().find_map(|egress| egress.service_account.as_ref());
    let host = known().find_map(|egress| egress.host.as_ref());
    if let (Some(labels), Some(namespace), Some(account), Some(host)) = (selector, namespace, account, host) {
        let selector = labels.iter().map(Label::pair).map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let pods = GatewayPods { selector, namespace: namespace.to_string() };
        return Ok(EgressFacts { pods, account: account.to_string(), host: host.to_string() });
    }
    let fields = [
        ("selector", selector.is_some()),
        ("namespace", namespace.is_some()),
        ("serviceAccount", account.is_some()),
        ("host", host.is_some()),
    ];
    Err(fields.into_iter().filter(|(_, known)| !known).map(|(field, _)| field).collect())
}

fn selector(candidates: [&[Label]; 2]) -> Option<Vec<(String, String)>> {
    let labels = candidates.into_iter().find(|labels| !labels.is_empty())?;
    Some(labels.iter().map(Label::pair).map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

fn namespace(candidates: [Option<&DnsLabel>; 2]) -> Option<String> {
    candidates.into_iter().flatten().next().map(DnsLabel::to_string)
}

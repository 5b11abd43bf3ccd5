//! Contradictions between intents about one Service, one workload or one port of a gateway.

use std::collections::BTreeMap;

use serde_json::Value;

use super::anchor::Anchor;
pub use super::conflict::Conflict;
use super::kind::Kind;
use super::outbound;
use super::rules::{MOST_PEERS, access_points, effective_protocol, is_closed};
use super::scalar::Port;
use super::spec::{Access, Cluster, Inbound, Issuer, KeysUri, Mtls, Protocol, TlsType, Traffic};
use super::topology::Topology;
use super::tree::Tree;

/// The most characters of a value that a message shows.
const MOST_SHOWN: usize = 100;

/// A field that two intents disagree on, with what each of them says.
type Difference = (&'static str, String, String);

/// The slot of the gateway that an exposure takes; two exposures of one host must not share one.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Slot {
    Http,
    Https,
    Port(Port),
}

fn slot(inbound: &Inbound, protocol: Protocol) -> Option<Slot> {
    if !inbound.exposed {
        return None;
    }
    match (inbound.tls, protocol.is_http()) {
        (TlsType::None, true) => Some(Slot::Http),
        (TlsType::Passthrough, _) | (_, true) => Some(Slot::Https),
        (_, false) => inbound.external.port.map(Slot::Port),
    }
}

/// Every other intent that the server at `anchor` contradicts.
#[must_use]
pub fn conflicts(tree: &Tree, anchor: &Anchor) -> Vec<Conflict> {
    let Some(server) = anchor.ancestor(Kind::Inbound) else { return outbound::conflicts(tree, anchor) };
    let Some(inbound) = tree.inbound(&server).filter(|inbound| inbound.in_mesh) else { return vec![] };
    let mut found = vec![];
    let mut compare = |peers: Vec<&Anchor>, rule: fn(&Pair<'_>) -> Vec<Difference>| {
        for peer in peers.into_iter().filter(|peer| **peer != server) {
            let Some(other) = tree.inbound(peer).filter(|other| other.in_mesh) else { continue };
            let pair = Pair { tree, left: (&server, inbound), right: (peer, other) };
            found.extend(rule(&pair).into_iter().map(|(field, ours, theirs)| Conflict {
                intent: server.clone(),
                with: peer.clone(),
                field,
                message: format!("`{ours}` here, `{theirs}` there"),
            }));
        }
    };
    if let Some(namespace) = tree.namespace(&server) {
        // More than these are refused by `violations`.
        compare(tree.of_service(namespace, &inbound.service).take(MOST_PEERS).collect(), same_service);
        compare(tree.of_workload(namespace, &inbound.label).take(MOST_PEERS).collect(), same_workload);
    }
    for name in inbound.outside_names().iter().filter(|_| inbound.exposed) {
        compare(tree.of_outside_name(name).collect(), same_outside_name);
        compare(tree.of_outside_name(name).collect(), same_owner);
    }
    if let Some(port) = inbound.external.port.filter(|_| inbound.exposed) {
        compare(tree.of_outside_port(port).collect(), same_outside_port);
    }
    found.sort();
    found.dedup();
    found
}

struct Pair<'a> {
    tree: &'a Tree,
    left: (&'a Anchor, &'a Inbound),
    right: (&'a Anchor, &'a Inbound),
}

fn differ<T: PartialEq + ToString>(field: &'static str, left: &T, right: &T) -> Option<Difference> {
    (left != right).then(|| (field, left.to_string(), right.to_string()))
}

/// Disagreement where both say something.
fn both_differ<T: PartialEq + ToString>(
    field: &'static str,
    left: Option<&T>,
    right: Option<&T>,
) -> Option<Difference> {
    differ(field, left?, right?)
}

fn same_service(pair: &Pair<'_>) -> Vec<Difference> {
    let ((_, left), (_, right)) = (pair.left, pair.right);
    let mut found = vec![
        differ("/spec/appLabel", &left.label, &right.label),
        both_differ("/spec/serviceAccount", left.service_account.as_ref(), right.service_account.as_ref()),
    ];
    if left.port == right.port {
        found.push(differ("/spec/protocol", &left.protocol, &right.protocol));
        found.push(both_differ("/spec/targetPort", left.target_port.as_ref(), right.target_port.as_ref()));
        found.extend(same_traffic(&left.traffic, &right.traffic));
    }
    for subset in &left.traffic.subsets {
        let other = right.traffic.subsets.iter().find(|other| other.name == subset.name);
        if other.is_some_and(|other| other != subset) {
            let words = |what| format!("{} as {what}", subset.name);
            found.push(Some(("/spec/trafficManagement/subsets", words("one thing"), words("another"))));
        }
    }
    found.into_iter().flatten().collect()
}

/// Each setting of a port that both say, and say otherwise.
fn same_traffic(left: &Traffic, right: &Traffic) -> Vec<Option<Difference>> {
    let shown = |value: &Option<Value>| value.as_ref().map(|value| cut(value.to_string()));
    let mut found = vec![];
    let mut compare = |field: &'static str, left: &Option<Value>, right: &Option<Value>| {
        if left.is_some() && right.is_some() && left != right {
            found.push(Some((field, shown(left).unwrap_or_default(), shown(right).unwrap_or_default())));
        }
    };
    compare("/spec/trafficManagement/loadBalancer", &left.policy.load_balancer, &right.policy.load_balancer);
    compare("/spec/trafficManagement/connectionPool", &left.policy.connection_pool, &right.policy.connection_pool);
    compare(
        "/spec/trafficManagement/outlierDetection",
        &left.policy.outlier_detection,
        &right.policy.outlier_detection,
    );
    compare("/spec/trafficManagement/timeout", &left.http.timeout, &right.http.timeout);
    compare("/spec/trafficManagement/retries", &left.http.retries, &right.http.retries);
    compare("/spec/trafficManagement/fault", &left.http.fault, &right.http.fault);
    compare("/spec/trafficManagement/mirror", &left.http.mirror, &right.http.mirror);
    compare("/spec/trafficManagement/cors", &left.http.cors, &right.http.cors);
    let weights = |traffic: &Traffic| {
        let shares = traffic.weights.iter().map(|share| format!("{} {}", share.toward, share.weight));
        shares.collect::<Vec<_>>().join(", ")
    };
    if !left.weights.is_empty() && !right.weights.is_empty() {
        found.push(differ("/spec/trafficManagement/weights", &weights(left), &weights(right)));
    }
    let failover = |traffic: &Traffic| {
        let ways = traffic.failover.iter().map(|failover| format!("{} to {}", failover.from, failover.to));
        ways.collect::<Vec<_>>().join(", ")
    };
    if !left.failover.is_empty() && !right.failover.is_empty() {
        found.push(differ("/spec/trafficManagement/failover", &failover(left), &failover(right)));
    }
    let crosses = |one: &Traffic, other: &Traffic| !one.failover.is_empty() && other.weighs_clusters();
    if crosses(left, right) || crosses(right, left) {
        let words = |traffic: &Traffic| if traffic.failover.is_empty() { "weights of clusters" } else { "failover" };
        found.push(differ("/spec/trafficManagement/failover", &words(left), &words(right)));
    }
    found
}

/// A value in a message; of a long one its beginning.
fn cut(text: String) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Issuers whose keys are in two places: Istio takes them from one.
fn same_issuers(pair: &Pair<'_>) -> Vec<Option<Difference>> {
    let keys = |server: &Anchor| -> BTreeMap<&Issuer, &KeysUri> {
        let tokens = access_points(pair.tree, server).filter_map(|(_, point)| point.jwt.as_ref());
        tokens.filter_map(|jwt| Some((&jwt.issuer, jwt.keys.as_ref()?))).collect()
    };
    let (left, right) = (keys(pair.left.0), keys(pair.right.0));
    let both = left.iter().filter_map(|(issuer, keys)| Some((*keys, *right.get(issuer)?)));
    both.map(|(left, right)| differ("jwksUri of an issuer", left, right)).collect()
}

fn same_workload(pair: &Pair<'_>) -> Vec<Difference> {
    let ((left_anchor, left), (right_anchor, right)) = (pair.left, pair.right);
    let said = |mtls: Mtls| (mtls != Mtls::Inherit).then_some(mtls);
    let words = |closed: bool| if closed { "closed" } else { "open" }.to_owned();
    let mut found = vec![
        both_differ("/spec/mtls", said(left.mtls).as_ref(), said(right.mtls).as_ref()),
        differ("/spec/enforcement", &left.enforcement, &right.enforcement),
        differ("/spec/management/sidecarProxy", &left.sidecar, &right.sidecar),
        differ("/spec/dataPlane", &data_plane(left), &data_plane(right)),
        both_differ("/spec/serviceAccount", left.service_account.as_ref(), right.service_account.as_ref()),
    ];
    found.extend(same_issuers(pair));
    let one_port = left.target_port.zip(right.target_port).is_none_or(|(left, right)| left == right);
    let said_open = left.access == Some(Access::Open) || right.access == Some(Access::Open);
    if one_port && said_open {
        let closed = [left_anchor, right_anchor].map(|anchor| words(is_closed(pair.tree, anchor)));
        found.push(differ("/spec/access", &closed[0], &closed[1]));
    }
    found.into_iter().flatten().collect()
}

fn data_plane(inbound: &Inbound) -> String {
    match &inbound.waypoint {
        _ if !inbound.ambient => "sidecar".to_owned(),
        None => "ambient".to_owned(),
        Some(waypoint) => format!("ambient with waypoint {waypoint}"),
    }
}

/// A name is of one namespace, whatever port of the gateway it stands at, and where it has records of one Service, which
/// agrees on how long they hold: else one team would answer for another's name.
fn same_owner(pair: &Pair<'_>) -> Vec<Difference> {
    let both = [pair.left, pair.right];
    if !both.iter().all(|(_, inbound)| inbound.exposed) {
        return vec![];
    }
    let recorded = both.iter().any(|(_, inbound)| inbound.dns.is_some());
    let [left, right] = both.map(|(anchor, inbound)| {
        let namespace = pair.tree.namespace(anchor).map(ToString::to_string).unwrap_or_default();
        if recorded { format!("{namespace}/{}", inbound.service) } else { namespace }
    });
    let ttls = both.map(|(_, inbound)| {
        let ttl = inbound.dns.as_ref().map(|dns| dns.ttl);
        ttl.map(|ttl| ttl.map_or_else(|| "unset".to_owned(), |ttl| ttl.to_string()))
    });
    let differing =
        [differ("/spec/externalName", &left, &right), both_differ("/spec/dns/ttl", ttls[0].as_ref(), ttls[1].as_ref())];
    differing.into_iter().flatten().collect()
}

fn same_outside_name(pair: &Pair<'_>) -> Vec<Difference> {
    let slots =
        [pair.left, pair.right].map(|(anchor, inbound)| slot(inbound, effective_protocol(pair.tree, anchor, inbound)));
    if slots[0].is_none() || slots[0] != slots[1] {
        return vec![];
    }
    let ((left_anchor, left), (right_anchor, right)) = (pair.left, pair.right);
    let backend = |anchor: &Anchor, inbound: &Inbound| {
        let namespace = pair.tree.namespace(anchor).map(ToString::to_string).unwrap_or_default();
        format!("{namespace}/{}:{}", inbound.service, inbound.port)
    };
    // What is not sealed yet is compared once it is.
    let credential = |inbound: &Inbound| match (&inbound.external.credential_name, &inbound.external.sealed) {
        (Some(name), _) => Some(name.to_string()),
        (None, Some(sealed)) => sealed.certificates().next().map(|of| format!("sealed {of}")),
        (None, None) => Some(String::new()),
    };
    [
        differ("/spec/externalName", &backend(left_anchor, left), &backend(right_anchor, right)),
        differ("/spec/management/tlsType", &left.tls, &right.tls),
        both_differ("/spec/external/credentialName", credential(left).as_ref(), credential(right).as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Plain TCP has no name to tell hosts apart by: a port of one gateway carries one service.
fn same_outside_port(pair: &Pair<'_>) -> Vec<Difference> {
    let both = [pair.left, pair.right];
    let on_a_port = |(anchor, inbound): (&Anchor, &Inbound)| {
        matches!(slot(inbound, effective_protocol(pair.tree, anchor, inbound)), Some(Slot::Port(_)))
    };
    let plain = both.iter().any(|(_, inbound)| inbound.tls == TlsType::None);
    let names = |inbound: &Inbound| (inbound.external_name.clone(), inbound.service.clone(), inbound.port);
    let same = names(pair.left.1) == names(pair.right.1);
    if !both.into_iter().all(on_a_port) || !plain || same || !share_a_cluster(pair) {
        return vec![];
    }
    let what = |(_, inbound): (&Anchor, &Inbound)| {
        let protocol = if inbound.tls == TlsType::None { "TCP" } else { "TLS" };
        format!("{protocol} on {} for {}", inbound.external.port.map_or(0, Port::number), inbound.service)
    };
    vec![("/spec/external/port", what(pair.left), what(pair.right))]
}

fn share_a_cluster(pair: &Pair<'_>) -> bool {
    let defaults = Cluster::default();
    let topology = Topology::new(pair.tree, &defaults);
    let clusters = |(anchor, inbound): (&Anchor, &Inbound)| {
        anchor
            .ancestor(Kind::DeploymentIntentGroup)
            .and_then(|group| topology.clusters(&group, &inbound.app).ok())
            .unwrap_or_default()
    };
    !clusters(pair.left).is_disjoint(&clusters(pair.right))
}

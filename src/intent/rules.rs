//! Rules that tie several resources together, and contradictions between intents.

use std::collections::BTreeMap;

use serde_json::Value;

use super::anchor::Anchor;
use super::fields::Violation;
use super::kind::Kind;
use super::scalar::Port;
use super::spec::{
    Access, AccessPoint, Client, Cluster, Inbound, Issuer, KeysUri, Mtls, Protocol, Spec, TlsType, Traffic,
};
use super::topology::Topology;
use super::tree::{Tree, host_of};
use crate::finding::{Finding, Place};

/// The most inbound intents that may be about one Service, or about the same pods: each is compared with all others.
const MOST_PEERS: usize = 64;

/// The most clients of one server, and access points of one client: they become the rules of one policy, and each is
/// compared with all others.
const MOST_CLIENTS: usize = 5_000;
const MOST_POINTS: usize = 256;

/// The most characters of a value that a message shows.
const MOST_SHOWN: usize = 100;

/// A field that two intents disagree on, with what each of them says.
type Difference = (&'static str, String, String);

/// Two intents that cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The server that was looked at.
    pub intent: Anchor,
    /// The server that it contradicts.
    pub with: Anchor,
    /// The field they disagree on, as a JSON pointer.
    pub field: &'static str,
    /// What each of them says.
    pub message: String,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} contradicts {} in {}: {}", self.intent, self.with, self.field, self.message)
    }
}

/// The access points below a resource.
pub fn access_points<'a>(
    tree: &'a Tree,
    anchor: &Anchor,
) -> impl Iterator<Item = (&'a Anchor, &'a AccessPoint)> + use<'a> {
    tree.within(anchor)
        .filter_map(|r| if let Spec::AccessPoint(point) = r.spec() { Some((r.anchor(), point)) } else { None })
}

/// The clients of a server.
pub fn clients<'a>(tree: &'a Tree, server: &Anchor) -> impl Iterator<Item = (&'a Anchor, &'a Client)> + use<'a> {
    tree.within(server)
        .filter_map(|r| if let Spec::Client(client) = r.spec() { Some((r.anchor(), client)) } else { None })
}

fn client_at<'a>(tree: &'a Tree, anchor: &Anchor) -> Option<(&'a Anchor, &'a Client)> {
    let resource = tree.get(anchor)?;
    if let Spec::Client(client) = resource.spec() { Some((resource.anchor(), client)) } else { None }
}

/// Whether only named clients may call a server. Clients close it even where the state was lost.
#[must_use]
pub fn is_closed(tree: &Tree, server: &Anchor) -> bool {
    let Some(resource) = tree.get(server) else { return false };
    match tree.inbound(server).and_then(|inbound| inbound.access) {
        Some(Access::Open) => false,
        Some(Access::Closed) => true,
        None => resource.state.closed || clients(tree, server).next().is_some(),
    }
}

/// The protocol that a server really speaks: older clients write TCP for HTTP services, and mean it where any intent
/// about the same Service port looks at requests.
#[must_use]
pub fn effective_protocol(tree: &Tree, server: &Anchor, inbound: &Inbound) -> Protocol {
    if inbound.protocol != Protocol::Tcp {
        return inbound.protocol;
    }
    let same_port = |peer: &&Anchor| tree.inbound(peer).is_some_and(|other| other.port == inbound.port);
    let looks_at_requests = |peer: &Anchor| {
        tree.inbound(peer).is_some_and(|other| other.traffic.is_http_level())
            || access_points(tree, peer).any(|(_, point)| point.is_http_level())
    };
    let by_peers = tree
        .namespace(server)
        .is_some_and(|namespace| tree.of_service(namespace, &inbound.service).filter(same_port).any(looks_at_requests));
    if by_peers || looks_at_requests(server) { Protocol::Http } else { Protocol::Tcp }
}

/// The rules that the resource at `anchor`, as it stands in `tree`, breaks together with its parents and children.
/// Pointers are into that resource's body.
#[must_use]
pub fn violations(tree: &Tree, anchor: &Anchor) -> Vec<Violation> {
    let Some(server) = anchor.ancestor(Kind::Inbound) else { return vec![] };
    let Some(inbound) = tree.inbound(&server) else { return vec![] };
    let mut found = vec![];
    let mut say = |pointer: &str, message: String| found.push(Violation::new(pointer, message));
    let own = |pointer: &'static str, kind: Kind| if anchor.kind() == kind { pointer } else { "" };

    // What lies below `anchor`, and the client that it lies below: a server may have thousands of others.
    let above = anchor.parent().filter(|parent| parent.kind() == Kind::Client);
    for (client_anchor, client) in
        clients(tree, anchor).chain(above.iter().filter_map(|client| client_at(tree, client)))
    {
        let name = client_anchor.name();
        if !inbound.sidecar {
            let pointer = own("/spec/management/sidecarProxy", Kind::Inbound);
            say(
                pointer,
                format!(
                    "client `{name}`: the server has no sidecar (sidecarProxy no), so nothing would enforce who calls it"
                ),
            );
        }
        if inbound.protocol == Protocol::Udp {
            say(
                own("/spec/protocol", Kind::Inbound),
                format!("client `{name}`: the mesh does not carry UDP, so nothing would enforce who calls it"),
            );
        }
        if inbound.mtls == Mtls::Strict && !client.sidecar {
            let pointer =
                if anchor.kind() == Kind::Client { "/spec/sidecar" } else { own("/spec/mtls", Kind::Inbound) };
            say(
                pointer,
                format!("client `{name}` has no sidecar and the server's mtls is strict: it could never connect"),
            );
        }
    }
    if let Some(namespace) = tree.namespace(&server).filter(|_| anchor.kind() == Kind::Inbound) {
        let same_service = tree.of_service(namespace, &inbound.service).nth(MOST_PEERS);
        let same_pods = tree.of_workload(namespace, &inbound.label).nth(MOST_PEERS);
        for (pointer, what) in
            [("/spec/serviceName", same_service.map(|_| "Service")), ("/spec/appLabel", same_pods.map(|_| "pods"))]
        {
            if let Some(what) = what {
                say(
                    pointer,
                    format!("more than {MOST_PEERS} inbound intents would be about the same {what}; merge some"),
                );
            }
        }
    }
    let mut keys: BTreeMap<&Issuer, (&Anchor, &KeysUri)> = BTreeMap::new();
    for (point_anchor, jwt) in access_points(tree, &server).filter_map(|(at, point)| Some((at, point.jwt.as_ref()?))) {
        let Some(uri) = &jwt.keys else { continue };
        let (first, known) = *keys.entry(&jwt.issuer).or_insert((point_anchor, uri));
        if known != uri && (point_anchor.is_within(anchor) || first.is_within(anchor)) {
            let message = format!(
                "the keys of issuer {} are at {known} for access point `{}` and at {uri} for `{}`; say one place",
                jwt.issuer,
                first.name(),
                point_anchor.name()
            );
            say(own("/spec/jwt/jwksUri", Kind::AccessPoint), message);
        }
    }
    let opaque = !inbound.protocol.is_http() && inbound.protocol != Protocol::Tcp;
    for (point_anchor, _) in access_points(tree, anchor).filter(|(_, point)| opaque && point.is_http_level()) {
        say(
            own("/spec/protocol", Kind::Inbound),
            format!(
                "access point `{}`: url, access, hosts and jwt need an HTTP protocol, the server says {}",
                point_anchor.name(),
                inbound.protocol
            ),
        );
    }
    found
}

/// What is to be known of the server that holds the resource at `anchor`, or is it, if it says that it is in no mesh.
#[must_use]
pub fn outside_the_mesh(tree: &Tree, anchor: &Anchor) -> Option<Finding> {
    let server = anchor.ancestor(Kind::Inbound).filter(|server| tree.inbound(server).is_some_and(|it| !it.in_mesh))?;
    let message = format!("{server} is in no mesh, so nothing is rendered for it and nothing decides who may call it");
    let place = Place::pointing(server.as_str(), "/spec/serviceMesh");
    Some(Finding::warning("intent/no-mesh", place, message, "say serviceMesh: istio in it if Istio shall carry it"))
}

/// What is to be known of the client at `anchor` if it names no identity.
#[must_use]
pub fn wider_than_workload(tree: &Tree, anchor: &Anchor) -> Option<Finding> {
    let (_, client) = client_at(tree, anchor)?;
    let unnamed = client.sidecar && client.namespaces.is_empty() && client.service_accounts.is_empty();
    let server = tree.inbound(&anchor.ancestor(Kind::Inbound)?).filter(|server| unnamed && server.in_mesh)?;
    let host = tree.get(anchor).and_then(|resource| host_of(resource));
    let namespace = tree.namespace(host.as_ref().unwrap_or(anchor))?;
    let message = format!(
        "every identity of namespace `{namespace}` may call `{}` as client `{}`: this is wider than one workload",
        server.service,
        anchor.name()
    );
    let place = Place::pointing(anchor.as_str(), "/spec/serviceAccounts");
    Some(Finding::warning("access/wider-than-workload", place, message, "name serviceAccounts"))
}

/// What there would be too much of below a server, and what to do.
#[must_use]
pub fn crowd(tree: &Tree, server: &Anchor) -> Option<String> {
    let (mut clients, mut points) = (0, 0);
    for resource in tree.within(server) {
        match resource.spec() {
            Spec::Client(_) => (clients, points) = (clients + 1, 0),
            Spec::AccessPoint(_) => points += 1,
            _ => {}
        }
        if points > MOST_POINTS {
            let client = resource.anchor().parent()?;
            return Some(format!(
                "{client} would have more than {MOST_POINTS} access points; put more paths into each"
            ));
        }
        if clients > MOST_CLIENTS {
            return Some(format!("{server} would have more than {MOST_CLIENTS} clients; name more identities in each"));
        }
    }
    None
}

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
    let Some(server) = anchor.ancestor(Kind::Inbound) else { return vec![] };
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
    if let Some(name) = inbound.external_name.as_ref().filter(|_| inbound.exposed) {
        compare(tree.of_outside_name(name).collect(), same_outside_name);
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
        let shares = traffic.weights.iter().map(|share| format!("{} {}", share.subset, share.weight));
        shares.collect::<Vec<_>>().join(", ")
    };
    if !left.weights.is_empty() && !right.weights.is_empty() {
        found.push(differ("/spec/trafficManagement/weights", &weights(left), &weights(right)));
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
    let credential =
        |inbound: &Inbound| inbound.external.credential_name.as_ref().map(ToString::to_string).unwrap_or_default();
    [
        differ("/spec/externalName", &backend(left_anchor, left), &backend(right_anchor, right)),
        differ("/spec/management/tlsType", &left.tls, &right.tls),
        differ("/spec/external/credentialName", &credential(left), &credential(right)),
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

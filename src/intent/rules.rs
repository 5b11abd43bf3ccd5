//! Rules that tie several resources together.

use std::collections::BTreeMap;

use super::anchor::Anchor;
use super::fields::Violation;
use super::kind::Kind;
use super::outbound;
use super::spec::{Access, AccessPoint, Action, Client, Inbound, Issuer, KeysUri, Mtls, Protocol, Spec};
use super::tree::{Tree, host_of};
use crate::finding::{Finding, Place};

/// The most inbound intents that may be about one Service, or about the same pods: each is compared with all others.
pub(super) const MOST_PEERS: usize = 64;

/// The most clients of one server, and access points of one client: they become the rules of one policy, and each is
/// compared with all others.
const MOST_CLIENTS: usize = 5_000;
const MOST_POINTS: usize = 256;

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
    let Some(server) = anchor.ancestor(Kind::Inbound) else { return outbound::violations(tree, anchor) };
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
        if !inbound.has_proxy() {
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
    found.extend(issuers(tree, &server, anchor));
    found.extend(ambient(tree, inbound, anchor));
    let opaque = !inbound.protocol.is_http() && inbound.protocol != Protocol::Tcp;
    for (point_anchor, _) in access_points(tree, anchor).filter(|(_, point)| opaque && point.is_http_level()) {
        found.push(Violation::new(
            own("/spec/protocol", Kind::Inbound),
            format!(
                "access point `{}`: url, access, hosts and jwt need an HTTP protocol, the server says {}",
                point_anchor.name(),
                inbound.protocol
            ),
        ));
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
    if let Some(crowd) = outbound::crowd(tree, server) {
        return Some(crowd);
    }
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

/// Issuers of one server whose keys are said to be in two places.
fn issuers(tree: &Tree, server: &Anchor, anchor: &Anchor) -> Vec<Violation> {
    let mut found = vec![];
    let mut keys: BTreeMap<&Issuer, (&Anchor, &KeysUri)> = BTreeMap::new();
    for (point_anchor, jwt) in access_points(tree, server).filter_map(|(at, point)| Some((at, point.jwt.as_ref()?))) {
        let Some(uri) = &jwt.keys else { continue };
        let (first, known) = *keys.entry(&jwt.issuer).or_insert((point_anchor, uri));
        if known != uri && (point_anchor.is_within(anchor) || first.is_within(anchor)) {
            let message = format!(
                "the keys of issuer {} are at {known} for access point `{}` and at {uri} for `{}`; say one place",
                jwt.issuer,
                first.name(),
                point_anchor.name()
            );
            let pointer = if anchor.kind() == Kind::AccessPoint { "/spec/jwt/jwksUri" } else { "" };
            found.push(Violation::new(pointer, message));
        }
    }
    found
}

/// What is said of requests or ports that an ambient data plane does not know.
fn ambient(tree: &Tree, inbound: &Inbound, anchor: &Anchor) -> Vec<Violation> {
    let mut found = vec![];
    for (point_anchor, point) in access_points(tree, anchor).filter(|_| inbound.ambient) {
        let name = point_anchor.name();
        let (pointer, message) = match &inbound.waypoint {
            None if point.is_http_level() => (
                "/spec",
                format!(
                    "access point `{name}`: ztunnel reads no requests, so url, access, hosts and jwt need a waypoint"
                ),
            ),
            None if point.action == Action::Audit => {
                ("/spec/action", format!("access point `{name}`: ztunnel audits nothing; name a waypoint"))
            }
            Some(_) if !point.ports.is_empty() => (
                "/spec/ports",
                format!(
                    "access point `{name}`: a waypoint knows the Service's port and not those of its pods; leave ports out"
                ),
            ),
            _ => continue,
        };
        let pointer = if anchor.kind() == Kind::AccessPoint { pointer } else { "" };
        found.push(Violation::new(pointer, message));
    }
    found
}

//! Outbound intents as they meet: the rules between them, and their contradictions.

use std::collections::BTreeSet;

use super::anchor::Anchor;
use super::conflict::Conflict;
use super::fields::Violation;
use super::kind::Kind;
use super::resource::Resource;
use super::scalar::DnsLabel;
use super::spec::{EgressScope, Origination, Outbound, OutboundServer, Resolution, Spec, Via};
use super::tree::{Tree, host_of};

/// The most outbound servers of one namespace, or of one egress gateway, that may be about the same host.
const MOST_PEERS: usize = 64;

/// The most servers of one outbound intent.
const MOST_SERVERS: usize = 256;

/// The namespace that the calling pods of a client run in.
#[must_use]
pub fn namespace_of_client<'t>(tree: &'t Tree, client: &Resource) -> Option<&'t DnsLabel> {
    let host = host_of(client);
    tree.namespace(host.as_ref().unwrap_or(client.anchor()))
}

/// The outbound intent at `anchor`, if it is one.
#[must_use]
pub fn caller<'t>(tree: &'t Tree, anchor: &Anchor) -> Option<&'t Outbound> {
    let Spec::Outbound(caller) = tree.get(anchor)?.spec() else { return None };
    Some(caller)
}

/// The outbound server at `anchor`, if it is one, and its caller.
#[must_use]
pub fn server<'t>(tree: &'t Tree, anchor: &Anchor) -> Option<(&'t Outbound, &'t OutboundServer)> {
    let Spec::OutboundServer(server) = tree.get(anchor)?.spec() else { return None };
    Some((caller(tree, &anchor.parent()?)?, server))
}

/// The servers at and below `anchor`.
fn servers<'t>(tree: &'t Tree, anchor: &Anchor) -> impl Iterator<Item = (&'t Anchor, &'t OutboundServer)> + use<'t> {
    tree.within(anchor).filter_map(|resource| match resource.spec() {
        Spec::OutboundServer(server) => Some((resource.anchor(), &**server)),
        _ => None,
    })
}

/// The rules that an outbound intent or server breaks together with its parent and children.
pub(super) fn violations(tree: &Tree, anchor: &Anchor) -> Vec<Violation> {
    let Some(intent) = anchor.ancestor(Kind::Outbound) else { return vec![] };
    let Some(caller) = caller(tree, &intent) else { return vec![] };
    let mut found = vec![];
    for (at, server) in servers(tree, anchor) {
        let own = |pointer: &'static str| if at == anchor { pointer } else { "" };
        if server.via == Via::EgressGateway && caller.service_account.is_none() {
            let message = format!(
                "`{}` goes through the egress gateway, which lets callers pass by identity; set serviceAccount in {intent}",
                server.host
            );
            found.push(Violation::new(own("/spec/via"), message));
        }
        if let Some(namespace) = tree.namespace(at)
            && tree.outside().of_host(namespace, &server.host).nth(MOST_PEERS).is_some()
        {
            let message =
                format!("more than {MOST_PEERS} outbound servers would be about `{}`; merge some", server.host);
            found.push(Violation::new(own("/spec/externalServiceName"), message));
        }
    }
    found
}

/// Whether an outbound intent would have more servers than one may have.
pub(super) fn crowd(tree: &Tree, anchor: &Anchor) -> Option<String> {
    let intent = anchor.ancestor(Kind::Outbound)?;
    servers(tree, &intent).nth(MOST_SERVERS)?;
    Some(format!("{intent} would have more than {MOST_SERVERS} servers; split it"))
}

/// What two servers say about one field, where they differ.
type Difference = (&'static str, String, String);

/// Every other outbound intent or server that the one at `anchor`, or a server below it, contradicts.
pub(super) fn conflicts(tree: &Tree, anchor: &Anchor) -> Vec<Conflict> {
    let mut found = vec![];
    let conflict = |intent: &Anchor, with: &Anchor, (field, ours, theirs): Difference| Conflict {
        intent: intent.clone(),
        with: with.clone(),
        field,
        message: format!("`{ours}` here, `{theirs}` there"),
    };
    if let Some(own) = caller(tree, anchor)
        && let Some(namespace) = tree.namespace(anchor)
    {
        let peers = tree.outside().of_workload(namespace, &own.label).filter(|peer| *peer != anchor).take(MOST_PEERS);
        for peer in peers {
            let Some(other) = caller(tree, peer) else { continue };
            found.extend(same_pods(own, other).into_iter().map(|difference| conflict(anchor, peer, difference)));
        }
    }
    for (at, own) in servers(tree, anchor) {
        let (Some((caller, _)), Some(namespace)) = (server(tree, at), tree.namespace(at)) else { continue };
        let exits = tree.outside().of_exit(&own.host).take(if own.via == Via::EgressGateway { MOST_PEERS } else { 0 });
        let mut peers: BTreeSet<&Anchor> = exits.collect();
        peers.extend(tree.outside().of_host(namespace, &own.host).take(MOST_PEERS));
        for peer in peers.into_iter().filter(|peer| *peer != at) {
            let Some((other_caller, other)) = server(tree, peer) else { continue };
            let pair = Pair { same_pods: caller.label == other_caller.label, own, other };
            let same_namespace = tree.namespace(peer) == Some(namespace);
            found.extend(pair.differences(same_namespace).into_iter().map(|difference| conflict(at, peer, difference)));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn differ<T: PartialEq>(field: &'static str, own: &T, other: &T, words: impl Fn(&T) -> String) -> Option<Difference> {
    (own != other).then(|| (field, words(own), words(other)))
}

fn same_pods(own: &Outbound, other: &Outbound) -> Vec<Difference> {
    let mut found = vec![];
    if own.service_account.is_some() && other.service_account.is_some() {
        let words = |account: &Option<_>| account.as_ref().map(ToString::to_string).unwrap_or_default();
        found.push(differ("/spec/serviceAccount", &own.service_account, &other.service_account, words));
    }
    if own.egress_scope.is_some() && other.egress_scope.is_some() {
        let words = |scope: &Option<EgressScope>| scope.map(|scope| scope.to_string()).unwrap_or_default();
        found.push(differ("/spec/egressScope", &own.egress_scope, &other.egress_scope, words));
    }
    found.into_iter().flatten().collect()
}

/// Two servers about one host.
struct Pair<'t> {
    same_pods: bool,
    own: &'t OutboundServer,
    other: &'t OutboundServer,
}

impl Pair<'_> {
    /// What they cannot both say: of callers in one namespace, or else behind one egress gateway.
    fn differences(&self, same_namespace: bool) -> Vec<Difference> {
        let (own, other) = (self.own, self.other);
        let exits = own.via == Via::EgressGateway && other.via == Via::EgressGateway;
        if !same_namespace && !exits {
            return vec![];
        }
        let endpoints =
            |server: &OutboundServer| server.endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut found = vec![
            differ("/spec/via", &own.via, &other.via, ToString::to_string),
            differ("/spec/dnsResolution", &own.resolution, &other.resolution, Resolution::to_string),
            differ("/spec/endPointAddress", &endpoints(own), &endpoints(other), Clone::clone),
        ];
        // The gateway tells hosts apart by server name, and cannot tell ports of one host apart.
        if exits {
            found.push(differ("/spec/port", &own.port, &other.port, ToString::to_string));
        }
        if exits || own.service_port() == other.service_port() {
            found.push(differ("/spec/protocol", &own.protocol, &other.protocol, ToString::to_string));
            let targets = [own, other].map(|server| server.port);
            if !exits {
                found.push(differ("/spec/port", &targets[0], &targets[1], ToString::to_string));
            }
            found.push(self.tls(exits));
        }
        found.into_iter().flatten().collect()
    }

    /// TLS differs where one rule would have to say both; each workload with a secret of its own has its own rule.
    fn tls(&self, exits: bool) -> Option<Difference> {
        let secret = |tls: &Option<Origination>| tls.as_ref().is_some_and(|tls| tls.credential_name.is_some());
        let (own, other) = (&self.own.tls, &self.other.tls);
        let shared = exits || self.same_pods || !(secret(own) || secret(other)) || own.is_some() != other.is_some();
        differ("/spec/tls", own, other, words).filter(|_| shared)
    }
}

fn words(tls: &Option<Origination>) -> String {
    let Some(tls) = tls else { return "no tls".into() };
    let mut words = vec![tls.mode.to_string()];
    words.extend(tls.credential_name.iter().map(|name| format!("credentialName {name}")));
    words.extend(tls.sni.iter().map(|sni| format!("sni {sni}")));
    words.extend(tls.subject_alt_names.iter().map(|name| format!("subjectAltName {name}")));
    words.join(", ")
}

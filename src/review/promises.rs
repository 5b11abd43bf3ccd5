//! Whether callers get in whom intents promise it.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::Model;
use super::model::{Cluster, destination};
use crate::access::{Access, Decision, Destination, Peer, Policies, Protocol, Request, Verdict};
use crate::finding::{Finding, Place};
use crate::intent::rules::clients;
use crate::intent::spec::{AccessPoint, Action, Client, Inbound, Jwt};
use crate::intent::tree::group_of_guest;
use crate::intent::{Anchor, Kind, Spec};
use crate::render::{Target, TargetAccess};

/// What stands for any name where a pattern or an intent leaves it open: nobody writes a policy about it.
const ANY: &str = "meshwright-any";
/// The most values of one list that are tried.
const MOST_TRIED: usize = 64;
/// The most pairs of an identity and a request that are tried of one access point.
const MOST_PAIRS: usize = 1024;

/// A client of a server at one of its workloads.
struct Promise<'a> {
    target: &'a Target,
    server: &'a Anchor,
    inbound: &'a Inbound,
    client: &'a Client,
    /// Where it is promised: the client, or one of its access points.
    place: &'a Anchor,
    point: Option<&'a AccessPoint>,
}

/// What decides at a workload.
struct Here<'a> {
    name: &'a str,
    cluster: &'a Cluster<'a>,
    policies: &'a Policies,
    /// Who may call it on ports of either kind, once somebody asks.
    access: [OnceCell<Access>; 2],
}

impl Here<'_> {
    /// Whether a request may be let in, whatever it does not say.
    fn may_admit(&self, target: &Target, request: &Request) -> bool {
        let to = Destination { port: None, ..request.to.clone() };
        let access = &self.access[usize::from(to.protocol == Protocol::Http)];
        access.get_or_init(|| self.cluster.access(target, &to)).admitting(request).is_some()
    }
}

impl<'a> Model<'a> {
    /// What the manifests deny though an intent allows it; and what cannot be told, because it depends on which of two
    /// policies is the older one. It is as far as samples show: every identity of a client is tried, and every path, method,
    /// host, port and subject that an access point names, a pattern by one value of its.
    #[must_use]
    pub fn broken_promises(&self) -> Vec<Finding> {
        let is_decided = |target: &&Target| matches!(target.access, TargetAccess::Open | TargetAccess::Closed);
        let targets: Vec<&Target> = self.targets.iter().filter(is_decided).collect();
        let findings: BTreeSet<Finding> =
            targets.into_par_iter().flat_map_iter(|target| self.of_target(target)).collect();
        findings.into_iter().collect()
    }

    fn of_target(&self, target: &Target) -> Vec<Finding> {
        let mut findings = vec![];
        let name = target.cluster.to_string();
        let Some(cluster) = self.clusters.get(&name) else { return findings };
        for server in &target.intents {
            let Some(inbound) = self.tree.inbound(server) else { continue };
            let policies = cluster.policies_of(target, inbound.service.as_str());
            let here = Here { name: &name, cluster, policies: &policies, access: Default::default() };
            for (anchor, client) in clients(self.tree, server) {
                let peers = self.peers(target, server, client);
                for (place, point) in self.points(anchor) {
                    let promise = Promise { target, server, inbound, client, place, point };
                    findings.extend(self.broken(&promise, &peers, &here));
                }
            }
        }
        findings
    }

    /// What a client may do by its access points; everything where none allows anything.
    fn points(&self, client: &'a Anchor) -> Vec<(&'a Anchor, Option<&'a AccessPoint>)> {
        let allowed = self.tree.within(client).filter_map(|it| match it.spec() {
            Spec::AccessPoint(point) if point.action == Action::Allow => Some((it.anchor(), Some(point))),
            _ => None,
        });
        let allowed: Vec<_> = allowed.collect();
        if allowed.is_empty() { vec![(client, None)] } else { allowed }
    }

    /// Whom a client stands for: each of its identities, from each of its addresses.
    fn peers(&self, target: &Target, server: &Anchor, client: &Client) -> Vec<Peer> {
        let elsewhere = group_of_guest(client);
        let Some(group) = elsewhere.or_else(|| server.ancestor(Kind::DeploymentIntentGroup)) else { return vec![] };
        let clusters = self.topology.clusters(&group, &client.app).unwrap_or_default();
        // The address of a caller does not survive the way from another cluster, which is refused elsewhere.
        let clusters = clusters.into_iter().filter(|it| client.cidrs.is_empty() || *it == target.cluster);
        let domains: BTreeSet<String> =
            clusters.filter_map(|cluster| Some(self.topology.facts(&cluster)?.trust_domain)).collect();
        let mut accounts: Vec<(String, String)> = client
            .service_accounts
            .iter()
            .map(|account| account.pair())
            .map(|(namespace, name)| (namespace.to_owned(), name.to_owned()))
            .collect();
        accounts.extend(client.namespaces.iter().map(|namespace| (namespace.to_string(), ANY.to_owned())));
        if accounts.is_empty() {
            accounts.extend(self.tree.namespace(&group).map(|namespace| (namespace.to_string(), ANY.to_owned())));
        }
        let identity = |domain: &String| {
            let of = |(namespace, name): &(String, String)| Some(format!("{domain}/ns/{namespace}/sa/{name}"));
            accounts.iter().map(of).collect::<Vec<_>>()
        };
        let principals: Vec<Option<String>> = match client.sidecar {
            true => domains.iter().flat_map(identity).collect(),
            false if domains.is_empty() => vec![],
            false => vec![None],
        };
        let first = |block: String| block.split('/').next().and_then(|address| address.parse().ok());
        let mut addresses: Vec<_> = client.cidrs.iter().map(|block| first(block.to_string())).collect();
        if addresses.is_empty() {
            addresses.push(None);
        }
        let peer = |principal: &Option<String>| {
            let from = |ip| Peer { principal: principal.clone(), ip, remote_ip: None };
            addresses.iter().copied().map(from).collect::<Vec<_>>()
        };
        principals.iter().flat_map(peer).take(MOST_TRIED).collect()
    }

    fn broken(&self, promise: &Promise<'_>, peers: &[Peer], here: &Here<'_>) -> Vec<Finding> {
        let Promise { target, server, inbound, .. } = promise;
        let to = destination(self.tree, server, inbound, target);
        let (mut broken, mut taken_back) = (BTreeMap::new(), BTreeMap::new());
        let mut is_let_in = false;
        for (mut request, from) in pairs(&samples(promise, to), peers) {
            request.from = from;
            let mut decision = here.policies.decide(&request);
            let is_denied = decision.verdict == Verdict::Deny && decision.external.is_none();
            is_let_in |= !is_denied;
            if is_denied || decision.unsure.is_some() {
                let is_ours = decision.policy.as_ref().is_some_and(|policy| !here.cluster.by_hand.contains_key(policy));
                if is_denied && !is_ours && decision.unsure.is_none() && here.may_admit(target, &request) {
                    decision.unsure = Some(format!("it is {decision}, but for some address or host of the caller"));
                }
                let of = if is_ours && decision.unsure.is_none() { &mut taken_back } else { &mut broken };
                of.entry(decision.to_string()).or_insert_with(|| (request, decision));
            }
        }
        // What DENY access points take back of what is allowed is meant, unless nothing is left.
        if !is_let_in {
            broken.append(&mut taken_back);
        }
        broken.values().map(|(request, decision)| finding(promise, here.name, request, decision)).collect()
    }
}

/// A request for each value that an access point names.
fn samples(promise: &Promise<'_>, to: Destination) -> Vec<Request> {
    let is_http = to.protocol == Protocol::Http;
    let method = if promise.inbound.protocol.is_grpc() { "POST" } else { "GET" };
    let (mut paths, mut methods, mut hosts, mut ports) = (vec![], vec![], vec![], vec![]);
    let mut tokens = vec![];
    if let Some(point) = promise.point {
        paths.extend(point.paths.iter().map(|pattern| path(pattern.as_str())));
        methods.extend(point.methods.iter().map(|method| method.as_str().to_owned()));
        hosts.extend(point.hosts.iter().map(|pattern| pattern.as_str().replace('*', ANY)));
        ports.extend(point.ports.iter().map(|port| port.number()));
        tokens.extend(point.jwt.iter().flat_map(claims));
    }
    let longest = [paths.len(), methods.len(), hosts.len(), ports.len(), tokens.len(), 1].into_iter().max();
    let request = |at: usize| Request {
        from: Peer::default(),
        to: Destination { port: nth(&ports, at).or(to.port), ..to.clone() },
        method: is_http.then(|| nth(&methods, at).unwrap_or_else(|| method.to_owned())),
        path: is_http.then(|| nth(&paths, at).unwrap_or_else(|| format!("/{ANY}"))),
        host: nth(&hosts, at),
        sni: None,
        headers: BTreeMap::new(),
        jwt: nth(&tokens, at),
    };
    (0..longest.unwrap_or(1).min(MOST_TRIED)).map(request).collect()
}

/// Requests and callers together: each with each, and of many at least each once.
fn pairs<A: Clone, B: Clone>(requests: &[A], callers: &[B]) -> impl Iterator<Item = (A, B)> {
    let (some, more) = (requests.len().min(callers.len()), requests.len().max(callers.len()));
    let pairs = (0..some).flat_map(move |round| (0..more).map(move |at| (at, at + round)));
    // The longer list is gone through in each round, and the shorter one begins a place further on.
    let pair = move |(at, further): (usize, usize)| match requests.len() == more {
        true => Some((nth(requests, at)?, nth(callers, further)?)),
        false => Some((nth(requests, further)?, nth(callers, at)?)),
    };
    pairs.filter_map(pair).take(MOST_PAIRS)
}

/// The value at an index, beginning anew at the end.
fn nth<T: Clone>(values: &[T], at: usize) -> Option<T> {
    values.get(at.checked_rem(values.len())?).cloned()
}

/// A path that a pattern matches.
fn path(pattern: &str) -> String {
    let path = pattern.replace("{**}", ANY).replace("{*}", ANY);
    match path.strip_prefix('*') {
        Some(end) => format!("/{ANY}{end}"),
        None => path.strip_suffix('*').map_or(path.clone(), |start| format!("{start}{ANY}")),
    }
}

/// Claims of a token about each subject.
fn claims(jwt: &Jwt) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let mut subjects: Vec<String> = jwt.subjects.iter().map(|subject| subject.as_str().replace('*', ANY)).collect();
    if subjects.is_empty() {
        subjects.push(ANY.to_owned());
    }
    let claims = |subject: String| {
        let mut claims = serde_json::Map::new();
        claims.insert("iss".into(), jwt.issuer.as_str().into());
        claims.insert("sub".into(), subject.into());
        if let Some(audience) = jwt.audiences.first() {
            claims.insert("aud".into(), audience.as_str().into());
        }
        claims
    };
    subjects.into_iter().map(claims).collect()
}

fn finding(promise: &Promise<'_>, cluster: &str, request: &Request, decision: &Decision) -> Finding {
    let Promise { target, inbound, client, place, .. } = promise;
    let who = match (&request.from.principal, request.from.ip) {
        (Some(principal), _) => principal.replace(&format!("/sa/{ANY}"), "/sa/*"),
        (None, Some(ip)) => format!("{} from {ip}", client.service),
        (None, None) => client.service.to_string(),
    };
    let what = [&request.method, &request.path].into_iter().flatten().map(|it| it.replace(ANY, "*"));
    let what = what.collect::<Vec<_>>().join(" ");
    let what = if what.is_empty() { String::new() } else { format!(" ({what})") };
    let service = format!("{}/{}:{}", target.namespace, inbound.service, inbound.port);
    let at = Place::at(place.as_str());
    if let Some(unsure) = &decision.unsure {
        let message = format!("whether {who} may call {service}{what} on {cluster} is not certain: {unsure}");
        let remedy = match &decision.policy {
            Some(policy) => format!("look whether {policy} is meant for this caller"),
            None => "leave one of them".to_owned(),
        };
        return Finding::warning("access/unsure", at, message, remedy);
    }
    let message = format!("{who} is promised to call {service}{what}, and {cluster} decides: {decision}");
    let remedy = match (&decision.policy, &decision.peer_authentication) {
        (Some(policy), _) | (None, Some(policy)) => {
            format!("change {policy} so that it lets this caller in, or take the promise back")
        }
        (None, None) => {
            "let its PeerAuthentication take mutual TLS, or else report it: a rule was not rendered".to_owned()
        }
    };
    Finding::error("access/promise", at, message, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_meets_each_caller_and_of_many_each_comes_up() {
        let pairs_of = |requests: usize, callers: usize| -> Vec<(usize, usize)> {
            pairs(&Vec::from_iter(0..requests), &Vec::from_iter(0..callers)).collect()
        };
        for (requests, callers) in [(1, 1), (2, 3), (3, 2), (4, 4), (32, 32), (1, 64), (64, 1)] {
            let pairs: BTreeSet<_> = pairs_of(requests, callers).into_iter().collect();
            assert_eq!(pairs.len(), requests * callers, "{requests} {callers}");
        }
        for (requests, callers) in [(64, 64), (64, 40), (40, 64)] {
            let pairs = pairs_of(requests, callers);
            assert_eq!(pairs.len(), MOST_PAIRS);
            assert_eq!(pairs.iter().map(|it| it.0).collect::<BTreeSet<_>>().len(), requests);
            assert_eq!(pairs.iter().map(|it| it.1).collect::<BTreeSet<_>>().len(), callers);
        }
        assert!(pairs_of(0, 3).is_empty() && pairs_of(3, 0).is_empty());
    }

    #[test]
    fn a_sample_of_a_path_is_one_that_the_pattern_matches() {
        for (pattern, sample) in [
            ("/a", "/a"),
            ("/a/*", "/a/meshwright-any"),
            ("*/b", "/meshwright-any/b"),
            ("*", "/meshwright-any"),
            ("/a/{*}/b/{**}", "/a/meshwright-any/b/meshwright-any"),
        ] {
            assert_eq!(path(pattern), sample, "{pattern}");
        }
    }
}

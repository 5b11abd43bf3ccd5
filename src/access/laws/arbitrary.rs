//! Random policies and requests from alphabets so small that they meet.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::json;

use crate::access::{Destination, Mesh, Peer, Protocol, Proxy, Request};
use crate::istio::{
    Action, AuthorizationPolicy, Condition, ExtensionProvider, LabelSelector, MutualTls, MutualTlsMode, ObjectMeta,
    Operation, PeerAuthentication, PolicyTargetReference, Resource, Rule, RuleFrom, RuleTo, Source,
};

type Words = &'static [&'static str];

const PRINCIPALS: Words = &[
    "*",
    "*/sa/a",
    "*b",
    "cluster.local/ns/shop/*",
    "cluster.local/ns/shop/sa/a",
    "cluster.local/ns/shop/sa/b",
    "cluster.local/ns/web/sa/a",
    "old/ns/shop/sa/a",
    "other/ns/shop/sa/a",
    "cluster.local/ns/shop/sa/*",
];
const IDENTITIES: Words = &[
    "cluster.local/ns/shop/sa/a",
    "cluster.local/ns/shop/sa/b",
    "cluster.local/ns/web/sa/a",
    "spiffe://old/ns/shop/sa/a",
    "other/ns/shop/sa/a",
];
const NAMESPACES: Words = &["shop", "web", "sh*", "*", "s*p", "none", "*a"];
const ACCOUNTS: Words = &["a", "shop/a", "web/a", "shop/b", "b"];
const DOMAINS: Words = &["cluster.local", "old", "o*", "*r", "*", "c*l"];
const BLOCKS: Words = &["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "192.0.2.1"];
const ADDRESSES: Words = &["10.1.2.3", "10.2.0.1", "192.0.2.1"];
const TOKENS: Words = &["*", "https://i/x/s", "https://i/x/*", "https://i/*", "*/s", "*x/s", "https://i/x/t*"];
const HOSTS: Words = &["h", "H:*", "*:80", "h:80", "*", "g*", "*h"];
const METHODS: Words = &["GET", "POST", "P*", "*", "*T"];
const PATHS: Words = &[
    "/a",
    "/a/*",
    "/a*",
    "*/b",
    "*",
    "/a/{*}",
    "/{**}",
    "/a/{**}/b",
    "/{*}/b",
    "/b",
    "*b",
    "/a/../b",
    "/{*}",
    "/a%2Fb",
];
const SENT: Words =
    &["/a", "/a/", "/a/b", "/b", "/a/x/b", "/x/../a", "/a//b", "/a/%2e%2e/b?a", "/a%2Fb", "/", "/a/./b/.."];
const PORTS: Words = &["80", "81"];
const SNI: Words = &["a.example", "*.example", "*"];
const VALUES: Words = &["v", "v*", "*w", "*", "w"];
const CLAIMS: Words = &["r", "w", "*", "r*", "a", "b"];

/// Mostly none of these, sometimes one or two.
fn some(words: Words, none: u32) -> impl Strategy<Value = Vec<String>> {
    let one = || select(words).prop_map(str::to_owned);
    prop_oneof![none => Just(vec![]), 2 => one().prop_map(|it| vec![it]), 1 => vec(one(), 2)]
}

/// The same, and now and then what Istio cannot read.
fn unfit(words: Words, none: u32) -> impl Strategy<Value = Vec<String>> {
    (some(words, none), prop::bool::weighted(0.02)).prop_map(move |(mut values, unfit)| {
        if unfit {
            values.push(if words == PORTS { "+80" } else { "x" }.to_owned());
        }
        values
    })
}

fn source() -> impl Strategy<Value = Source> {
    let identities = (
        some(PRINCIPALS, 4),
        some(PRINCIPALS, 30),
        some(NAMESPACES, 10),
        some(NAMESPACES, 30),
        some(ACCOUNTS, 14),
        some(ACCOUNTS, 30),
        some(DOMAINS, 20),
        some(DOMAINS, 40),
    );
    let others = (
        unfit(BLOCKS, 15),
        unfit(BLOCKS, 30),
        unfit(BLOCKS, 20),
        unfit(BLOCKS, 40),
        some(TOKENS, 20),
        some(TOKENS, 30),
    );
    (identities, others).prop_map(|(identities, others)| {
        let (principals, not_principals, namespaces, not_namespaces, accounts, not_accounts, domains, not_domains) =
            identities;
        let (ip_blocks, not_ip_blocks, remote_ip_blocks, not_remote_ip_blocks, tokens, not_tokens) = others;
        Source {
            principals,
            not_principals,
            request_principals: tokens,
            not_request_principals: not_tokens,
            namespaces,
            not_namespaces,
            service_accounts: accounts,
            not_service_accounts: not_accounts,
            trust_domains: domains,
            not_trust_domains: not_domains,
            ip_blocks,
            not_ip_blocks,
            remote_ip_blocks,
            not_remote_ip_blocks,
        }
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let positive = (some(HOSTS, 12), unfit(PORTS, 8), some(METHODS, 4), some(PATHS, 4));
    let negated = (some(HOSTS, 30), unfit(PORTS, 40), some(METHODS, 20), some(PATHS, 20));
    (positive, negated).prop_map(|(positive, negated)| {
        let ((hosts, ports, methods, paths), (not_hosts, not_ports, not_methods, not_paths)) = (positive, negated);
        Operation { hosts, not_hosts, ports, not_ports, methods, not_methods, paths, not_paths }
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let keys: Vec<(&str, Words)> = vec![
        ("source.ip", BLOCKS),
        ("remote.ip", BLOCKS),
        ("source.namespace", NAMESPACES),
        ("source.principal", PRINCIPALS),
        ("source.serviceAccount", ACCOUNTS),
        ("source.trustDomain", DOMAINS),
        ("destination.ip", BLOCKS),
        ("destination.port", PORTS),
        ("connection.sni", SNI),
        ("request.auth.principal", TOKENS),
        ("request.auth.audiences", CLAIMS),
        ("request.auth.presenter", CLAIMS),
        ("request.auth.claims[scope]", CLAIMS),
        ("request.auth.claims[o][g]", CLAIMS),
        ("request.headers[x-id]", VALUES),
        ("request.headers[X-ID]", VALUES),
        ("nonsense", VALUES),
    ];
    select(keys).prop_flat_map(|(key, words)| {
        (some(words, 1), some(words, 4)).prop_map(move |(values, not_values)| Condition {
            key: key.to_owned(),
            values,
            not_values,
        })
    })
}

/// A rule.
pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let from = prop_oneof![2 => Just(vec![]), 3 => vec(source(), 1..=1), 1 => vec(source(), 2)];
    let to = prop_oneof![2 => Just(vec![]), 3 => vec(operation(), 1..=1), 1 => vec(operation(), 2)];
    let when = prop_oneof![5 => Just(vec![]), 2 => vec(condition(), 1..=1), 1 => vec(condition(), 2)];
    (from, to, when).prop_map(|(from, to, when)| Rule {
        from: from.into_iter().map(|source| RuleFrom { source: Some(source) }).collect(),
        to: to.into_iter().map(|operation| RuleTo { operation: Some(operation) }).collect(),
        when,
    })
}

fn selector() -> impl Strategy<Value = Option<LabelSelector>> {
    let labels = |labels: &[(&str, &str)]| {
        let match_labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Some(LabelSelector { match_labels })
    };
    prop_oneof![
        4 => Just(None),
        1 => Just(labels(&[])),
        4 => Just(labels(&[("app", "cart")])),
        2 => Just(labels(&[("app", "cart"), ("version", "v1")])),
        1 => Just(labels(&[("app", "other")])),
    ]
}

fn namespace() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just("shop"), 2 => Just("istio-system"), 1 => Just("web")]
}

/// An AuthorizationPolicy without a name.
pub(super) fn policy(action: impl Strategy<Value = Option<Action>>) -> impl Strategy<Value = Resource> {
    let target = prop::bool::weighted(0.05);
    let rules = prop_oneof![1 => Just(vec![]), 8 => vec(rule(), 1..=3)];
    let spec = (selector(), action, rules, target, select(&["opa", "opa", "opa", "jwt"][..]));
    (namespace(), prop::bool::weighted(0.1), spec).prop_map(|(namespace, dry_run, spec)| {
        let (selector, action, rules, target, provider) = spec;
        let service = PolicyTargetReference { kind: "Service".into(), name: "cart".into(), ..Default::default() };
        let target_refs = if target { vec![service] } else { vec![] };
        let provider = (action == Some(Action::Custom)).then(|| ExtensionProvider { name: provider.to_owned() });
        let annotations =
            if dry_run { BTreeMap::from([("istio.io/dry-run".into(), "true".into())]) } else { BTreeMap::new() };
        let metadata = ObjectMeta { namespace: namespace.into(), annotations, ..Default::default() };
        let policy = AuthorizationPolicy { selector, action, provider, rules, target_refs, ..Default::default() };
        Resource::new(metadata, policy)
    })
}

/// Any action.
pub(super) fn action() -> impl Strategy<Value = Option<Action>> {
    prop_oneof![
        2 => Just(None),
        4 => Just(Some(Action::Allow)),
        4 => Just(Some(Action::Deny)),
        1 => Just(Some(Action::Audit)),
        1 => Just(Some(Action::Custom)),
    ]
}

fn peer_authentication() -> impl Strategy<Value = Resource> {
    let mode = || {
        prop_oneof![
            Just(None),
            Just(Some(MutualTlsMode::Unset)),
            Just(Some(MutualTlsMode::Disable)),
            Just(Some(MutualTlsMode::Permissive)),
            Just(Some(MutualTlsMode::Strict)),
        ]
    };
    let ports = prop::option::weighted(0.4, (select(PORTS), mode()));
    (namespace(), selector(), mode(), ports).prop_map(|(namespace, selector, mode, port)| {
        let mtls = |mode| MutualTls { mode };
        let port_level_mtls = port.into_iter().map(|(port, mode)| (port.to_owned(), mtls(mode))).collect();
        let metadata = ObjectMeta { namespace: namespace.into(), ..Default::default() };
        let policy = PeerAuthentication { selector, mtls: mode.map(|mode| mtls(Some(mode))), port_level_mtls };
        Resource::new(metadata, policy)
    })
}

/// The resources of a mesh, each with a name of its own.
pub(super) fn resources() -> impl Strategy<Value = Vec<Resource>> {
    let modes = prop_oneof![3 => Just(vec![]), 1 => vec(peer_authentication(), 1..=4)];
    (vec(policy(action()), 0..=4), modes).prop_map(|(policies, modes)| named(policies.into_iter().chain(modes)))
}

/// The same with names: more than ten, so that they stand in another order as text.
pub(super) fn named(resources: impl IntoIterator<Item = Resource>) -> Vec<Resource> {
    let name = |(n, mut resource): (usize, Resource)| {
        resource.metadata.name = format!("p{}", (n * 7 + 3) % 23);
        resource
    };
    resources.into_iter().enumerate().map(name).collect()
}

/// A mesh with or without an alias of its trust domain.
pub(super) fn mesh() -> impl Strategy<Value = Mesh> {
    let domains =
        |all: &[&str]| Mesh { trust_domains: all.iter().map(|it| (*it).to_owned()).collect(), ..Mesh::default() };
    prop_oneof![
        2 => Just(Mesh::default()),
        1 => Just(domains(&["cluster.local", "old"])),
        1 => Just(domains(&["old", "other"])),
    ]
}

fn maybe(words: Words, weight: f64) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(weight, select(words).prop_map(str::to_owned))
}

/// A request.
pub(super) fn request() -> impl Strategy<Value = Request> {
    let address = |weight| prop::option::weighted(weight, select(ADDRESSES).prop_map(|it| it.parse().unwrap()));
    let peer = (maybe(IDENTITIES, 0.85), address(0.9), address(0.2)).prop_map(|(principal, ip, remote_ip)| Peer {
        principal,
        ip,
        remote_ip,
    });
    let version = prop::bool::ANY.prop_map(|has| {
        let app = ("app".to_owned(), "cart".to_owned());
        [app].into_iter().chain(has.then(|| ("version".to_owned(), "v1".to_owned()))).collect::<BTreeMap<_, _>>()
    });
    let namespace = prop_oneof![12 => Just("shop"), 1 => Just("istio-system")];
    let port = prop_oneof![3 => Just(Some(80)), 2 => Just(Some(81)), 1 => Just(None)];
    let protocol = prop_oneof![4 => Just(Protocol::Http), 1 => Just(Protocol::Tcp)];
    let proxy = prop_oneof![8 => Just(Proxy::Sidecar), 1 => Just(Proxy::Gateway)];
    let to = (namespace, version, port, protocol, address(0.3), proxy).prop_map(
        |(namespace, labels, port, protocol, ip, proxy)| Destination {
            namespace: namespace.to_owned(),
            labels,
            port,
            protocol,
            ip,
            proxy,
            service: None,
        },
    );
    let jwt = (
        select(&["https://i/x", "https://i", "x"][..]),
        select(&["s", "t1"][..]),
        select(&["r", "w", "r w"][..]),
        0..4_usize,
    )
        .prop_map(|(iss, sub, scope, aud)| {
            let aud = [json!("a"), json!("b"), json!(["a", "b"]), json!(["r", 1])][aud].clone();
            let claims = json!({"iss": iss, "sub": sub, "aud": aud, "azp": "a", "scope": scope, "o": {"g": ["w"]}});
            claims.as_object().unwrap().clone()
        });
    let header = maybe(&["v", "vw", "w", ""], 0.5)
        .prop_map(|value| value.into_iter().map(|value| ("X-Id".to_owned(), value)).collect::<BTreeMap<_, _>>());
    let asked = (maybe(&["GET", "POST", "PUT"], 0.95), maybe(SENT, 0.95), maybe(&["h", "H:80", "g.h", "gh"], 0.9));
    let rest = (maybe(&["a.example", "b.example"], 0.4), header, prop::option::weighted(0.5, jwt));
    (peer, to, asked, rest).prop_map(|(from, to, (method, path, host), (sni, headers, jwt))| Request {
        from,
        to,
        method,
        path,
        host,
        sni,
        headers,
        jwt,
    })
}

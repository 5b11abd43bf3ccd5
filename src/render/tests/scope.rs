//! Scopes: rendering what a change concerns gives what rendering everything would.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::intent::{Anchor, Resource, testing::resource};
use crate::render::{Manifest, Outside, Target, is_namespace_file};

const APP: &str = "projects/p/composite-apps/a/v1";

/// One change of a tree.
#[derive(Debug, Clone)]
enum Edit {
    Put(Box<Resource>),
    Remove(Anchor),
    Terminate(Anchor, bool),
}

impl Edit {
    /// Changes the tree; gives what was changed.
    fn apply(&self, tree: &mut Tree) -> Vec<Anchor> {
        match self {
            Self::Put(resource) => {
                tree.put(Resource::clone(resource));
                vec![resource.anchor().clone()]
            }
            Self::Remove(anchor) => {
                let all: Vec<_> = tree.within(anchor).map(|resource| resource.anchor().clone()).collect();
                all.iter().rev().for_each(|anchor| tree.remove(anchor));
                all
            }
            Self::Terminate(group, terminated) => {
                tree.set_terminated(group, *terminated);
                vec![group.clone()]
            }
        }
    }
}

fn put(path: String, spec: Value) -> Edit {
    let name = path.rsplit('/').next().unwrap().to_owned();
    Edit::Put(Box::new(resource(&path, &json!({"metadata": {"name": name}, "spec": spec}).to_string())))
}

fn one_of(texts: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    proptest::sample::select(texts)
}

fn inbound() -> impl Strategy<Value = Edit> {
    let place = (one_of(&["prod", "ops"]), one_of(&["s", "t", "u"]), one_of(&["cart", "web", "probe"]));
    let pods = (one_of(&["x", "y"]), one_of(&["a", "b"]), one_of(&["TCP", "HTTP", "TLS"]), any::<[bool; 5]>());
    let ways = one_of(&["", "failover", "weights"]);
    (place, pods, one_of(&["one.example.com", "two.example.com"]), ways).prop_map(|(place, pods, outside, ways)| {
        let (group, name, app) = place;
        let (label, service, protocol, [mesh, exposed, known, closed, strict]) = pods;
        let passed = protocol == "TLS";
        let traffic = match ways {
            "failover" if known && !passed => json!({"failover": [{"from": "gke/east", "to": "gke/west"}]}),
            "weights" if known && !passed => {
                json!({"weights": [{"cluster": "gke/east", "weight": 1}, {"cluster": "gke/west", "weight": 2}]})
            }
            _ => json!({}),
        };
        let spec = json!({
            "app": app, "appLabel": format!("app={label}"), "serviceName": service, "port": 80,
            "targetPort": known.then_some(8080), "protocol": protocol, "serviceMesh": if mesh { "istio" } else { "none" },
            "externalName": outside, "externalSupport": exposed, "external": {"port": 7000},
            "management": {"tlsType": if passed { "PASSTHROUGH" } else { "NONE" }},
            "access": closed.then_some("closed"), "mtls": if strict { "strict" } else { "inherit" },
            "serviceAccount": "a", "trafficManagement": traffic,
        });
        put(format!("{APP}/deployment-intent-groups/{group}/traffic-group-intents/t/inbound-intents/{name}"), spec)
    })
}

fn caller() -> impl Strategy<Value = Edit> {
    let server = (one_of(&["prod", "ops"]), one_of(&["s", "t", "u"]), one_of(&["c", "d"]));
    let placed = proptest::option::of(one_of(&["p/a/v1/prod", "p/a/v1/ops"]));
    (server, one_of(&["cart", "web", "probe"]), placed, any::<[bool; 2]>()).prop_map(
        |(server, app, placed, [named, held])| {
            let (group, server, name) = server;
            let accounts: &[&str] = if named { &["shop/web"] } else { &[] };
            let cidrs: &[&str] = if held { &["10.0.0.0/8"] } else { &[] };
            let spec = json!({
                "app": app, "appLabel": "app=z", "serviceName": "z", "namespaces": [], "cidrs": cidrs,
                "serviceAccounts": accounts, "placedIn": placed,
            });
            let group = format!("{APP}/deployment-intent-groups/{group}/traffic-group-intents/t");
            put(format!("{group}/inbound-intents/{server}/clients/{name}"), spec)
        },
    )
}

fn point() -> impl Strategy<Value = Edit> {
    let client = (one_of(&["prod", "ops"]), one_of(&["s", "t"]), one_of(&["c", "d"]));
    (client, one_of(&["ALLOW", "DENY"]), any::<bool>()).prop_map(|((group, server, client), action, looks)| {
        let url: &[&str] = if looks { &["/x"] } else { &[] };
        let group = format!("{APP}/deployment-intent-groups/{group}/traffic-group-intents/t");
        let path = format!("{group}/inbound-intents/{server}/clients/{client}/access-points/p");
        put(path, json!({"action": action, "url": url}))
    })
}

/// Outbound intents and servers; some share pods with the clients of `caller`, some the egress gateway of a cluster.
fn outward() -> impl Strategy<Value = Edit> {
    let intents = (one_of(&["prod", "ops"]), one_of(&["o", "p"]));
    let called = (one_of(&["bank.example", "mail.example"]), one_of(&["x.example", "y.example"]), any::<[bool; 4]>());
    (intents, called, one_of(&["cart", "web", "probe"]), any::<bool>()).prop_map(|(intents, called, app, is_caller)| {
        let ((group, name), (host, lost, [through, tls, secret, scoped])) = (intents, called);
        let path = format!("{APP}/deployment-intent-groups/{group}/traffic-group-intents/t/outbound-intents/{name}");
        if is_caller {
            let label = if tls { "app=z" } else { "app=w" };
            let spec = json!({"app": app, "appLabel": label, "serviceName": name, "serviceAccount": secret.then_some("a"),
                "egressScope": if scoped { "declared" } else { "all" }});
            return put(path, spec);
        }
        let tls = tls.then(|| json!({"credentialName": secret.then_some("s")}));
        let spec = json!({"externalServiceName": host, "port": 443, "protocol": "HTTP", "tls": tls,
            "via": if through { "egress-gateway" } else { "direct" },
            "acknowledge": if through { json!([lost]) } else { json!([]) }});
        put(format!("{path}/servers/{}", if scoped { "s" } else { "t" }), spec)
    })
}

fn topology() -> impl Strategy<Value = Edit> {
    let clusters = one_of(&["east", "west", "north"]);
    let apps = one_of(&["cart", "web", "probe"]);
    let groups = one_of(&["prod", "ops"]);
    let term = (any::<bool>(), clusters.clone()).prop_map(|(labelled, cluster)| {
        let key = if labelled { "clusterLabel" } else { "cluster" };
        json!({"clusterProvider": "gke", key: if labelled { "edge" } else { cluster }})
    });
    prop_oneof![
        (groups.clone(), apps.clone(), proptest::collection::vec(term, 0..3), any::<bool>()).prop_map(
            |(group, app, terms, all)| {
                let path =
                    format!("{APP}/deployment-intent-groups/{group}/generic-placement-intents/g/app-intents/{app}");
                put(path, json!({"app": app, "intent": {if all { "allOf" } else { "anyOf" }: terms}}))
            }
        ),
        (clusters.clone(), any::<bool>()).prop_map(|(cluster, dns)| {
            let egress = json!({"selector": {"istio": "egressgateway"}, "namespace": if dns { "egress" } else { "tools" },
                "serviceAccount": "gate", "host": "gate.egress.svc.cluster.local"});
            put(format!("cluster-providers/gke/clusters/{cluster}"), json!({"dnsProxy": dns, "egress": egress}))
        }),
        clusters.clone().prop_map(|cluster| {
            let path = format!("cluster-providers/gke/clusters/{cluster}/labels/edge");
            Edit::Put(Box::new(resource(&path, r#"{"clusterLabel": "edge"}"#)))
        }),
        (clusters, 1..3_u8).prop_map(|(cluster, n)| {
            let kv = json!({"kv": [{"istioIngressGatewayAddress": format!("192.0.2.{n}")}]});
            put(format!("cluster-providers/gke/clusters/{cluster}/kv-pairs/istio"), kv)
        }),
        (one_of(&["shop", "tools"]), one_of(&["shop", "tools"])).prop_map(|(cloud, namespace)| {
            put(format!("projects/p/logical-clouds/{cloud}"), json!({"namespace": namespace}))
        }),
        (groups, one_of(&["shop", "tools", "gone"])).prop_map(|(group, cloud)| {
            put(format!("{APP}/deployment-intent-groups/{group}"), json!({"logicalCloud": cloud}))
        }),
        apps.prop_map(|app| Edit::Put(Box::new(resource(
            &format!("{APP}/apps/{app}"),
            &json!({"metadata": {"name": app}}).to_string()
        )))),
    ]
}

/// Egress gateways, and callers of both groups that share a host behind them.
fn outside_world() -> Vec<Edit> {
    let egress = json!({"selector": {"istio": "egressgateway"}, "namespace": "egress", "serviceAccount": "gate",
        "host": "gate.egress.svc.cluster.local"});
    let mut edits: Vec<Edit> = ["east", "west"]
        .map(|cluster| put(format!("cluster-providers/gke/clusters/{cluster}"), json!({"egress": egress})))
        .into();
    for (group, app) in [("prod", "web"), ("ops", "probe")] {
        let intents = format!("{APP}/deployment-intent-groups/{group}/traffic-group-intents/t/outbound-intents");
        let caller = json!({"app": app, "appLabel": "app=z", "serviceName": "o", "serviceAccount": "a",
            "egressScope": "declared"});
        let server = json!({"externalServiceName": "bank.example", "port": 443, "protocol": "HTTP",
            "via": "egress-gateway"});
        edits.extend([put(format!("{intents}/o"), caller), put(format!("{intents}/o/servers/s"), server)]);
    }
    edits
}

/// A change; what is removed is something that may have been put.
fn edit() -> impl Strategy<Value = Edit> {
    let puts = || prop_oneof![3 => inbound(), 3 => caller(), 1 => point(), 3 => topology(), 3 => outward()];
    prop_oneof![
        8 => puts(),
        2 => puts().prop_map(|edit| match edit {
            Edit::Put(resource) => Edit::Remove(resource.anchor().clone()),
            other => other,
        }),
        1 => one_of(&["batch", "probe", "web"]).prop_map(|app| Edit::Remove(Anchor::parse(&format!("{APP}/apps/{app}")).unwrap())),
        1 => (one_of(&["prod", "ops"]), any::<bool>()).prop_map(|(group, terminated)| {
            Edit::Terminate(Anchor::parse(&format!("{APP}/deployment-intent-groups/{group}")).unwrap(), terminated)
        }),
    ]
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    proptest::collection::vec(edit(), 1..16)
}

/// With an outside plugin that is asked about everything.
fn of(tree: &Tree, scope: &Scope) -> Rendered {
    render(tree, &plugins::listing(&["np"]), scope, Outside::AsMain(&crate::render::PluginFiles::default()))
}

fn files(rendered: Rendered) -> BTreeMap<String, Manifest> {
    rendered.manifests.into_iter().filter(|(path, m)| !is_namespace_file(path, m.text.as_bytes())).collect()
}

fn targets(rendered: &Rendered) -> BTreeSet<Target> {
    rendered.targets.iter().cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replacing_what_a_change_concerns_gives_what_rendering_everything_gives(
        history in edits(),
        change in proptest::collection::vec(edit(), 1..4),
    ) {
        let mut before = tree(&[
            server("s", json!({"serviceName": "s"})),
            client("s", "c", json!({"app": "batch"})),
            client("s", "d", json!({"app": "probe", "placedIn": "p/a/v1/ops", "appLabel": "app=z"})),
            client("s", "e", json!({"appLabel": "app=z"})),
        ]);
        outside_world().iter().for_each(|edit| drop(edit.apply(&mut before)));
        for edit in &history {
            edit.apply(&mut before);
        }
        let mut after = before.clone();
        let changed: Vec<_> = change.iter().flat_map(|edit| edit.apply(&mut after)).collect();
        let scope = Scope::concerned(&before, &after, &changed);

        let (old, new) = (of(&before, &scope), of(&after, &scope));
        let mut expected_targets = targets(&of(&before, &Scope::everything(&before)));
        expected_targets.retain(|target| !old.targets.contains(target));
        expected_targets.extend(new.targets.iter().cloned());
        let whole_before = of(&before, &Scope::everything(&before));
        let mut units = whole_before.units.clone();
        units.retain(|unit, _| !old.units.contains_key(unit));
        units.extend(new.units.clone());
        let mut replaced = files(whole_before);
        for path in files(old).keys() {
            prop_assert!(replaced.remove(path).is_some(), "{path} is in a part and not in the whole");
        }
        replaced.extend(files(new));

        let whole = of(&after, &Scope::everything(&after));
        prop_assert_eq!(targets(&whole), expected_targets);
        prop_assert_eq!(&whole.units, &units);
        let whole = files(whole);
        let names = |files: &BTreeMap<String, Manifest>| files.keys().cloned().collect::<Vec<_>>();
        prop_assert_eq!(names(&replaced), names(&whole));
        prop_assert!(replaced == whole);
    }

    #[test]
    fn the_order_of_posting_does_not_matter(edits in edits().prop_shuffle(), seed in any::<prop::sample::Index>()) {
        let mut last: BTreeMap<Anchor, Resource> = BTreeMap::new();
        for edit in edits {
            if let Edit::Put(resource) = edit {
                last.insert(resource.anchor().clone(), *resource);
            }
        }
        let mut resources: Vec<_> = last.into_values().collect();
        let mut trees = vec![];
        for _ in 0..2 {
            let mut tree = tree(&[]);
            resources.iter().for_each(|resource| tree.put(resource.clone()));
            trees.push(of(&tree, &Scope::everything(&tree)));
            resources.reverse();
            let middle = seed.index(resources.len().max(1));
            resources.rotate_left(middle);
        }
        prop_assert!(trees[0] == trees[1]);
    }
}

#[test]
fn a_change_of_a_client_concerns_its_server_and_what_shares_its_pods() {
    let tree = tree(&[
        server("cart", json!({})),
        client("cart", "web", json!({})),
        server("metrics", json!({"serviceName": "metrics", "targetPort": 9090})),
        server("far", json!({"serviceName": "far", "appLabel": "app=far"})),
    ]);
    let changed = Anchor::parse(&format!("{PROD}/traffic-group-intents/t/inbound-intents/cart/clients/web")).unwrap();
    let scope = Scope::concerned(&tree, &tree, &[changed]);
    let services: Vec<_> = scope.services().map(|(namespace, service)| format!("{namespace}/{service}")).collect();
    assert_eq!(services, ["shop/cart", "shop/metrics"]);
}

#[test]
fn a_change_of_a_placement_concerns_servers_elsewhere_with_a_client_there() {
    let guest = client("cart", "probe", json!({"app": "probe", "placedIn": "p/a/v1/ops"}));
    let tree = tree(&[server("cart", json!({})), guest]);
    let changed = format!("{APP}/deployment-intent-groups/ops/generic-placement-intents/g/app-intents/probe");
    let scope = Scope::concerned(&tree, &tree, &[Anchor::parse(&changed).unwrap()]);
    assert_eq!(scope.services().len(), 1);
    let nothing = Scope::concerned(&tree, &tree, &[Anchor::parse("projects/p").unwrap()]);
    assert!(nothing.is_empty());
}

#[test]
fn a_change_of_an_outbound_server_concerns_its_host_and_no_other() {
    let documents: Vec<String> = (0..20)
        .flat_map(|n| {
            let caller = json!({"app": "web", "appLabel": format!("app=w{n}"), "serviceName": format!("w{n}")});
            let host = |part: &str| json!({"externalServiceName": format!("{part}{n}.example"), "port": 443, "protocol": "TLS"});
            let servers = format!("outbound-intents/w{n}/servers");
            [document("outbound-intents", &format!("w{n}"), caller), document(&servers, "a", host("a")), document(&servers, "b", host("b"))]
        })
        .collect();
    let tree = tree(&documents);
    assert_eq!(everything(&tree).manifests.len(), 41);
    let intent = format!("{PROD}/traffic-group-intents/t/outbound-intents/w7");
    let of_change = |anchor: &str| of(&tree, &Scope::concerned(&tree, &tree, &[Anchor::parse(anchor).unwrap()]));
    assert_eq!(paths(&of_change(&format!("{intent}/servers/b"))).len(), 1);
    assert_eq!(paths(&of_change(&intent)).len(), 2);
    let mut parts = Rendered::default();
    for part in Scope::everything(&tree).parts(3) {
        parts.manifests.extend(of(&tree, &part).manifests);
    }
    assert!(parts.manifests == everything(&tree).manifests);
}

#[test]
fn many_services_give_the_same_on_many_threads() {
    let documents: Vec<String> = (0..100)
        .flat_map(|n| {
            let name = format!("s{n}");
            let label = format!("app={name}");
            [
                server(&name, json!({"serviceName": name, "appLabel": label})),
                client(&name, "batch", json!({"app": "batch"})),
            ]
        })
        .collect();
    let tree = tree(&documents);
    let whole = everything(&tree);
    assert_eq!(whole.manifests.len(), 402);
    let mut parts = Rendered::default();
    for n in 0..100 {
        let anchor = Anchor::parse(&format!("{PROD}/traffic-group-intents/t/inbound-intents/s{n}")).unwrap();
        parts.manifests.extend(of(&tree, &Scope::concerned(&tree, &tree, &[anchor])).manifests);
    }
    assert!(parts.manifests == whole.manifests);
}

//! Failover and weights over clusters.

use serde_json::json;

use super::*;

const LOCAL: &str = "cart.shop.svc.cluster.local";
const EAST: &str = "cart.shop.east.gke.mesh";
const WEST: &str = "cart.shop.west.gke.mesh";

/// `cart` runs on both clusters, and `west` has a gateway of its own too.
pub(super) fn both(documents: &[String]) -> Tree {
    testing::tree(&both_text(documents))
}

fn both_text(documents: &[String]) -> String {
    text_with("eastWest: {address: 192.0.2.2}", documents)
}

/// The same with something else said about `west`.
fn both_with(west: &str, documents: &[String]) -> Tree {
    testing::tree(&text_with(west, documents))
}

fn text_with(west: &str, documents: &[String]) -> String {
    let cart = "metadata: {name: cart}\nspec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: east}";
    let mesh = MESH.replace(cart, &format!("{cart}, {{clusterProvider: gke, cluster: west}}"));
    mesh.replace("trustDomain: west.example", &format!("trustDomain: west.example, {west}")) + &documents.concat()
}

/// A third cluster, where `cart` is not and `batch` is.
fn with_north(tree: &str) -> String {
    let batch = "metadata: {name: batch}\nspec: {app: batch, intent: {allOf: [{clusterProvider: gke, cluster: west}]}}";
    assert!(tree.contains(batch));
    let north =
        "---\n{anchor: cluster-providers/gke/clusters, metadata: {name: north}, spec: {dnsProxy: true}}\n".to_owned();
    tree.replace(batch, &batch.replace("west", "north")) + &north
}

fn cart(traffic: Value, more: Value) -> String {
    server("cart", with(json!({"serviceAccount": "cart", "trafficManagement": traffic}), more))
}

fn failover() -> Value {
    json!({"failover": [{"from": "gke/east", "to": "gke/west"}]})
}

fn weights(east: u8, west: u8) -> Value {
    json!({"weights": [{"cluster": "gke/east", "weight": east}, {"cluster": "gke/west", "weight": west}]})
}

/// The files of `rendered` that are about alias hosts, and the Gateways.
fn of_aliases(rendered: &Rendered) -> Vec<String> {
    let known = |path: &&str| path.contains("-mesh-") || path.contains("east-west");
    paths(rendered).into_iter().filter(known).map(ToOwned::to_owned).collect()
}

/// The spec of the one manifest below `cluster` of this kind that is about `host`, pods or not.
fn about(rendered: &Rendered, cluster: &str, kind: &str, host: &str, pods: bool) -> Value {
    let start = format!("{cluster}/shop/cart/{kind}-{}-", host.replace('.', "-"));
    let wanted = |path: &&str| path.starts_with(&start) && path.contains("-mesh-pods-") == pods;
    let all = paths(rendered);
    let found: Vec<_> = all.iter().copied().filter(|path| wanted(path)).collect();
    let [path] = found[..] else { panic!("{start}: {found:?} among {all:#?}") };
    spec(rendered, path)
}

fn routes(rendered: &Rendered, path: &str) -> Vec<(String, Value)> {
    let routes = spec(rendered, path);
    let route = &routes["http"].as_array().or(routes["tcp"].as_array()).unwrap()[0]["route"];
    let to = |it: &Value| (it["destination"]["host"].as_str().unwrap().to_owned(), it["weight"].clone());
    route.as_array().unwrap().iter().map(to).collect()
}

#[test]
fn failover_puts_the_callers_own_pods_before_the_gateway_of_the_other_cluster() {
    let rendered = everything(&both(&[cart(failover(), json!({})), client("cart", "web", json!({}))]));
    assert_eq!(errors(&rendered), [""; 0]);
    let port = |target: Value| json!([with(json!({"number": 80, "protocol": "HTTP", "name": "http-80"}), target)]);
    let internal = json!({"hosts": [WEST], "location": "MESH_INTERNAL", "resolution": "STATIC"});
    let of_pods = |to: &str| {
        let selected = json!({"ports": port(json!({"targetPort": 8080})), "exportTo": [to],
            "workloadSelector": {"labels": {"app": "cart"}}});
        with(internal.clone(), selected)
    };
    let names = json!(["spiffe://cluster.local/ns/shop/sa/cart", "spiffe://west.example/ns/shop/sa/cart"]);
    let seen = with(of_pods("*"), json!({"subjectAltNames": names}));
    assert_eq!(about(&rendered, "east", "serviceentry", WEST, true), seen);
    let labels = json!({"meshwright.dev/standby": "true", "security.istio.io/tlsMode": "istio"});
    let gateway = json!({"ports": port(json!({})), "exportTo": ["*"], "subjectAltNames": names,
        "endpoints": [{"address": "192.0.2.2", "ports": {"http-80": 15443}, "labels": labels}]});
    assert_eq!(about(&rendered, "east", "serviceentry", WEST, false), with(internal.clone(), gateway));
    let policy = json!({
        "loadBalancer": {"localityLbSetting": {"failoverPriority": ["meshwright.dev/standby"]}},
        "outlierDetection": {"consecutiveGatewayErrors": 5, "consecutive5xxErrors": 0, "maxEjectionPercent": 100},
        "tls": {"mode": "ISTIO_MUTUAL"},
    });
    let rule = json!({"host": WEST, "trafficPolicy": policy, "exportTo": ["*"]});
    assert_eq!(about(&rendered, "east", "destinationrule", WEST, false), rule);
    assert_eq!(routes(&rendered, "east/shop/cart/virtualservice-cart-traffic.yaml"), [(WEST.into(), json!(null))]);

    // The other side: for its gateway alone, and nobody there is led anywhere.
    assert_eq!(about(&rendered, "west", "serviceentry", WEST, false), of_pods("istio-system"));
    let gateway = spec(&rendered, "west/shop/cart/gateway-cart-east-west.yaml");
    assert_eq!(gateway["servers"][0]["hosts"], json!([WEST]));
    assert_eq!(of_aliases(&rendered).len(), 5, "{:#?}", of_aliases(&rendered));
    assert!(!paths(&rendered).contains(&"west/shop/cart/virtualservice-cart-traffic.yaml"));
    let principals = json!(["cluster.local/ns/shop/sa/web"]);
    let policy = spec(&rendered, "west/shop/cart/authorizationpolicy-cart-allow.yaml");
    assert_eq!(policy["rules"][0]["from"][0]["source"]["principals"], principals, "nobody more than was named");
    assert!(said(&rendered, Severity::Note).contains(&"access/served-elsewhere"));
}

#[test]
fn each_may_give_way_to_the_other() {
    let mutual = json!({"failover": [{"from": "gke/east", "to": "gke/west"}, {"from": "gke/west", "to": "gke/east"}]});
    let tree = both(&[cart(mutual, json!({}))]);
    let rendered = everything(&tree);
    assert_eq!(errors(&rendered), [""; 0]);
    assert_eq!(routes(&rendered, "west/shop/cart/virtualservice-cart-traffic.yaml"), [(EAST.into(), json!(null))]);
    for (cluster, host) in [("east", EAST), ("west", WEST)] {
        // What comes in by its gateway goes to its pods, and not on.
        let own = about(&rendered, cluster, "serviceentry", host, false);
        assert!(own["endpoints"].is_null() && !own["workloadSelector"].is_null(), "{own}");
        let gateway = spec(&rendered, &format!("{cluster}/shop/cart/gateway-cart-east-west.yaml"));
        assert_eq!(gateway["servers"][0]["hosts"], json!([host]));
    }
}

#[test]
fn who_gives_way_keeps_to_the_subset_and_to_what_is_said_of_it() {
    let traffic = with(
        failover(),
        json!({
            "outlierDetection": {"consecutive5xxErrors": 2, "maxEjectionPercent": 60},
            "subsets": [
                {"name": "v1", "labels": {"version": "v1"}},
                {"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}
            ],
            "weights": [{"subset": "v1", "weight": 9}, {"subset": "v2", "weight": 1}],
        }),
    );
    let rendered = everything(&both(&[cart(traffic, json!({}))]));
    assert_eq!(errors(&rendered), [""; 0]);
    let rule = about(&rendered, "east", "destinationrule", WEST, false);
    let detection = json!({"consecutive5xxErrors": 2, "maxEjectionPercent": 60});
    let locality = json!({"failoverPriority": ["meshwright.dev/standby"]});
    let balancing = json!({"simple": "RANDOM", "localityLbSetting": locality});
    let subset = json!({"loadBalancer": balancing, "outlierDetection": detection});
    assert_eq!(rule["subsets"][1]["trafficPolicy"], subset);
    assert_eq!(rule["trafficPolicy"]["outlierDetection"], detection);
    let route = &spec(&rendered, "east/shop/cart/virtualservice-cart-traffic.yaml")["http"][0]["route"];
    assert_eq!((&route[0]["destination"]["host"], &route[0]["destination"]["subset"]), (&json!(WEST), &json!("v1")));
    // The gateway finds its way by `outbound_.80_.v1_.<host>`.
    let sets = json!([{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]);
    let there = about(&rendered, "west", "destinationrule", WEST, false);
    assert_eq!(there, json!({"host": WEST, "subsets": sets, "exportTo": ["istio-system"]}));
    let entry = about(&rendered, "east", "serviceentry", WEST, false);
    let versions: Vec<_> = entry["endpoints"].as_array().unwrap().iter().map(|it| &it["labels"]["version"]).collect();
    assert_eq!(versions, ["v1", "v2"]);
}

#[test]
fn outlier_detection_that_defeats_failover_is_warned_of() {
    let of = |traffic: Value, documents: &[String]| {
        let found = everything(&both(&[&[cart(traffic, json!({}))], documents].concat()));
        assert_eq!(errors(&found), [""; 0]);
        let about = found.findings.into_iter().filter(|it| it.rule == "render/failover");
        about.map(|it| it.place.to_string().split_once("/trafficManagement/").unwrap().1.to_owned()).collect::<Vec<_>>()
    };
    let kept = json!({"outlierDetection": {"maxEjectionPercent": 60, "minHealthPercent": 50}});
    let both_said = ["outlierDetection/maxEjectionPercent", "outlierDetection/minHealthPercent"];
    assert_eq!(of(with(failover(), kept.clone()), &[]), both_said);
    assert_eq!(of(with(weights(1, 1), kept.clone()), &[]), [""; 0], "a share of a cluster has no failover");
    let again = server("again", json!({"trafficManagement": kept.clone()}));
    assert_eq!(of(failover(), &[again]), both_said, "another intent about the port");
    let admin = server("admin", json!({"port": 81, "targetPort": 8081, "trafficManagement": kept.clone()}));
    assert_eq!(of(failover(), &[admin]), [""; 0], "another port");
    let all = json!({"outlierDetection": {"maxEjectionPercent": 100, "minHealthPercent": 0, "interval": "5s"}});
    assert_eq!(of(with(failover(), all), &[]), [""; 0]);
    let subsets = json!({"subsets": [{"name": "v1", "labels": {"version": "v1"}},
        {"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": kept}]});
    let of_subset = both_said.map(|field| format!("subsets/1/trafficPolicy/{field}"));
    assert_eq!(of(with(failover(), subsets), &[]), of_subset);
}

#[test]
fn subsets_of_any_intent_about_the_port_are_known_at_the_gateway() {
    let traffic =
        json!({"subsets": [{"name": "v1", "labels": {"version": "v1"}}], "weights": [{"subset": "v1", "weight": 1}]});
    let subsets = server("subsets", json!({"trafficManagement": traffic}));
    let rendered = everything(&both(&[cart(failover(), json!({})), subsets]));
    assert_eq!(errors(&rendered), [""; 0]);
    for cluster in ["east", "west"] {
        assert_eq!(about(&rendered, cluster, "destinationrule", WEST, false)["subsets"][0]["name"], "v1", "{cluster}");
    }
}

#[test]
fn shares_of_clusters_are_the_same_wherever_the_caller_is() {
    let batch = client("cart", "batch", json!({"app": "batch", "serviceAccounts": ["shop/batch", "jobs/batch"]}));
    let documents = [cart(weights(90, 10), json!({})), batch];
    let rendered = everything(&testing::tree(&with_north(&both_text(&documents))));
    assert_eq!(errors(&rendered), [""; 0]);
    let shares = |path: &str| routes(&rendered, path);
    let share = |host: &str, weight: u8| (host.to_owned(), json!(weight));
    let here = "shop/cart/virtualservice-cart-traffic.yaml";
    assert_eq!(shares(&format!("east/{here}")), [share(LOCAL, 90), share(WEST, 10)]);
    assert_eq!(shares(&format!("west/{here}")), [share(EAST, 90), share(LOCAL, 10)]);
    for namespace in ["shop/cart/virtualservice-cart-remote", "jobs/cart/virtualservice-cart-shop-"] {
        let path = paths(&rendered).into_iter().find(|path| path.contains(&format!("north/{namespace}"))).unwrap();
        assert_eq!(shares(path), [share(EAST, 90), share(WEST, 10)]);
    }
    let entry = about(&rendered, "north", "serviceentry", WEST, false);
    assert_eq!((&entry["exportTo"], entry["endpoints"].as_array().map(Vec::len)), (&json!(["."]), Some(1)));
    let gateway = spec(&rendered, "west/shop/cart/gateway-cart-east-west.yaml");
    assert_eq!(gateway["servers"][0]["hosts"], json!([LOCAL, WEST]));
    let rule = about(&rendered, "east", "destinationrule", WEST, false);
    assert_eq!(rule["trafficPolicy"], json!({"tls": {"mode": "ISTIO_MUTUAL"}}));
}

#[test]
fn a_share_of_none_prepares_the_way() {
    let prepared = everything(&both(&[cart(weights(1, 0), json!({}))]));
    let moved = everything(&both(&[cart(weights(1, 1), json!({}))]));
    assert_eq!(of_aliases(&prepared), of_aliases(&moved));
    assert_eq!(of_aliases(&prepared).len(), 8);
    let route = routes(&prepared, "east/shop/cart/virtualservice-cart-traffic.yaml");
    assert_eq!(route, [(LOCAL.into(), json!(1)), (WEST.into(), json!(0))]);
}

#[test]
fn a_gateway_with_a_name_takes_shares_and_cannot_stand_beside_pods() {
    let named =
        |traffic: Value| everything(&both_with("eastWest: {address: w.example.com}", &[cart(traffic, json!({}))]));
    let shared = named(weights(1, 1));
    assert_eq!(errors(&shared), [""; 0]);
    assert_eq!(about(&shared, "east", "serviceentry", WEST, false)["resolution"], "DNS");
    let blocked = named(failover());
    assert_eq!(errors(&blocked), ["topology/gateway-address"]);
    let finding = &blocked.findings.iter().find(|finding| finding.severity == Severity::Error).unwrap();
    assert!(finding.place.pointer == "/spec/trafficManagement/failover", "{finding}");
    assert!(finding.remedy.contains("cluster-providers/gke/clusters/west"), "{finding}");
    assert_eq!(of_aliases(&blocked), [""; 0]);
}

#[test]
fn what_cannot_be_led_there_blocks() {
    let cart = || cart(failover(), json!({}));
    assert_eq!(errors(&rendered(&[cart()])), ["topology/over-clusters"], "it is on east alone");
    assert_eq!(errors(&everything(&both_with("network: far", &[cart()]))), ["topology/gateway-address"]);
    let shared = "eastWest: {address: 192.0.2.1, port: 31443}";
    let found = everything(&both_with(shared, &[cart()]));
    assert_eq!(errors(&found), ["topology/gateway-address"]);
    assert!(found.findings.iter().any(|it| it.message.contains("have one gateway, 192.0.2.1:31443")));
}

#[test]
fn a_cluster_that_is_not_registered_is_told_with_those_that_are() {
    let told = |from: &str, to: &str| {
        let found = everything(&both(&[cart(json!({"failover": [{"from": from, "to": to}]}), json!({}))]));
        assert_eq!(said(&found, Severity::Note).iter().filter(|rule| rule.contains("elsewhere")).count(), 0, "noise");
        let mut errors = found.findings.into_iter().filter(|it| it.severity == Severity::Error);
        let finding = errors.next().unwrap();
        assert!(errors.next().is_none());
        (finding.message, finding.remedy)
    };
    let no =
        |cluster: &str| format!("no cluster {cluster} is registered, and calls of `cart` are to be led there or away");
    let remedy = "name one of gke/east, gke/west, or post it to cluster-providers/gke/clusters";
    assert_eq!(told("gke/north", "gke/west"), (no("gke/north"), remedy.to_owned()));
    let (message, remedy) = told("gke/east", "aws/nope");
    assert_eq!(message, no("aws/nope"));
    assert_eq!(remedy, "name a cluster of a provider that has some, or post it to cluster-providers/aws/clusters");
}

#[test]
fn clusters_whose_names_become_one_label_cannot_be_told_apart() {
    let rename = |text: String| text.replace("cluster: west", "cluster: ea.st").replace("name: west", "name: ea.st");
    let east = |text: String| text.replace("cluster: east", "cluster: ea-st").replace("name: east", "name: ea-st");
    let traffic = json!({"failover": [{"from": "gke/ea-st", "to": "gke/ea.st"}]});
    let text = east(rename(both_text(&[]))).replace("clusters/east/", "clusters/ea-st/") + &cart(traffic, json!({}));
    let found = everything(&testing::tree(&text));
    assert_eq!(errors(&found), ["render/alias"]);
    let finding = found.findings.iter().find(|it| it.severity == Severity::Error).unwrap();
    assert!(finding.message.contains("gke/ea.st and gke/ea-st would both be cart.shop.ea-st.gke.mesh"), "{finding}");
}

#[test]
fn a_name_that_no_handshake_bears_blocks() {
    let long = |c: &str| c.repeat(63);
    let text = both_text(&[cart(failover(), json!({"serviceName": long("s")}))]);
    let text = text.replace("namespace: shop", &format!("namespace: {}", long("n"))).replace("gke", &long("g"));
    let found = everything(&testing::tree(&text));
    assert_eq!(errors(&found), [""; 0]);
    let text = text.replace("cluster: west", &format!("cluster: {}", long("w")));
    let text =
        text.replace("name: west", &format!("name: {}", long("w"))).replace("/west\"", &format!("/{}\"", long("w")));
    let found = everything(&testing::tree(&text));
    assert_eq!(errors(&found), ["render/alias"]);
}

#[test]
fn connections_that_name_no_host_need_an_address_for_the_alias() {
    let tcp = || cart(failover(), json!({"protocol": "TCP"}));
    let found = everything(&both(&[tcp()]));
    assert_eq!(errors(&found), ["topology/dns-proxy"]);
    let resolving =
        both_text(&[tcp()]).replace("metadata: {name: east}}", "metadata: {name: east}, spec: {dnsProxy: true}}");
    let found = everything(&testing::tree(&resolving));
    assert_eq!(errors(&found), [""; 0]);
    assert_eq!(routes(&found, "east/shop/cart/virtualservice-cart-traffic.yaml"), [(WEST.into(), json!(null))]);
}

#[test]
fn cidrs_do_not_survive_the_way_to_another_cluster() {
    let narrowed = || client("cart", "web", json!({"cidrs": ["10.0.0.0/8"]}));
    let found = everything(&both(&[cart(failover(), json!({})), narrowed()]));
    assert_eq!(errors(&found), ["access/remote-cidrs"]);
    let finding = found.findings.iter().find(|it| it.severity == Severity::Error).unwrap();
    assert!(
        finding.message.contains("is led to pods of `cart` on other clusters, from gke/east to gke/west"),
        "{finding}"
    );
    assert!(!said(&found, Severity::Note).contains(&"access/nobody"), "a client is named, and refused");
    let other = json!({"failover": [{"from": "gke/west", "to": "gke/east"}]});
    assert_eq!(
        errors(&everything(&both(&[cart(other, json!({})), narrowed()]))),
        [""; 0],
        "it is on east, which stays"
    );
    let bare = client("cart", "web", json!({"cidrs": ["10.0.0.0/8"], "sidecar": "no", "serviceAccounts": null}));
    assert_eq!(errors(&everything(&both(&[cart(failover(), json!({})), bare]))), [""; 0], "nothing leads it");
}

#[test]
fn outside_callers_are_led_on_by_the_gateway_that_they_enter_and_the_pods_let_it_in() {
    let outside = json!({"externalSupport": true, "externalName": "cart.example.com"});
    let found = everything(&both(&[cart(failover(), outside), client("cart", "web", json!({}))]));
    assert_eq!(errors(&found), [""; 0]);
    let of = |cluster: &str| {
        let start = format!("{cluster}/shop/cart/virtualservice-cart-cart-example-com-");
        let path = paths(&found).into_iter().find(|path| path.starts_with(&start)).unwrap().to_owned();
        routes(&found, &path)[0].0.clone()
    };
    assert_eq!((of("east"), of("west")), (WEST.to_owned(), LOCAL.to_owned()));
    let gateways = |cluster: &str| {
        let policy = spec(&found, &format!("{cluster}/shop/cart/authorizationpolicy-cart-allow.yaml"));
        policy["rules"][1]["from"][0]["source"]["principals"].as_array().unwrap().len()
    };
    assert_eq!((gateways("east"), gateways("west")), (1, 2));
}

#[test]
fn a_port_of_another_intent_needs_its_pods_port_too() {
    let other = |more: Value| {
        let anchor =
            "projects/p/composite-apps/a/v1/deployment-intent-groups/ops/traffic-group-intents/t/inbound-intents";
        let spec = json!({"app": "probe", "appLabel": "app=cart", "serviceName": "cart", "port": 80, "protocol": "HTTP",
            "serviceMesh": "istio", "targetPort": 8080});
        document(anchor, "cart", with(spec, more))
    };
    // The same Service by another group, in the same namespace: it alone is on west.
    let text = |more: Value| {
        let mesh = MESH.replace(
            "metadata: {name: tools}, spec: {namespace: tools}",
            "metadata: {name: tools}, spec: {namespace: shop}",
        );
        let mesh =
            mesh.replace("trustDomain: west.example", "trustDomain: west.example, eastWest: {address: 192.0.2.2}");
        mesh + &cart(failover(), json!({})) + &other(more)
    };
    assert_eq!(errors(&everything(&testing::tree(&text(json!({}))))), [""; 0]);
    let blocked = everything(&testing::tree(&text(json!({"targetPort": null}))));
    assert_eq!(errors(&blocked), ["render/alias"]);
    let finding = blocked.findings.iter().find(|it| it.severity == Severity::Error).unwrap();
    assert!(finding.message.contains("the pods' port behind `cart` on gke/west is not known"), "{finding}");
}

#[test]
fn one_service_fails_over_or_has_shares_on_all_of_its_ports() {
    let admin = server("admin", json!({"port": 81, "targetPort": 8081, "trafficManagement": weights(1, 1)}));
    let found = everything(&both(&[cart(failover(), json!({})), admin]));
    assert_eq!(errors(&found), ["render/alias"]);
    let again = server("again", json!({"trafficManagement": weights(1, 1)}));
    let found = everything(&both(&[cart(failover(), json!({})), again]));
    assert!(errors(&found).contains(&"render/conflict"), "{:?}", errors(&found));
}

#[test]
fn without_it_nothing_of_it_is_left() {
    let plain = || everything(&both(&[cart(json!({"timeout": "3s"}), json!({})), client("cart", "web", json!({}))]));
    for traffic in [failover(), weights(1, 1)] {
        let traffic = with(traffic, json!({"timeout": "3s"}));
        let more = everything(&both(&[cart(traffic, json!({})), client("cart", "web", json!({}))]));
        let gone: Vec<_> = more.manifests.keys().filter(|path| !plain().manifests.contains_key(*path)).collect();
        assert!(gone.len() >= 5 && gone.iter().all(|path| path.contains("-mesh-") || path.contains("east-west")));
        assert!(plain().manifests.keys().all(|path| more.manifests.contains_key(path)));
    }
}

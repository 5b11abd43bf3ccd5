//! Clients on another cluster.

use serde_json::json;

use super::*;

const HOST: &str = "cart.shop.svc.cluster.local";

fn batch(more: Value) -> String {
    client("cart", "batch", with(json!({"app": "batch"}), more))
}

#[test]
fn a_client_on_another_cluster_finds_the_host_behind_the_east_west_gateway() {
    let rendered = rendered(&[server("cart", json!({"serviceAccount": "cart"})), batch(json!({}))]);
    assert_eq!(
        paths(&rendered),
        [
            "east/shop/cart/authorizationpolicy-cart-allow.yaml",
            "east/shop/cart/gateway-cart-east-west.yaml",
            "west/shop/cart/destinationrule-cart-remote.yaml",
            "west/shop/cart/serviceentry-cart-remote.yaml",
        ]
    );
    assert_eq!(
        spec(&rendered, "cart-east-west.yaml"),
        json!({
            "selector": {"istio": "ingressgateway"},
            "servers": [{
                "port": {"number": 15443, "protocol": "TLS", "name": "tls"},
                "hosts": [HOST],
                "tls": {"mode": "AUTO_PASSTHROUGH"},
            }],
        })
    );
    assert_eq!(
        spec(&rendered, "serviceentry-cart-remote.yaml"),
        json!({
            "hosts": [HOST],
            "ports": [{"number": 80, "protocol": "HTTP", "name": "http-80"}],
            "location": "MESH_INTERNAL",
            "resolution": "STATIC",
            "endpoints": [{
                "address": "192.0.2.1",
                "ports": {"http-80": 31443},
                "labels": {"security.istio.io/tlsMode": "istio"},
            }],
            "exportTo": ["."],
            "subjectAltNames": ["spiffe://cluster.local/ns/shop/sa/cart"],
        })
    );
    assert_eq!(
        spec(&rendered, "destinationrule-cart-remote.yaml"),
        json!({"host": HOST, "trafficPolicy": {"tls": {"mode": "ISTIO_MUTUAL"}}, "exportTo": ["."]})
    );
    let principal = json!(["west.example/ns/shop/sa/batch"]);
    assert_eq!(rules(&rendered, "allow")[0]["from"][0]["source"]["principals"], principal);
    assert!(rendered.findings.is_empty());
}

#[test]
fn a_gateway_with_a_name_is_resolved_by_dns() {
    let documents = [server("cart", json!({})), batch(json!({}))];
    let rendered = everything(&tree_instead("192.0.2.1", "gw.example.com", &documents));
    assert_eq!(spec(&rendered, "serviceentry-cart-remote.yaml")["resolution"], "DNS");
}

#[test]
fn without_the_servers_account_its_identity_is_not_verified_and_the_plan_says_so() {
    let rendered = rendered(&[server("cart", json!({})), batch(json!({}))]);
    assert!(spec(&rendered, "serviceentry-cart-remote.yaml")["subjectAltNames"].is_null());
    assert_eq!(said(&rendered, Severity::Note), ["access/server-identity"]);
}

#[test]
fn a_cluster_whose_sidecars_do_not_resolve_the_name_blocks() {
    let documents = [server("cart", json!({"serviceAccount": "cart"})), batch(json!({}))];
    let rendered = everything(&tree_instead("dnsProxy: true", "dnsProxy: false", &documents));
    assert_eq!(errors(&rendered), ["topology/dns-proxy"]);
    let finding = &rendered.findings[0];
    assert!(finding.place.path.ends_with("/inbound-intents/cart"), "{finding}");
    assert!(finding.remedy.contains("cluster-providers/gke/clusters/west"), "{finding}");
}

#[test]
fn a_gateway_without_an_address_blocks_and_is_not_guessed() {
    let documents = [server("cart", json!({"serviceAccount": "cart"})), batch(json!({}))];
    let rendered = everything(&tree_instead("{istioIngressGatewayAddress: 192.0.2.1}, ", "", &documents));
    assert_eq!(errors(&rendered), ["topology/gateway-address"]);
    assert!(paths(&rendered).iter().all(|path| path.starts_with("east/")));
}

#[test]
fn cidrs_of_a_client_on_another_cluster_are_refused_with_the_reason() {
    let rendered = rendered(&[server("cart", json!({})), batch(json!({"cidrs": ["10.0.0.0/8"]}))]);
    assert_eq!(errors(&rendered), ["access/remote-cidrs"]);
    assert_eq!(paths(&rendered), ["east/shop/cart/authorizationpolicy-cart-allow.yaml"]);
    assert!(rules(&rendered, "allow").is_null());
}

#[test]
fn a_client_that_also_runs_beside_the_server_uses_the_local_service_there() {
    let more = json!({"app": "probe", "placedIn": "p/a/v1/ops", "serviceAccounts": ["tools/probe", "shop/x"]});
    let rendered = rendered(&[server("cart", json!({})), client("cart", "probe", more)]);
    let remote: Vec<_> = paths(&rendered).into_iter().filter(|path| path.contains("serviceentry")).collect();
    assert_eq!(remote.len(), 2);
    assert_eq!(remote[0], "west/shop/cart/serviceentry-cart-remote.yaml");
    assert!(remote[1].starts_with("west/tools/cart/serviceentry-cart-shop-"), "{}", remote[1]);
}

#[test]
fn services_of_one_name_in_two_namespaces_are_imported_side_by_side() {
    let tools = "projects/p/composite-apps/a/v1/deployment-intent-groups/ops/traffic-group-intents/t/inbound-intents";
    let remote = json!({"app": "batch", "appLabel": "app=batch", "serviceName": "batch", "namespaces": [], "cidrs": [],
        "serviceAccounts": ["shop/batch"], "placedIn": "p/a/v1/prod"});
    let spec = json!({"app": "probe", "appLabel": "app=cart", "serviceName": "cart", "port": 80, "protocol": "HTTP",
        "serviceMesh": "istio"});
    let on_east = "metadata: {name: probe}\nspec: {app: probe, intent: {allOf: [{clusterProvider: gke, cluster: east}, {clusterProvider: gke, cluster: west}]}}";
    let only = on_east.replace(", {clusterProvider: gke, cluster: west}", "");
    let documents = [
        server("cart", json!({})),
        batch(json!({})),
        document(tools, "cart", spec),
        document(&format!("{tools}/cart/clients"), "batch", remote),
    ];
    let rendered = everything(&tree_instead(on_east, &only, &documents));
    let remote: Vec<_> = paths(&rendered).into_iter().filter(|path| path.contains("serviceentry")).collect();
    assert_eq!(remote.len(), 2, "{remote:?}");
    assert!(remote.iter().all(|path| path.starts_with("west/shop/cart/serviceentry-cart-")));
}

#[test]
fn two_exporting_clusters_are_two_endpoints_that_give_way_to_each_other() {
    let both = "metadata: {name: cart}\nspec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: east}";
    let more = both.to_owned() + ", {clusterProvider: gke, cluster: north}";
    let north = [
        "---\n{anchor: cluster-providers/gke/clusters, metadata: {name: north}, spec: {eastWest: {address: n.example.com}}}\n".to_owned(),
        // The port of another gateway than the one that is dialled.
        "---\n{anchor: cluster-providers/gke/clusters/north/kv-pairs, metadata: {name: istio}, spec: {kv: [{istioIngressGatewayPort: 443}]}}\n".to_owned(),
        server("cart", json!({"serviceAccount": "cart"})),
        batch(json!({})),
    ];
    let rendered = everything(&tree_instead(both, &more, &north));
    let entry = spec(&rendered, "serviceentry-cart-remote.yaml");
    let dialled: Vec<_> =
        entry["endpoints"].as_array().unwrap().iter().map(|e| (&e["address"], &e["ports"]["http-80"])).collect();
    assert_eq!(dialled, [(&json!("192.0.2.1"), &json!(31443)), (&json!("n.example.com"), &json!(15443))]);
    assert_eq!(entry["resolution"], "DNS");
    let policy = &spec(&rendered, "destinationrule-cart-remote.yaml")["trafficPolicy"]["outlierDetection"];
    assert_eq!(*policy, json!({"consecutiveGatewayErrors": 5, "consecutive5xxErrors": 0, "maxEjectionPercent": 50}));
    assert_eq!(paths(&rendered).iter().filter(|path| path.contains("east-west")).count(), 2);
}

#[test]
fn clusters_of_one_trust_domain_are_warned_of() {
    let documents =
        [server("cart", json!({"serviceAccount": "cart"})), batch(json!({})), client("cart", "web", json!({}))];
    let rendered = everything(&tree_instead(", trustDomain: west.example", "", &documents));
    assert_eq!(said(&rendered, Severity::Warning), ["access/trust-domain"], "once for all clients");
}

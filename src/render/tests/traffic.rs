//! Traffic management: load balancing, pools, outlier detection, HTTP settings, subsets and weights.

use serde_json::json;

use super::*;

const HOST: &str = "cart.shop.svc.cluster.local";

fn managed(traffic: Value) -> Value {
    json!({ "trafficManagement": traffic })
}

fn subsets() -> Value {
    json!([{"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}},
        {"name": "v1", "labels": {"version": "v1"}}])
}

#[test]
fn what_applies_to_every_call_is_one_destination_rule() {
    let traffic = json!({"loadBalancer": {"Simple": "LEAST_CONN"}, "connectionPool": {"tcp": {"maxConnections": 7}},
        "outlierDetection": {"consecutive5xxErrors": 3}, "subsets": subsets()});
    let rendered = rendered(&[server("cart", managed(traffic))]);
    assert_eq!(paths(&rendered), ["east/shop/cart/destinationrule-cart-traffic.yaml"]);
    let balancing = json!({"simple": "LEAST_REQUEST"});
    assert_eq!(
        spec(&rendered, "destinationrule-cart-traffic.yaml"),
        json!({
            "host": HOST,
            "trafficPolicy": {"loadBalancer": balancing, "connectionPool": {"tcp": {"maxConnections": 7}},
                "outlierDetection": {"consecutive5xxErrors": 3}},
            "subsets": [{"name": "v1", "labels": {"version": "v1"}},
                {"name": "v2", "labels": {"version": "v2"}, "trafficPolicy": {"loadBalancer": {"simple": "RANDOM"}}}],
        })
    );
}

#[test]
fn ports_of_one_host_that_differ_are_set_apart() {
    let admin = |traffic| {
        let own = json!({"port": 81, "targetPort": 8081, "trafficManagement": traffic});
        server("admin", own)
    };
    let pool = |most: u32| json!({"connectionPool": {"tcp": {"maxConnections": most}}});
    let of =
        |documents: &[String]| spec(&rendered(documents), "destinationrule-cart-traffic.yaml")["trafficPolicy"].clone();
    let alike = of(&[server("cart", managed(pool(1))), admin(pool(1))]);
    assert_eq!(alike, pool(1));
    let apart = of(&[server("cart", managed(pool(1))), admin(pool(2))]);
    let level = |port: u32, most: u32| with(json!({"port": {"number": port}}), pool(most));
    assert_eq!(apart, json!({"portLevelSettings": [level(80, 1), level(81, 2)]}));
    let one = of(&[server("cart", managed(pool(1))), admin(json!(null))]);
    assert_eq!(one, json!({"portLevelSettings": [level(80, 1)]}), "the other port keeps what the mesh says");
}

#[test]
fn what_is_done_with_requests_is_a_route_of_its_port_and_the_others_are_left_alone() {
    let traffic = json!({"timeout": "3s", "retries": {"attempts": 2, "retryOn": "5xx"}, "subsets": subsets(),
        "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 0.5}}},
        "mirror": {"subset": "v2", "percentage": {"value": 10}}, "cors": {"allowOrigin": ["https://a.example"]},
        "weights": [{"subset": "v1", "weight": 90}, {"subset": "v2", "weight": 10}]});
    let rendered = rendered(&[server("cart", managed(traffic))]);
    let to = |subset: &str| json!({"host": HOST, "subset": subset, "port": {"number": 80}});
    let share = |subset: &str, weight: u32| json!({"destination": to(subset), "weight": weight});
    assert_eq!(
        spec(&rendered, "virtualservice-cart-traffic.yaml"),
        json!({"hosts": [HOST], "http": [
            {
                "match": [{"port": 80}],
                "route": [share("v1", 90), share("v2", 10)],
                "timeout": "3s",
                "retries": {"attempts": 2, "retryOn": "5xx"},
                "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 0.5}}},
                "mirrors": [{"destination": to("v2"), "percentage": {"value": 10.0}}],
                "corsPolicy": {"allowOrigins": [{"exact": "https://a.example"}]},
            },
            {"route": [{"destination": {"host": HOST}}]},
        ]})
    );
}

#[test]
fn opaque_connections_are_shared_out_too() {
    let traffic = json!({"subsets": subsets(), "weights": [{"subset": "v2", "weight": 1}]});
    let rendered = rendered(&[server("cart", with(managed(traffic), json!({"protocol": "TCP"})))]);
    let to = json!({"host": HOST, "subset": "v2", "port": {"number": 80}});
    let route = json!([{"match": [{"port": 80}], "route": [{"destination": to, "weight": 1}]}]);
    assert_eq!(spec(&rendered, "virtualservice-cart-traffic.yaml"), json!({"hosts": [HOST], "tcp": route}));
}

#[test]
fn connections_that_pods_end_tls_of_are_shared_out_by_the_gateway_alone() {
    let traffic = managed(json!({"subsets": subsets(), "weights": [{"subset": "v2", "weight": 1}]}));
    let outside = json!({"protocol": "TLS", "externalSupport": true, "externalName": "cart.example.com",
        "management": {"tlsType": "PASSTHROUGH"}});
    let rendered = rendered(&[server("cart", with(traffic, outside))]);
    let paths = paths(&rendered);
    assert!(!paths.iter().any(|path| path.ends_with("/virtualservice-cart-traffic.yaml")), "{paths:?}");
    let path = paths.into_iter().find(|path| path.contains("/virtualservice-cart-")).unwrap();
    let to = json!({"host": HOST, "subset": "v2", "port": {"number": 80}});
    assert_eq!(spec(&rendered, path)["tls"][0]["route"], json!([{"destination": to, "weight": 1}]));
    assert!(rendered.findings.iter().any(|finding| finding.rule == "render/weights"), "{:?}", rendered.findings);
}

#[test]
fn the_gateway_says_it_too_because_routes_of_the_mesh_do_not_apply_there() {
    let traffic = json!({"timeout": "3s", "subsets": subsets(), "weights": [{"subset": "v1", "weight": 1}]});
    let outside = json!({"externalSupport": true, "externalName": "cart.example.com"});
    let rendered = rendered(&[server("cart", with(managed(traffic), outside))]);
    let path = paths(&rendered).into_iter().find(|path| path.contains("/virtualservice-cart-cart-")).unwrap();
    let to = json!({"host": HOST, "subset": "v1", "port": {"number": 80}});
    let route = json!([{"route": [{"destination": to, "weight": 1}], "timeout": "3s"}]);
    assert_eq!(spec(&rendered, path)["http"], route);
}

#[test]
fn clients_on_other_clusters_call_it_in_the_same_way() {
    let traffic = json!({"timeout": "3s", "loadBalancer": {"simple": "RANDOM"}, "subsets": subsets(),
        "weights": [{"subset": "v1", "weight": 1}]});
    let batch = client("cart", "batch", json!({"app": "batch"}));
    let rendered = rendered(&[server("cart", managed(traffic)), batch]);
    let rule = spec(&rendered, "west/shop/cart/destinationrule-cart-remote.yaml");
    let policy = json!({"loadBalancer": {"simple": "RANDOM"}, "tls": {"mode": "ISTIO_MUTUAL"}});
    assert_eq!((&rule["trafficPolicy"], &rule["exportTo"]), (&policy, &json!(["."])));
    assert_eq!(rule["subsets"].as_array().map(Vec::len), Some(2));
    let routes = spec(&rendered, "west/shop/cart/virtualservice-cart-remote.yaml");
    assert_eq!((&routes["http"][0]["timeout"], &routes["exportTo"]), (&json!("3s"), &json!(["."])));
    let entry = spec(&rendered, "west/shop/cart/serviceentry-cart-remote.yaml");
    let versions: Vec<&Value> =
        entry["endpoints"].as_array().unwrap().iter().map(|endpoint| &endpoint["labels"]["version"]).collect();
    assert_eq!(versions, ["v1", "v2"], "each subset leads somewhere");
}

#[test]
fn intents_about_one_port_are_joined_where_they_do_not_differ() {
    let again = server("again", managed(json!({"timeout": "3s"})));
    let documents = [server("cart", managed(json!({"retries": {"attempts": 1}}))), again];
    let rendered = rendered(&documents);
    let routes = spec(&rendered, "virtualservice-cart-traffic.yaml");
    assert_eq!((&routes["http"][0]["timeout"], &routes["http"][0]["retries"]), (&json!("3s"), &json!({"attempts": 1})));
    assert_eq!(errors(&rendered), [""; 0]);
    let other = server("other", managed(json!({"timeout": "4s"})));
    assert_eq!(errors(&everything(&tree(&[documents.to_vec(), vec![other]].concat()))), ["render/conflict"; 2]);
}

#[test]
fn a_tcp_server_with_http_settings_is_one_of_http() {
    let rendered = rendered(&[server("cart", with(managed(json!({"timeout": "3s"})), json!({"protocol": "TCP"})))]);
    assert_eq!(spec(&rendered, "virtualservice-cart-traffic.yaml")["http"][0]["timeout"], "3s");
}

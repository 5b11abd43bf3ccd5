//! Gateways and VirtualServices towards outside callers.

use serde_json::json;

use super::*;

fn exposed(more: Value) -> Value {
    with(json!({"externalSupport": true, "externalName": "cart.example.com"}), more)
}

/// The one outside Gateway and VirtualService.
fn pair(rendered: &Rendered) -> (Value, Value) {
    let of = |kind: &str| {
        let mut found =
            paths(rendered).into_iter().filter(|path| path.starts_with(&format!("east/shop/cart/{kind}-cart-cart-")));
        let path = found.next().unwrap_or_else(|| panic!("no {kind}"));
        assert_eq!(found.next(), None);
        spec(rendered, path)
    };
    (of("gateway"), of("virtualservice"))
}

const HOST: &str = "cart.shop.svc.cluster.local";

#[test]
fn plain_http_is_served_on_the_port_of_outside_http_callers() {
    let rendered = rendered(&[server("cart", exposed(json!({})))]);
    let (gateway, routes) = pair(&rendered);
    let port = json!({"number": 80, "protocol": "HTTP", "name": "http"});
    let expected =
        json!({"selector": {"istio": "ingressgateway"}, "servers": [{"port": port, "hosts": ["cart.example.com"]}]});
    assert_eq!(gateway, expected);
    assert_eq!(routes["http"], json!([{"route": [{"destination": {"host": HOST, "port": {"number": 80}}}]}]));
    assert_eq!(routes["hosts"], json!(["cart.example.com"]));
    let name = routes["gateways"][0].as_str().unwrap();
    assert!(name.starts_with("shop/cart-cart-example-com-") && name.len() == 35, "{name}");
}

#[test]
fn each_tls_type_ends_tls_at_the_gateway_in_its_own_way() {
    for (tls, credential) in [("SIMPLE", true), ("MUTUAL", true), ("OPTIONAL_MUTUAL", true), ("ISTIO_MUTUAL", false)] {
        let more = json!({"management": {"tlsType": tls}, "external": {"credentialName": "cert"}});
        let rendered = rendered(&[server("cart", exposed(more))]);
        let (gateway, routes) = pair(&rendered);
        let written = if credential { json!({"mode": tls, "credentialName": "cert"}) } else { json!({"mode": tls}) };
        assert_eq!(gateway["servers"][0]["tls"], written);
        assert_eq!(gateway["servers"][0]["port"], json!({"number": 443, "protocol": "HTTPS", "name": "https"}));
        assert_eq!(routes["http"].as_array().unwrap().len(), 1);
        assert_eq!(said(&rendered, Severity::Note).contains(&"render/credential"), credential);
    }
}

#[test]
fn tls_is_passed_through_by_server_name() {
    let more = json!({"protocol": "TLS", "port": 8443, "management": {"tlsType": "PASSTHROUGH"}});
    let (gateway, routes) = pair(&rendered(&[server("cart", exposed(more))]));
    assert_eq!(gateway["servers"][0]["port"], json!({"number": 443, "protocol": "TLS", "name": "tls"}));
    assert_eq!(gateway["servers"][0]["tls"], json!({"mode": "PASSTHROUGH"}));
    assert_eq!(
        routes["tls"],
        json!([{
            "match": [{"sniHosts": ["cart.example.com"], "port": 443}],
            "route": [{"destination": {"host": HOST, "port": {"number": 8443}}}],
        }])
    );
}

#[test]
fn tcp_is_served_on_the_outside_port_that_the_intent_names() {
    for (tls, written) in [("NONE", json!(null)), ("SIMPLE", json!({"mode": "SIMPLE", "credentialName": "cert"}))] {
        let external = json!({"port": 6379, "credentialName": "cert"});
        let more = json!({"protocol": "Redis", "port": 6000, "management": {"tlsType": tls}, "external": external});
        let rendered = rendered(&[server("cart", exposed(more))]);
        let (gateway, routes) = pair(&rendered);
        let protocol = if tls == "NONE" { "TCP" } else { "TLS" };
        let name = format!("{}-6379", protocol.to_lowercase());
        assert_eq!(gateway["servers"][0]["port"], json!({"number": 6379, "protocol": protocol, "name": name}));
        assert_eq!(gateway["servers"][0]["tls"], written);
        let route = json!([{"destination": {"host": HOST, "port": {"number": 6000}}}]);
        assert_eq!(routes["tcp"], json!([{"match": [{"port": 6379}], "route": route}]));
        assert!(said(&rendered, Severity::Note).contains(&"render/gateway-port"));
    }
}

#[test]
fn tcp_without_an_outside_port_blocks() {
    let rendered = rendered(&[server("cart", exposed(json!({"protocol": "TCP"})))]);
    assert_eq!(errors(&rendered), ["render/external-port"]);
    assert!(paths(&rendered).is_empty());
}

#[test]
fn plain_tcp_on_the_port_of_all_http_callers_blocks() {
    let rendered = rendered(&[server("cart", exposed(json!({"protocol": "TCP", "external": {"port": 80}})))]);
    assert_eq!(errors(&rendered), ["render/gateway-port"]);
}

#[test]
fn plain_tcp_of_two_services_on_one_port_blocks() {
    let tcp = json!({"protocol": "TCP", "external": {"port": 7000}});
    let other = json!({"serviceName": "other", "appLabel": "app=other", "externalName": "other.example.com"});
    let rendered = rendered(&[server("cart", exposed(tcp.clone())), server("other", with(exposed(tcp), other))]);
    assert_eq!(errors(&rendered), ["render/conflict", "render/conflict"]);
}

#[test]
fn http_and_https_of_one_name_are_one_gateway_with_two_servers_and_one_route() {
    let https = json!({"management": {"tlsType": "SIMPLE"}, "external": {"credentialName": "cert"}});
    let (gateway, routes) =
        pair(&rendered(&[server("cart", exposed(json!({}))), server("secure", exposed(https.clone()))]));
    let names: Vec<_> = gateway["servers"].as_array().unwrap().iter().map(|server| &server["port"]["name"]).collect();
    assert_eq!(names, ["http", "https"]);
    assert_eq!(routes["http"].as_array().unwrap().len(), 1);

    let elsewhere = with(https, json!({"port": 81, "targetPort": 8081}));
    let (_, routes) = pair(&rendered(&[server("cart", exposed(json!({}))), server("secure", exposed(elsewhere))]));
    assert_eq!(
        routes["http"],
        json!([
            {"match": [{"port": 80}], "route": [{"destination": {"host": HOST, "port": {"number": 80}}}]},
            {"match": [{"port": 443}], "route": [{"destination": {"host": HOST, "port": {"number": 81}}}]},
        ])
    );
}

#[test]
fn the_gateway_is_the_one_that_the_cluster_has() {
    let pods =
        "metadata: {name: east}, spec: {ingress: {selector: {app: edge}, namespace: edge, serviceAccount: edge}}}";
    let documents = [server("cart", exposed(json!({}))), client("cart", "web", json!({}))];
    let rendered = everything(&tree_instead("metadata: {name: east}}", pods, &documents));
    assert_eq!(pair(&rendered).0["selector"], json!({"app": "edge"}));
    let gateway = json!(["cluster.local/ns/edge/sa/edge"]);
    assert_eq!(rules(&rendered, "allow")[1]["from"][0]["source"]["principals"], gateway);
}

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

/// What blocks a Redis server that outside callers shall reach on `port` with this TLS.
fn blocks(pods: &str, tls: &str, port: u16) -> Vec<String> {
    let external = json!({"port": port, "credentialName": "cert"});
    let more = json!({"protocol": "Redis", "management": {"tlsType": tls}, "external": external});
    let rendered = everything(&tree_instead("metadata: {name: east}}", pods, &[server("cart", exposed(more))]));
    let errors = rendered.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let said = |finding: &Finding| {
        assert_eq!((&*finding.rule, finding.remedy.as_str()), ("render/gateway-port", "choose another external.port"));
        finding.message.clone()
    };
    errors.map(said).collect()
}

#[test]
fn a_port_of_the_gateway_that_is_anothers_blocks() {
    let cluster = "metadata: {name: east}}";
    for (tls, protocol) in [("NONE", "TCP"), ("SIMPLE", "TLS"), ("ISTIO_MUTUAL", "TLS")] {
        for (port, owner) in [
            (80, "it belongs to all outside callers of HTTP"),
            (15443, "callers of other clusters enter there"),
            (15000, "Istio's proxies listen there themselves"),
            (15021, "Istio's proxies listen there themselves"),
            (15090, "Istio's proxies listen there themselves"),
        ] {
            let expected = format!("port {port} of the gateway cannot be {protocol}: {owner}");
            assert_eq!(blocks(cluster, tls, port), [expected]);
        }
        assert!(blocks(cluster, tls, 15444).is_empty());
    }
    assert_eq!(
        blocks(cluster, "NONE", 443),
        ["port 443 of the gateway cannot be TCP: it belongs to all outside callers of TLS"]
    );
    assert!(blocks(cluster, "SIMPLE", 443).is_empty(), "TLS is told apart from HTTPS by server name");
}

#[test]
fn the_port_of_callers_of_other_clusters_is_free_on_a_gateway_of_its_own() {
    let pods = |labels: &str| format!("metadata: {{name: east}}, spec: {{eastWest: {{selector: {labels}}}}}}}");
    assert!(blocks(&pods("{istio: eastwestgateway}"), "SIMPLE", 15443).is_empty());
    assert_eq!(
        blocks(&pods("{istio: ingressgateway, zone: a}"), "SIMPLE", 15443).len(),
        1,
        "the same pods, or some of them"
    );
}

#[test]
fn plain_tcp_beside_anything_else_on_one_port_blocks_and_names_both() {
    let tcp = json!({"protocol": "TCP", "external": {"port": 7000}});
    let tls = json!({"protocol": "TCP", "management": {"tlsType": "SIMPLE"}, "external": {"port": 7000, "credentialName": "cert"}});
    let other = json!({"serviceName": "other", "appLabel": "app=other", "externalName": "other.example.com"});
    let both = |one: &Value, two: &Value| {
        rendered(&[server("cart", exposed(one.clone())), server("other", with(exposed(two.clone()), other.clone()))])
    };
    for (one, two, words) in [(&tcp, &tcp, "TCP"), (&tls, &tcp, "TLS")] {
        let rendered = both(one, two);
        assert_eq!(errors(&rendered), ["render/conflict", "render/conflict"]);
        let conflict = rendered.findings.iter().find(|finding| finding.rule == "render/conflict").unwrap();
        let message = &conflict.message;
        let said = format!(
            "inbound-intents/other in /spec/external/port: `{words} on 7000 for cart` here, `TCP on 7000 for other` there"
        );
        assert!(message.contains("inbound-intents/cart contradicts ") && message.ends_with(&said), "{message}");
    }
    assert!(errors(&both(&tls, &tls)).is_empty(), "told apart by server name");
    let http = json!({"external": {"port": 7000}});
    assert!(errors(&both(&tcp, &http)).is_empty(), "HTTP has the port of all of HTTP");
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

#[test]
fn what_is_said_of_outside_callers_without_any_is_noted_by_field() {
    let said = json!({"externalName": "cart.example.com", "management": {"tlsType": "SIMPLE"},
        "external": {"credentialName": "cart-cert", "port": 9000}});
    let of = |more: Value| {
        let found = rendered(&[server("cart", with(said.clone(), more))]);
        let about = found.findings.into_iter().filter(|it| it.rule == "render/not-exposed");
        about.map(|it| (it.place.pointer, it.message)).collect::<Vec<_>>()
    };
    let noted = ["external.credentialName", "external.port", "externalName", "management.tlsType"];
    let noted = noted.map(|field| {
        let message = format!("{field} of `cart` does nothing without externalSupport: true");
        (format!("/spec/{}", field.replace('.', "/")), message)
    });
    assert_eq!(of(json!({})), noted);
    assert_eq!(of(json!({"externalSupport": true})), []);
    assert_eq!(of(json!({"serviceMesh": "none"})), [], "nothing of it is rendered");
    let none = json!({"externalName": "", "management": {"tlsType": "NONE"}, "external": {}});
    assert_eq!(of(none), [], "what older clients send means nothing");
}

//! Servers in an ambient data plane: ztunnel before the pods, and perhaps a waypoint before the Service.

use serde_json::json;

use super::*;

const WEB: &str = "cluster.local/ns/shop/sa/web";

fn ambient(more: Value) -> Value {
    with(json!({"dataPlane": "ambient"}), more)
}

fn with_waypoint() -> Value {
    ambient(json!({"waypoint": "front"}))
}

fn refused(documents: &[String]) -> Vec<String> {
    let found = rendered(documents).findings;
    found
        .into_iter()
        .filter(|it| it.severity == Severity::Error)
        .map(|it| format!("{}: {}", it.rule, it.message))
        .collect()
}

#[test]
fn ztunnel_enforces_what_is_about_connections_as_sidecars_do() {
    let documents = |spec: Value| [server("cart", spec), client("cart", "web", json!({"cidrs": ["10.0.0.0/8"]}))];
    let policies = |spec: Value| rendered(&documents(spec)).manifests;
    assert_eq!(policies(ambient(json!({}))), policies(json!({})));
    let without_sidecar = ambient(json!({"management": {"sidecarProxy": "no"}}));
    assert_eq!(policies(without_sidecar), policies(json!({})));
}

#[test]
fn a_waypoint_decides_by_service_and_nobody_gets_past_it() {
    let documents = [
        server("cart", with_waypoint()),
        client("cart", "web", json!({})),
        access_point("cart", "web", "read", json!({"url": ["/a"], "jwt": {"issuer": "i"}})),
        access_point("cart", "web", "never", json!({"action": "DENY", "access": ["DELETE"]})),
    ];
    let rendered = rendered(&documents);
    assert_eq!(
        paths(&rendered),
        [
            "east/shop/cart/authorizationpolicy-cart-allow.yaml",
            "east/shop/cart/authorizationpolicy-cart-deny.yaml",
            "east/shop/cart/authorizationpolicy-cart-waypoint.yaml",
            "east/shop/cart/requestauthentication-cart-jwt.yaml",
        ]
    );
    let target = json!([{"kind": "Service", "name": "cart"}]);
    assert_eq!(
        spec(&rendered, "cart-allow.yaml"),
        json!({"targetRefs": target, "action": "ALLOW", "rules": [{
            "from": [{"source": {"principals": [WEB], "requestPrincipals": ["i/*"]}}],
            "to": [{"operation": {"ports": ["80"], "paths": ["/a"]}}],
        }]})
    );
    assert_eq!(spec(&rendered, "cart-deny.yaml")["targetRefs"], target);
    assert_eq!(spec(&rendered, "cart-jwt.yaml")["targetRefs"], target);
    assert_eq!(
        spec(&rendered, "cart-waypoint.yaml"),
        json!({"selector": {"matchLabels": {"app": "cart"}}, "action": "ALLOW", "rules": [{
            "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/front"]}}],
            "to": [{"operation": {"ports": ["8080"]}}],
        }]})
    );
    assert!(said(&rendered, Severity::Note).contains(&"render/waypoint"));
    assert!(rendered.targets[0].by_waypoint);
}

#[test]
fn services_on_the_same_pods_have_policies_of_their_own() {
    let other = json!({"serviceName": "admin", "port": 81, "targetPort": 8081});
    let documents = [
        server("cart", with_waypoint()),
        client("cart", "web", json!({})),
        server("admin", with(with_waypoint(), other)),
    ];
    let rendered = rendered(&documents);
    let of = |end: &str| spec(&rendered, end)["rules"].clone();
    assert_eq!(of("cart-allow.yaml").as_array().map(Vec::len), Some(1));
    let open = json!({"to": [{"operation": {"ports": ["8081"]}}]});
    assert_eq!(of("admin-waypoint.yaml")[1], open, "what is open stays so, by its port");
    assert!(paths(&rendered).iter().all(|path| !path.contains("admin-allow")));
}

#[test]
fn what_ztunnel_would_not_enforce_is_refused() {
    let with_point = |spec: Value, point: Value| {
        refused(&[server("cart", spec), client("cart", "web", json!({})), access_point("cart", "web", "a", point)])
    };
    for (spec, point, words) in [
        (ambient(json!({})), json!({"url": ["/a"]}), "reads no requests"),
        (ambient(json!({})), json!({"action": "AUDIT"}), "audits nothing"),
        (with_waypoint(), json!({"ports": [8080]}), "leave ports out"),
    ] {
        let found = with_point(spec, point);
        assert!(found.len() == 1 && found[0].contains(words), "{found:?}");
    }
    let batch = client("cart", "batch", json!({"app": "batch"}));
    let found = refused(&[server("cart", ambient(json!({}))), batch]);
    assert!(found.iter().any(|found| found.starts_with("render/ambient-remote")), "{found:?}");
    let mixed = [server("cart", ambient(json!({}))), server("again", json!({}))];
    assert!(refused(&mixed).iter().all(|found| found.contains("/spec/dataPlane")) && !refused(&mixed).is_empty());
}

#[test]
fn fields_that_need_a_waypoint_or_a_sidecar_are_refused_where_they_stand() {
    use crate::intent::{Anchor, Kind, Resource};
    let parent = Anchor::parse(&format!("{PROD}/traffic-group-intents/t")).unwrap();
    let base = json!({"app": "cart", "appLabel": "app=cart", "serviceName": "cart", "port": 80, "protocol": "HTTP",
        "serviceMesh": "istio"});
    for (more, pointer) in [
        (json!({"waypoint": "front"}), "/spec/waypoint"),
        (ambient(json!({"enforcement": "observe"})), "/spec/enforcement"),
        (ambient(json!({"trafficManagement": {"timeout": "1s"}})), "/spec/trafficManagement"),
    ] {
        let body = json!({"metadata": {"name": "cart"}, "spec": with(base.clone(), more)});
        let found = Resource::read(Some(&parent), Kind::Inbound, &body).unwrap_err();
        assert_eq!(found.iter().map(|it| it.pointer.as_str()).collect::<Vec<_>>(), [pointer]);
    }
}

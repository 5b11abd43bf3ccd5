//! Access points that reach further than they seem to.

use serde_json::json;

use super::*;
use crate::finding::Finding;

/// What is said by `rule` of an access point of `cart`, whose pods serve `db` too.
fn found(rule: &str, cart: Value, db: Value, point: Value) -> Vec<Finding> {
    let db = with(json!({"serviceName": "db", "port": 3306, "targetPort": 3306, "protocol": "MySQL"}), db);
    let rendered = rendered(&[
        server("cart", cart),
        client("cart", "web", json!({})),
        access_point("cart", "web", "x", point),
        server("db", db),
        client("db", "web", json!({})),
    ]);
    let found: Vec<_> = rendered.findings.into_iter().filter(|finding| finding.rule == rule).collect();
    for finding in &found {
        assert!(finding.place.path.ends_with("/cart/clients/web/access-points/x"), "{finding}");
    }
    found
}

#[test]
fn a_port_that_is_not_the_servers_is_a_warning_that_says_whose_it_is() {
    let ports = |cart: Value, point: Value| {
        let found = found("access/other-port", cart, json!({}), point);
        found.into_iter().map(|finding| (finding.severity, finding.place.pointer, finding.message)).collect::<Vec<_>>()
    };
    let warning = |message: &str| [(Severity::Warning, "/spec/ports".to_owned(), message.to_owned())];
    assert!(ports(json!({}), json!({"ports": [8080]})).is_empty());
    assert_eq!(
        ports(json!({}), json!({"ports": [8080, 22, 9901]})),
        warning("client `web` may call ports 22, 9901 of the pods app=cart in `shop`: `cart` does not listen there")
    );
    assert_eq!(
        ports(json!({}), json!({"ports": [3306], "action": "DENY"})),
        warning("client `web` may not call port 3306 of the pods app=cart in `shop`: it is `db` that listens there")
    );
    let unknown = json!({"serviceName": "cart", "targetPort": null});
    assert_eq!(
        ports(unknown, json!({"ports": [22], "action": "AUDIT"})),
        warning("client `web` is logged on port 22 of the pods app=cart in `shop`: `cart` does not listen there")
    );
}

#[test]
fn requests_that_are_denied_on_pods_that_serve_more_than_http_block() {
    let denied = |cart: Value, db: Value, point: Value| {
        let found = found("access/http-on-tcp", cart, db, with(json!({"action": "DENY"}), point));
        found.into_iter().map(|finding| (finding.severity, finding.message, finding.remedy)).collect::<Vec<_>>()
    };
    let path = || json!({"url": ["/x"]});
    let unknown = || json!({"targetPort": null});
    let [(severity, message, remedy)] = &denied(unknown(), json!({}), path())[..] else { panic!("one finding") };
    assert_eq!(*severity, Severity::Error);
    assert!(message.starts_with("client `web` is refused all that `db` serves on the same pods"), "{message}");
    assert_eq!(remedy, "say targetPort in the server");

    let others = json!({"protocol": "HTTP"});
    let [(severity, message, _)] = &denied(unknown(), others, path())[..] else { panic!("one finding") };
    assert_eq!(*severity, Severity::Warning);
    assert!(
        message.starts_with("client `web` is refused whatever is not HTTP on the pods app=cart in `shop`"),
        "{message}"
    );

    let [(severity, _, remedy)] = &denied(json!({}), json!({}), json!({"url": ["/x"], "ports": [3306]}))[..] else {
        panic!("one finding")
    };
    assert_eq!((*severity, remedy.as_str()), (Severity::Error, "leave ports out"));

    let audit = denied(unknown(), json!({}), json!({"access": ["GET"], "action": "AUDIT"}));
    assert_eq!(audit[0].0, Severity::Warning, "it never decides");
    for (cart, point) in [
        (json!({}), path()),
        (unknown(), json!({"url": ["/x"], "ports": [8080]})),
        (unknown(), json!({})),
        (unknown(), json!({"url": ["/x"], "action": "ALLOW"})),
    ] {
        assert!(denied(cart, json!({}), point.clone()).is_empty(), "{point}");
    }
}

//! Several intents about the same pods, Service or caller.

use serde_json::json;

use super::*;

const WEB: &str = "cluster.local/ns/shop/sa/web";

#[test]
fn services_on_the_same_pods_share_one_policy_named_for_the_first() {
    let rendered = rendered(&[
        server("b", json!({"serviceName": "b", "port": 81, "targetPort": 8081})),
        client("b", "web", json!({})),
        server("a", json!({"serviceName": "a"})),
        client("a", "web", json!({})),
        client("a", "batch", json!({})),
    ]);
    assert_eq!(paths(&rendered), ["east/shop/a/authorizationpolicy-a-allow.yaml"]);
    let found = spec(&rendered, "a-allow.yaml")["rules"].clone();
    let both = json!([{"operation": {"ports": ["8080"]}}, {"operation": {"ports": ["8081"]}}]);
    assert_eq!(found.as_array().unwrap().len(), 2);
    assert_eq!(found[1], json!({"from": [{"source": {"principals": [WEB]}}], "to": both}));
    let [target] = &rendered.targets[..] else { panic!("{:?}", rendered.targets) };
    assert_eq!((target.services.as_slice(), target.intents.len()), (&["a".to_owned(), "b".to_owned()][..], 2));
}

#[test]
fn an_open_port_beside_a_closed_one_stays_open_to_all() {
    let rendered = rendered(&[
        server("cart", json!({})),
        client("cart", "web", json!({})),
        server("metrics", json!({"serviceName": "metrics", "port": 9090, "targetPort": 9090})),
    ]);
    let found = rules(&rendered, "allow");
    assert_eq!(found[1], json!({"to": [{"operation": {"ports": ["9090"]}}]}));
    assert_eq!(said(&rendered, Severity::Note), ["access/open"]);
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::Closed)]);
}

#[test]
fn ports_that_are_not_all_known_make_one_server_which_is_closed_once_either_is() {
    let rendered = rendered(&[
        server("cart", json!({"targetPort": null})),
        client("cart", "web", json!({})),
        server("metrics", json!({"serviceName": "metrics", "port": 9090, "targetPort": 9090})),
    ]);
    assert_eq!(rules(&rendered, "allow"), json!([{"from": [{"source": {"principals": [WEB]}}]}]));
    assert_eq!(said(&rendered, Severity::Warning), ["access/closed-with"]);
}

#[test]
fn two_intents_about_one_port_have_the_clients_of_both_and_say_each_once() {
    let rendered = rendered(&[
        server("one", json!({})),
        client("one", "web", json!({})),
        access_point("one", "web", "read", json!({"access": ["GET"]})),
        server("two", json!({})),
        client("two", "web", json!({})),
        access_point("two", "web", "read", json!({"access": ["GET"]})),
        client("two", "batch", json!({})),
    ]);
    let found = rules(&rendered, "allow");
    assert_eq!(found.as_array().unwrap().len(), 2);
    let to = json!([{"operation": {"ports": ["8080"], "methods": ["GET"]}}]);
    assert_eq!(found[0], json!({"from": [{"source": {"principals": [WEB]}}], "to": to}));
    assert!(rendered.findings.is_empty());
}

#[test]
fn the_whole_port_swallows_parts_of_it() {
    let rendered = rendered(&[
        server("one", json!({})),
        client("one", "web", json!({})),
        access_point("one", "web", "read", json!({"access": ["GET"]})),
        server("two", json!({})),
        client("two", "web", json!({})),
    ]);
    assert_eq!(rules(&rendered, "allow")[0]["to"], json!([{"operation": {"ports": ["8080"]}}]));
}

#[test]
fn contradictions_block_and_name_both_intents() {
    let rendered = rendered(&[
        server("one", json!({"mtls": "strict", "access": "open"})),
        server("two", json!({"mtls": "permissive"})),
        client("two", "web", json!({})),
    ]);
    let found: Vec<_> = rendered.findings.iter().filter(|finding| finding.rule == "render/conflict").collect();
    assert_eq!(found.len(), 4, "{found:#?}");
    assert!(found.iter().all(|finding| finding.severity == Severity::Error));
    for finding in found {
        assert!(finding.message.contains("inbound-intents/one") && finding.message.contains("inbound-intents/two"));
    }
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::Closed)]);
}

#[test]
fn a_terminated_server_on_shared_pods_leaves_its_port_closed_to_its_clients() {
    let other = |more| {
        let spec = with(
            json!({"app": "probe", "appLabel": "app=cart", "serviceName": "probe", "port": 90, "targetPort": 9000,
                "protocol": "HTTP", "serviceMesh": "istio"}),
            more,
        );
        document(&format!("{OPS}/traffic-group-intents/t/inbound-intents"), "probe", spec)
    };
    const OPS: &str = "projects/p/composite-apps/a/v1/deployment-intent-groups/ops";
    let ops = "metadata: {name: ops}, spec: {logicalCloud: tools}";
    let documents = [server("cart", json!({})), client("cart", "web", json!({})), other(json!({"access": "closed"}))];
    let mut tree = tree_instead(ops, &ops.replace("tools", "shop"), &documents);
    tree.set_terminated(&crate::intent::Anchor::parse(OPS).unwrap(), true);
    let rendered = everything(&tree);
    let on_east = spec(&rendered, "east/shop/cart/authorizationpolicy-cart-allow.yaml");
    assert_eq!(on_east["rules"].as_array().unwrap().len(), 1);
    assert_eq!(on_east["rules"][0]["to"], json!([{"operation": {"ports": ["8080"]}}]));
    assert!(spec(&rendered, "west/shop/probe/authorizationpolicy-probe-allow.yaml")["rules"].is_null());
    let expected = [("east".to_owned(), TargetAccess::Closed), ("west".to_owned(), TargetAccess::Terminated)];
    assert_eq!(decides(&rendered, "cart"), expected);
}

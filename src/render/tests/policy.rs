//! Policies of one server.

use serde_json::json;

use super::*;

const WEB: &str = "cluster.local/ns/shop/sa/web";
const GATEWAY: &str = "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account";

#[test]
fn a_server_without_clients_is_open_and_the_plan_says_so() {
    let rendered = rendered(&[server("cart", json!({}))]);
    assert!(rendered.manifests.is_empty());
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::Open)]);
    assert_eq!(said(&rendered, Severity::Note), ["access/open"]);
    assert!(rendered.findings[0].message.starts_with("every workload in the mesh may call"));
}

#[test]
fn the_first_client_closes_a_server_to_all_others() {
    let rendered = rendered(&[server("cart", json!({})), client("cart", "web", json!({}))]);
    assert_eq!(paths(&rendered), ["east/shop/cart/authorizationpolicy-cart-allow.yaml"]);
    assert_eq!(
        spec(&rendered, "cart-allow.yaml"),
        json!({
            "selector": {"matchLabels": {"app": "cart"}},
            "action": "ALLOW",
            "rules": [{
                "from": [{"source": {"principals": [WEB]}}],
                "to": [{"operation": {"ports": ["8080"]}}],
            }],
        })
    );
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::Closed)]);
    assert!(rendered.findings.is_empty());
}

#[test]
fn a_closed_server_without_clients_lets_nobody_in() {
    let rendered = rendered(&[server("cart", json!({"access": "closed"}))]);
    let expected = json!({"selector": {"matchLabels": {"app": "cart"}}, "action": "ALLOW"});
    assert_eq!(spec(&rendered, "cart-allow.yaml"), expected);
    assert_eq!(said(&rendered, Severity::Note), ["access/nobody"]);
}

#[test]
fn service_accounts_and_namespaces_are_alternatives_and_cidrs_narrow_each() {
    let more = json!({"serviceAccounts": ["shop/web", "tools/a", "shop/web"], "namespaces": ["tools"], "cidrs": ["10.0.0.0/8"]});
    let rendered = rendered(&[server("cart", json!({})), client("cart", "web", more)]);
    assert_eq!(
        rules(&rendered, "allow")[0]["from"],
        json!([
            {"source": {"principals": [WEB, "cluster.local/ns/tools/sa/a"], "ipBlocks": ["10.0.0.0/8"]}},
            {"source": {"namespaces": ["tools"], "ipBlocks": ["10.0.0.0/8"]}},
        ])
    );
}

#[test]
fn a_client_that_names_no_identity_is_its_whole_namespace_and_the_plan_warns() {
    let rendered = rendered(&[server("cart", json!({})), client("cart", "web", json!({"serviceAccounts": null}))]);
    assert_eq!(rules(&rendered, "allow")[0]["from"], json!([{"source": {"namespaces": ["shop"]}}]));
    assert_eq!(said(&rendered, Severity::Warning), ["access/wider-than-workload"]);
}

#[test]
fn a_client_without_a_sidecar_is_known_by_its_addresses_alone() {
    let more = json!({"serviceAccounts": null, "sidecar": "no", "cidrs": ["10.1.0.0/16", "10.0.0.7"]});
    let rendered = rendered(&[server("cart", json!({})), client("cart", "web", more)]);
    let source = json!([{"source": {"ipBlocks": ["10.0.0.7", "10.1.0.0/16"]}}]);
    assert_eq!(rules(&rendered, "allow")[0]["from"], source);
}

#[test]
fn principals_bear_the_trust_domain_of_each_cluster_the_client_runs_on() {
    let more = json!({"app": "probe", "placedIn": "p/a/v1/ops", "serviceAccounts": ["tools/probe"]});
    let rendered = rendered(&[server("cart", json!({})), client("cart", "probe", more)]);
    let principals = ["cluster.local/ns/tools/sa/probe", "west.example/ns/tools/sa/probe"];
    assert_eq!(rules(&rendered, "allow")[0]["from"][0]["source"]["principals"], json!(principals));
}

#[test]
fn allow_access_points_are_all_that_a_client_may_do() {
    let rendered = rendered(&[
        server("cart", json!({})),
        client("cart", "web", json!({})),
        access_point("cart", "web", "a", json!({"url": ["/b", "/a/*"], "access": ["post", "GET"]})),
        access_point(
            "cart",
            "web",
            "b",
            json!({"hosts": ["cart.example", "x*", "*.example", "h:80"], "ports": [9000, 81]}),
        ),
        access_point("cart", "web", "c", json!({"url": ["/b", "/a/*"], "access": ["GET", "POST"]})),
    ]);
    let hosts = ["*.example", "*.example:80", "cart.example", "cart.example:*", "h:80", "x*"];
    assert_eq!(
        rules(&rendered, "allow")[0]["to"],
        json!([
            {"operation": {"ports": ["8080"], "methods": ["GET", "POST"], "paths": ["/a/*", "/b"]}},
            {"operation": {"hosts": hosts, "ports": ["81", "9000"]}},
        ])
    );
}

#[test]
fn deny_and_audit_have_policies_of_their_own_with_the_clients_sources() {
    let rendered = rendered(&[
        server("cart", json!({})),
        client("cart", "web", json!({})),
        access_point("cart", "web", "deny", json!({"action": "DENY", "url": ["/admin/*"]})),
        access_point("cart", "web", "audit", json!({"action": "AUDIT", "access": ["DELETE"]})),
    ]);
    let from = json!([{"source": {"principals": [WEB]}}]);
    let rule = |operation| json!([{"from": from, "to": [{"operation": operation}]}]);
    assert_eq!(rules(&rendered, "allow"), rule(json!({"ports": ["8080"]})));
    assert_eq!(rules(&rendered, "deny"), rule(json!({"ports": ["8080"], "paths": ["/admin/*"]})));
    assert_eq!(rules(&rendered, "audit"), rule(json!({"ports": ["8080"], "methods": ["DELETE"]})));
    assert_eq!(spec(&rendered, "cart-audit.yaml")["action"], "AUDIT");
}

#[test]
fn a_server_said_to_be_open_keeps_its_deny_policy() {
    let rendered = rendered(&[
        server("cart", json!({"access": "open"})),
        client("cart", "web", json!({})),
        access_point("cart", "web", "deny", json!({"action": "DENY", "url": ["/admin/*"]})),
    ]);
    assert_eq!(paths(&rendered), ["east/shop/cart/authorizationpolicy-cart-deny.yaml"]);
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::Open)]);
}

#[test]
fn without_a_target_port_rules_hold_for_all_ports_and_the_plan_says_so() {
    let documents = [server("cart", json!({"targetPort": null})), client("cart", "web", json!({}))];
    let plain = rendered(&documents);
    assert_eq!(rules(&plain, "allow"), json!([{"from": [{"source": {"principals": [WEB]}}]}]));
    assert_eq!(said(&plain, Severity::Note), ["access/all-ports"]);
    let point = access_point("cart", "web", "x", json!({"ports": [8080]}));
    let pointed = rendered(&[&documents[..], &[point]].concat());
    assert_eq!(rules(&pointed, "allow")[0]["to"], json!([{"operation": {"ports": ["8080"]}}]));
    assert_eq!(said(&pointed, Severity::Note), ["access/other-port"]);
}

#[test]
fn the_gateway_may_do_what_clients_without_cidrs_may_and_is_named_by_deny() {
    let rendered = rendered(&[
        server("cart", json!({"externalSupport": true, "externalName": "cart.example.com"})),
        client("cart", "a", json!({"cidrs": ["10.0.0.0/8"]})),
        client("cart", "b", json!({})),
        access_point("cart", "b", "read", json!({"access": ["GET"]})),
        access_point("cart", "b", "not", json!({"action": "DENY", "url": ["/x"]})),
        client("cart", "c", json!({})),
        access_point("cart", "c", "write", json!({"access": ["PUT"]})),
    ]);
    let allow = rules(&rendered, "allow");
    assert_eq!(allow.as_array().unwrap().len(), 4);
    assert_eq!(
        allow[3],
        json!({
            "from": [{"source": {"principals": [GATEWAY]}}],
            "to": [
                {"operation": {"ports": ["8080"], "methods": ["GET"]}},
                {"operation": {"ports": ["8080"], "methods": ["PUT"]}},
            ],
        })
    );
    let from = json!([
        {"source": {"principals": ["cluster.local/ns/shop/sa/b"]}},
        {"source": {"principals": [GATEWAY]}},
    ]);
    assert_eq!(rules(&rendered, "deny")[0]["from"], from);
    assert_eq!(rendered.targets[0].ingress, GATEWAY);
}

#[test]
fn a_client_whose_rights_are_those_of_outside_callers_is_named() {
    let told = |exposed: bool, client_says: Value| {
        let name = json!({"externalName": "cart.example.com", "externalSupport": exposed});
        let documents = [server("cart", name), client("cart", "b", client_says)];
        let findings = rendered(&documents).findings.into_iter().filter(|finding| finding.rule == "access/outside");
        findings.map(|it| (it.severity, it.place.path, it.message, it.remedy)).collect::<Vec<_>>()
    };
    let [(severity, path, message, remedy)] = &told(true, json!({}))[..] else { panic!() };
    assert_eq!(*severity, Severity::Note);
    assert!(path.ends_with("/inbound-intents/cart/clients/b"), "{path}");
    assert!(
        message.starts_with("anybody outside the mesh may do through the ingress gateway what client `b` may do"),
        "{message}"
    );
    assert_eq!(remedy, "give the client cidrs, or expose another server");
    assert_eq!(told(false, json!({})), []);
    assert!(told(true, json!({"cidrs": ["10.0.0.0/8"]})).iter().all(|(_, path, ..)| path.ends_with("/cart")));
}

#[test]
fn the_gateway_of_a_closed_server_gets_nothing_when_all_clients_are_held_to_addresses() {
    let rendered = rendered(&[
        server("cart", json!({"externalSupport": true, "externalName": "cart.example.com"})),
        client("cart", "a", json!({"cidrs": ["10.0.0.0/8"]})),
    ]);
    assert_eq!(rules(&rendered, "allow").as_array().unwrap().len(), 1);
    assert_eq!(said(&rendered, Severity::Warning), ["access/outside"]);
}

#[test]
fn what_is_observed_is_a_dry_run_without_peer_authentication() {
    let rendered = rendered(&[
        server("cart", json!({"enforcement": "observe", "mtls": "strict"})),
        client("cart", "web", json!({})),
        access_point("cart", "web", "deny", json!({"action": "DENY"})),
        access_point("cart", "web", "audit", json!({"action": "AUDIT"})),
    ]);
    let annotated: Vec<_> = rendered
        .manifests
        .values()
        .filter(|manifest| manifest.resource.metadata.annotations.get("istio.io/dry-run").is_some_and(|v| v == "true"))
        .map(|manifest| manifest.resource.metadata.name.as_str())
        .collect();
    assert_eq!(annotated, ["cart-allow", "cart-deny"]);
    assert_eq!(paths(&rendered).len(), 3);
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::Observed)]);
    assert_eq!(said(&rendered, Severity::Note), ["access/observed"]);
}

#[test]
fn mtls_is_asked_of_the_workload_when_a_server_says_so() {
    let rendered = rendered(&[server("cart", json!({"mtls": "strict"}))]);
    assert_eq!(paths(&rendered), ["east/shop/cart/peerauthentication-cart-mtls.yaml"]);
    let expected = json!({"selector": {"matchLabels": {"app": "cart"}}, "mtls": {"mode": "STRICT"}});
    assert_eq!(spec(&rendered, "cart-mtls.yaml"), expected);
}

#[test]
fn nothing_is_rendered_outside_the_mesh() {
    let rendered = rendered(&[server("cart", json!({"serviceMesh": "none"})), client("cart", "web", json!({}))]);
    assert!(rendered.manifests.is_empty());
    assert_eq!(said(&rendered, Severity::Note), ["intent/no-mesh"]);
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::NotEnforced)]);
}

#[test]
fn without_a_sidecar_nothing_decides_and_the_plan_says_so() {
    let documents = |more| [server("cart", with(json!({"management": {"sidecarProxy": "no"}}), more))];
    let open = rendered(&documents(json!({})));
    assert!(open.manifests.is_empty());
    assert_eq!(said(&open, Severity::Note), ["access/not-enforced"]);
    assert_eq!(decides(&open, "cart"), [("east".into(), TargetAccess::NotEnforced)]);
    let closed = rendered(&documents(json!({"access": "closed"})));
    assert_eq!(said(&closed, Severity::Warning), ["access/not-enforced"]);
}

#[test]
fn what_nothing_guards_is_told_what_helps() {
    let no_sidecar = json!({"management": {"sidecarProxy": "no"}});
    let (udp, closed, client) =
        (json!({"protocol": "UDP"}), json!({"access": "closed"}), client("cart", "web", json!({})));
    let otherwise = "guard it by other means, such as a NetworkPolicy, and";
    for (documents, remedy) in [
        (
            vec![server("cart", with(no_sidecar.clone(), closed.clone()))],
            "give the pods a sidecar, or leave access out".to_owned(),
        ),
        (
            vec![server("cart", no_sidecar.clone()), client.clone()],
            "give the pods a sidecar, or take its clients away".to_owned(),
        ),
        (vec![server("cart", with(udp.clone(), closed))], format!("{otherwise} leave access out")),
        (vec![server("cart", with(udp, no_sidecar)), client], format!("{otherwise} take its clients away")),
    ] {
        let findings = rendered(&documents).findings;
        let told: Vec<_> = findings.iter().filter(|finding| finding.rule == "access/not-enforced").collect();
        assert_eq!(told.iter().map(|finding| &*finding.remedy).collect::<Vec<_>>(), [remedy], "{documents:?}");
    }
}

#[test]
fn a_terminated_group_leaves_nothing_but_closed_doors() {
    let exposed = json!({"externalSupport": true, "externalName": "cart.example.com", "mtls": "strict"});
    let mut tree = tree(&[
        server("cart", exposed),
        client("cart", "web", json!({})),
        client("cart", "batch", json!({"app": "batch"})),
        access_point("cart", "web", "deny", json!({"action": "DENY"})),
        server("open", json!({"serviceName": "open", "appLabel": "app=open"})),
    ]);
    assert_eq!(paths(&everything(&tree)).len(), 8);
    tree.set_terminated(&crate::intent::Anchor::parse(PROD).unwrap(), true);
    let rendered = everything(&tree);
    assert_eq!(paths(&rendered), ["east/shop/cart/authorizationpolicy-cart-allow.yaml"]);
    assert!(rules(&rendered, "allow").is_null());
    assert_eq!(decides(&rendered, "cart"), [("east".into(), TargetAccess::Terminated)]);
    assert_eq!(decides(&rendered, "open"), [("east".into(), TargetAccess::Terminated)]);
    assert!(rendered.findings.is_empty());
}

#[test]
fn tcp_that_is_looked_into_is_http_and_the_plan_warns() {
    let rendered = rendered(&[
        server("cart", json!({"protocol": "TCP"})),
        client("cart", "web", json!({})),
        access_point("cart", "web", "read", json!({"access": ["GET"]})),
    ]);
    assert_eq!(said(&rendered, Severity::Note), ["render/tcp-as-http"]);
    assert!(!rendered.targets[0].opaque);
    assert!(self::rendered(&[server("cart", json!({"protocol": "TCP"}))]).targets[0].opaque);
    assert_eq!(rules(&rendered, "allow")[0]["to"][0]["operation"]["methods"], json!(["GET"]));
}

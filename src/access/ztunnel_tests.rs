use serde_json::{Value, json};

use super::tests::read;
use super::*;
use crate::istio::Spec;

fn decide(specs: &[(&str, &str)], principal: Value) -> Decision {
    let request = json!({
        "from": {"principal": principal, "ip": "10.1.2.3"},
        "to": {"namespace": "shop", "labels": {"app": "cart"}, "port": 80, "proxy": "ztunnel"},
        "method": "GET", "path": "/a",
    });
    Policies::new(Mesh::default(), &read(specs)).decide(&serde_json::from_value(request).unwrap())
}

fn verdict(action: &str, rule: &str) -> &'static str {
    let spec = format!("{{action: {action}, rules: [{rule}]}}");
    match decide(&[("p", &spec)], json!("cluster.local/ns/shop/sa/a")).verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
    }
}

#[test]
fn rules_match_by_what_ztunnel_reads_of_them() {
    for (rule, allow, deny) in [
        ("{}", "allow", "deny"),
        ("{from: [{source: {namespaces: [shop]}}]}", "allow", "deny"),
        ("{from: [{source: {namespaces: ['s*p']}}]}", "deny", "allow"),
        ("{from: [{source: {serviceAccounts: [a]}}]}", "allow", "deny"),
        (
            "{from: [{source: {principals: [cluster.local/ns/shop/sa/*]}}], to: [{operation: {ports: ['80']}}]}",
            "allow",
            "deny",
        ),
        ("{to: [{operation: {ports: ['81']}}]}", "deny", "allow"),
        ("{to: [{operation: {notPorts: ['81']}}]}", "allow", "deny"),
        ("{when: [{key: source.ip, values: [10.0.0.0/8]}]}", "allow", "deny"),
        // What is about requests ends an ALLOW rule, and is left out of a DENY rule.
        (
            "{from: [{source: {namespaces: [shop]}}], to: [{operation: {ports: ['80'], methods: [PUT]}}]}",
            "deny",
            "deny",
        ),
        // A clause of which nothing is left never holds.
        ("{from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [GET]}}]}", "deny", "allow"),
        ("{to: [{operation: {paths: [/a]}}]}", "deny", "allow"),
        ("{to: [{operation: {}}]}", "deny", "allow"),
        ("{from: [{source: {requestPrincipals: ['*']}}]}", "deny", "allow"),
        ("{when: [{key: connection.sni, values: [a]}]}", "deny", "allow"),
        ("{from: [{source: {ipBlocks: [x]}}]}", "deny", "allow"),
        // One of two matches is enough.
        ("{to: [{operation: {methods: [GET]}}, {operation: {ports: ['80']}}]}", "deny", "deny"),
        // Trust domains are not handed on.
        ("{from: [{source: {namespaces: [shop], trustDomains: [other]}}]}", "allow", "deny"),
        ("{from: [{source: {trustDomains: [cluster.local]}}]}", "deny", "allow"),
    ] {
        assert_eq!((verdict("ALLOW", rule), verdict("DENY", rule)), (allow, deny), "{rule}");
    }
}

#[test]
fn what_ztunnel_does_not_enforce_is_said() {
    let http = "{action: DENY, rules: [{from: [{source: {namespaces: [web]}}]}, {to: [{operation: {paths: [/a]}}]}]}";
    let custom = "{action: CUSTOM, provider: {name: opa}, rules: [{}]}";
    let target = "{action: DENY, targetRefs: [{kind: Service, name: cart}], rules: [{}]}";
    let decision = decide(&[("http", http), ("ask", custom), ("way", target)], json!(null));
    assert_eq!(
        (decision.verdict, decision.not_enforced),
        (Verdict::Allow, vec!["shop/ask".into(), "shop/http#1".into()])
    );
    let of = |spec: &str| match &read(&[("p", spec)])[0].spec {
        Spec::AuthorizationPolicy(policy) => unenforced(policy).into_iter().map(|it| it.rule).collect::<Vec<_>>(),
        _ => panic!("a policy"),
    };
    assert_eq!(of(http), [Some(1)]);
    assert_eq!((of(custom), of(target), of("{rules: [{}]}")), (vec![None], vec![], vec![]));
    assert_eq!(of("{rules: [{to: [{operation: {methods: [GET]}}]}, {}]}"), [Some(0)]);
    assert_eq!(of("{rules: [{from: [{source: {namespaces: [a], trustDomains: [b]}}]}]}"), [Some(0)]);
}

#[test]
fn a_strict_port_refuses_plain_text_there_too() {
    let strict = ("s", "{mtls: {mode: STRICT}}");
    assert_eq!(decide(&[strict], json!(null)).verdict, Verdict::Deny);
    assert_eq!(decide(&[strict], json!("cluster.local/ns/shop/sa/a")).verdict, Verdict::Allow);
    // A port that is permissive is excepted from what is inherited, one that is disabled is not.
    let port =
        |mode: &str| format!("{{selector: {{matchLabels: {{app: cart}}}}, portLevelMtls: {{80: {{mode: {mode}}}}}}}");
    for (mode, verdict) in [("PERMISSIVE", Verdict::Allow), ("DISABLE", Verdict::Deny)] {
        assert_eq!(decide(&[strict, ("w", &port(mode))], json!(null)).verdict, verdict, "{mode}");
    }
    assert_eq!(
        decide(
            &[("d", "{mtls: {mode: DISABLE}}"), ("a", "{rules: [{from: [{source: {principals: ['*']}}]}]}")],
            json!("cluster.local/ns/shop/sa/a")
        )
        .verdict,
        Verdict::Allow
    );
}

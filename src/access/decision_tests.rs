use serde_json::{Value, json};

use super::tests::resources;
use super::*;

/// The policies of a mesh, each `namespace/name` with its spec; a name that ends in `!` is only watched.
fn policies(mesh: Mesh, specs: &[(&str, &str)]) -> Policies {
    let texts = specs.iter().map(|(name, spec)| {
        let kind = if spec.contains("mtls") || spec.contains("Mtls") { "PeerAuthentication" } else { "AuthorizationPolicy" };
        let (namespace, name) = name.split_once('/').unwrap();
        let dry_run = if name.ends_with('!') { "true" } else { "false" };
        format!(
            "apiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{name: '{}', namespace: {namespace}, annotations: \
             {{istio.io/dry-run: '{dry_run}'}}}}\nspec: {spec}\n---\n",
            name.trim_end_matches('!')
        )
    });
    Policies::new(mesh, &resources(&texts.collect::<String>()))
}

/// A request to `shop`'s pods `app: cart` at port 80 with these members over it.
fn request(over: Value) -> Request {
    let mut request = json!({
        "from": {"principal": "cluster.local/ns/shop/sa/frontend", "ip": "10.1.2.3"},
        "to": {"namespace": "shop", "labels": {"app": "cart"}, "port": 80, "protocol": "http"},
        "method": "GET", "path": "/a", "host": "cart.shop:80",
    });
    merge(&mut request, over);
    serde_json::from_value(request).unwrap()
}

fn merge(into: &mut Value, over: Value) {
    match (into, over) {
        (Value::Object(into), Value::Object(over)) => {
            over.into_iter().for_each(|(name, value)| merge(into.entry(name).or_insert(Value::Null), value));
        }
        (into, over) => *into = over,
    }
}

/// A decision as `allow` or `deny`, with the policy and rule that decided.
fn said(decision: &Decision) -> String {
    let verdict = if decision.verdict == Verdict::Allow { "allow" } else { "deny" };
    match (&decision.policy, decision.rule) {
        (Some(policy), Some(rule)) => format!("{verdict} {policy}#{rule}"),
        _ => verdict.to_owned(),
    }
}

fn decide(specs: &[(&str, &str)], over: Value) -> String {
    said(&policies(Mesh::default(), specs).decide(&request(over)))
}

const ALLOW_GET: (&str, &str) =
    ("shop/get", "{rules: [{to: [{operation: {methods: [POST]}}]}, {to: [{operation: {methods: [GET]}}]}]}");

#[test]
fn deny_comes_before_allow_and_an_allow_policy_closes_what_it_selects() {
    let none = json!({});
    let post = json!({"method": "PUT"});
    assert_eq!(decide(&[], none.clone()), "allow");
    assert_eq!(decide(&[ALLOW_GET], none.clone()), "allow shop/get#1");
    assert_eq!(decide(&[ALLOW_GET], post), "deny");
    assert_eq!(
        decide(&[ALLOW_GET, ("istio-system/no", "{action: DENY, rules: [{}]}")], none.clone()),
        "deny istio-system/no#0"
    );
    assert_eq!(decide(&[("shop/nobody", "{}")], none.clone()), "deny");
    assert_eq!(decide(&[("shop/all", "{rules: [{}]}")], none.clone()), "allow shop/all#0");
    assert_eq!(decide(&[("shop/audit", "{action: AUDIT, rules: [{}]}")], none.clone()), "allow");
    assert_eq!(decide(&[("shop/nobody!", "{}"), ("shop/no!", "{action: DENY, rules: [{}]}")], none), "allow");
}

#[test]
fn what_an_external_authorizer_decides_is_said_to_hang_on_it() {
    let custom = ("shop/ask", "{action: CUSTOM, provider: {name: opa}, rules: [{to: [{operation: {paths: [/a]}}]}]}");
    let decide = |specs: &[(&str, &str)], over| policies(Mesh::default(), specs).decide(&request(over));
    let asked = decide(&[custom], json!({}));
    assert_eq!((said(&asked).as_str(), asked.external.as_deref()), ("deny shop/ask#0", Some("opa")));
    assert_eq!(said(&decide(&[custom], json!({"path": "/b"}))), "allow");
    // Whatever it says, others turn the request away.
    let denied = decide(&[custom, ("shop/no", "{action: DENY, rules: [{}]}")], json!({}));
    assert_eq!((said(&denied).as_str(), denied.external), ("deny shop/no#0", None));
    // Two authorizers are asked by none of them.
    let other = ("shop/a", "{action: CUSTOM, provider: {name: jwt}, rules: [{to: [{operation: {paths: [/b]}}]}]}");
    let both = decide(&[custom, other], json!({}));
    assert_eq!((said(&both).as_str(), both.external.as_deref()), ("deny shop/ask#0", None));
    assert!(both.unsure.unwrap().contains("several providers"));
    assert_eq!(said(&decide(&[custom, other], json!({"path": "/c"}))), "allow");
}

#[test]
fn what_the_proxy_has_rewritten_is_what_policies_see() {
    let deny = |when: &str| format!("{{action: DENY, rules: [{{when: [{{{when}}}]}}]}}");
    let decide =
        |when: &str, over| said(&policies(Mesh::default(), &[("shop/no", deny(when).as_str())]).decide(&request(over)));
    let sni =
        |value: &str, sni: &str| decide(&format!("key: connection.sni, values: [{value}]"), json!({ "sni": sni }));
    assert_eq!(sni("api.example.com", "API.EXAMPLE.COM"), "deny shop/no#0");
    assert_eq!(sni("API.example.com", "API.example.com"), "allow");
    let path = |path: &str| decide("key: 'request.headers[:path]', values: ['/admin*']", json!({ "path": path }));
    assert_eq!(path("/x/../admin/users?x=1"), "deny shop/no#0");
    assert_eq!(path("/admins/../x?/admin"), "allow");
    let query = |path: &str| decide("key: 'request.headers[:path]', values: ['/a?b=/../c']", json!({ "path": path }));
    assert_eq!((query("/a?b=/../c#d").as_str(), query("/a?b=/../c&d").as_str()), ("deny shop/no#0", "allow"));
    let scope = |value: &str, scope: &str| {
        decide(&format!("key: 'request.auth.claims[scope]', values: ['{value}']"), json!({"jwt": {"scope": scope}}))
    };
    assert_eq!(scope("read", "read  write"), "deny shop/no#0");
    for (value, said) in [("read write", "read write"), ("read w*", "read write"), ("*", "")] {
        assert_eq!(scope(value, said), "allow", "{value}");
    }
}

#[test]
fn a_path_with_a_nul_is_refused_by_the_proxy_itself() {
    let decide = |over| policies(Mesh::default(), &[ALLOW_GET]).decide(&request(over));
    let refused = decide(json!({"path": "/a/%00"}));
    assert_eq!((said(&refused).as_str(), refused.refused.is_some()), ("deny", true));
    assert_eq!(said(&decide(json!({"path": "/a?%00"}))), "allow shop/get#1");
}

#[test]
fn selectors_and_the_root_namespace_say_whom_a_policy_guards() {
    let nobody = |selector: &str| format!("{{{selector}}}");
    for (namespace, selector, guards) in [
        ("shop", "", true),
        ("shop", "selector: {matchLabels: {}}", true),
        ("shop", "selector: {matchLabels: {app: cart}}", true),
        ("shop", "selector: {matchLabels: {app: cart, version: v1}}", false),
        ("shop", "selector: {matchLabels: {app: other}}", false),
        ("web", "", false),
        ("istio-system", "", true),
        ("istio-system", "selector: {matchLabels: {app: cart}}", true),
        ("istio-system", "selector: {matchLabels: {app: other}}", false),
        ("shop", "targetRefs: [{kind: Service, name: cart}]", false),
        ("shop", "targetRef: {kind: Service, name: cart}", false),
    ] {
        let said = decide(&[(&format!("{namespace}/p"), &nobody(selector))], json!({}));
        assert_eq!(said, if guards { "deny" } else { "allow" }, "{namespace} {selector}");
    }
    let gateway = json!({"to": {"labels": {"gateway.networking.k8s.io/gateway-name": "edge"}}});
    let of = |target: &str| decide(&[("shop/p", &format!("{{targetRefs: [{target}]}}"))], gateway.clone());
    assert_eq!(of("{group: gateway.networking.k8s.io, kind: Gateway, name: edge}"), "deny");
    assert_eq!(of("{group: gateway.networking.k8s.io, kind: Gateway, name: other}"), "allow");
}

/// Whether a request matches a rule with one source, operation and list of conditions.
fn matches(rule: &str, over: Value) -> bool {
    decide(&[("shop/p", &format!("{{rules: [{rule}]}}"))], over) == "allow shop/p#0"
}

#[test]
fn every_field_matches_as_the_table_says() {
    let from = |source: &str| format!("{{from: [{{source: {{{source}}}}}]}}");
    let to = |operation: &str| format!("{{to: [{{operation: {{{operation}}}}}]}}");
    let when = |key: &str, values: &str| format!("{{when: [{{key: '{key}', {values}}}]}}");
    let plain = || json!({"from": {"principal": null}});
    let header = |value: &str| json!({"headers": {"X-Id": value}});
    let jwt = || json!({"jwt": {"iss": "https://i/x", "sub": "s", "aud": ["a", "b"], "azp": "p", "scope": "r w", "o": {"g": ["m"], "n": 1}}});
    for (rule, over, expected) in [
        (from("principals: ['*']"), json!({}), true),
        (from("principals: ['*']"), plain(), false),
        (from("notPrincipals: ['*']"), plain(), true),
        (from("principals: [cluster.local/ns/shop/sa/frontend]"), json!({}), true),
        (from("principals: [cluster.local/ns/shop/sa/Frontend]"), json!({}), false),
        (from("principals: ['*/sa/frontend']"), json!({}), true),
        (from("principals: ['cluster.local/ns/shop/*']"), json!({}), true),
        (from("principals: ['cluster.local/*/sa/frontend']"), json!({}), false),
        (
            from("principals: [cluster.local/ns/shop/sa/frontend]"),
            json!({"from": {"principal": "spiffe://cluster.local/ns/shop/sa/frontend"}}),
            true,
        ),
        (from("namespaces: [shop]"), json!({}), true),
        (from("namespaces: [sho]"), json!({}), false),
        (from("namespaces: ['s*p']"), json!({}), true),
        (from("namespaces: ['*x']"), json!({}), false),
        // Since 1.30 only a `*` is a pattern: the rest is quoted in the expression that Istio makes.
        (from("namespaces: ['sho.']"), json!({}), false),
        (from("namespaces: ['sh[o]p', 'sh.*']"), json!({}), false),
        (from("serviceAccounts: ['fronten.']"), json!({}), false),
        (from("principals: ['*/s.p/sa/frontend']"), json!({}), false),
        (from("notNamespaces: [shop]"), plain(), true),
        (from("serviceAccounts: [frontend]"), json!({}), true),
        (from("serviceAccounts: [web/frontend]"), json!({}), false),
        (from("serviceAccounts: [shop/frontend]"), json!({"from": {"principal": "other/ns/shop/sa/frontend"}}), true),
        (from("trustDomains: ['cluster.*']"), json!({}), true),
        (from("trustDomains: [cluster]"), json!({}), false),
        (from("notTrustDomains: ['*']"), plain(), true),
        (from("ipBlocks: [10.1.0.0/16]"), json!({}), true),
        (from("remoteIpBlocks: [10.1.0.0/16]"), json!({"from": {"remoteIp": "192.0.2.1"}}), false),
        (from("remoteIpBlocks: [10.1.0.0/16]"), json!({}), true),
        (from("notIpBlocks: [10.1.2.3]"), json!({}), false),
        (from("requestPrincipals: ['https://i/x/*']"), jwt(), true),
        (from("requestPrincipals: ['*']"), json!({}), false),
        (from("notRequestPrincipals: ['*']"), json!({}), true),
        (from("principals: ['*'], ipBlocks: [192.0.2.1]"), json!({}), false),
        (to("hosts: ['CART.shop:80']"), json!({}), true),
        (to("hosts: [cart.shop]"), json!({}), false),
        (to("hosts: ['cart.shop:*']"), json!({}), true),
        (to("notHosts: [cart.shop]"), json!({}), true),
        (to("methods: [get]"), json!({}), false),
        (to("methods: ['*']"), json!({}), true),
        (to("notMethods: [GET]"), json!({}), false),
        (to("paths: [/a]"), json!({"path": "/x/%2e./a?q=/b"}), true),
        (to("paths: ['/a/*']"), json!({}), false),
        (to("paths: ['*']"), json!({}), true),
        (to("paths: ['/{*}']"), json!({}), true),
        (to("notPaths: ['/{**}']"), json!({}), false),
        (to("ports: ['80', '81']"), json!({}), true),
        (to("ports: ['8080']"), json!({}), false),
        (when("request.headers[x-id]", "values: [v]"), header("v"), true),
        (when("request.headers[x-id]", "values: [V]"), header("v"), false),
        (when("request.headers[x-id]", "values: ['*']"), json!({}), false),
        (when("request.headers[x-id]", "notValues: [v]"), json!({}), true),
        (when("request.headers[:method]", "values: [GET]"), json!({}), true),
        (when("source.ip", "values: [10.0.0.0/8], notValues: [10.1.2.3]"), json!({}), false),
        (when("destination.ip", "values: [10.0.0.1]"), json!({"to": {"ip": "10.0.0.1"}}), true),
        (when("destination.port", "values: ['80']"), json!({}), true),
        (when("connection.sni", "values: ['*.example.com']"), json!({"sni": "a.example.com"}), true),
        (when("connection.sni", "values: ['*']"), json!({}), false),
        (when("source.serviceAccount", "values: [frontend]"), json!({}), true),
        (when("source.trustDomain", "values: [cluster.local]"), json!({}), true),
        (when("request.auth.principal", "values: [https://i/x/s]"), jwt(), true),
        (when("request.auth.audiences", "values: [b]"), jwt(), true),
        (when("request.auth.presenter", "values: [p]"), jwt(), true),
        (when("request.auth.claims[scope]", "values: [w]"), jwt(), true),
        (when("request.auth.claims[o][g]", "values: [m]"), jwt(), true),
        (when("request.auth.claims[o][n]", "values: ['1']"), jwt(), false),
        (when("experimental.envoy.filters.a[b]", "notValues: [m]"), json!({}), true),
    ] {
        assert_eq!(matches(&rule, over.clone()), expected, "{rule} {over}");
    }
}

#[test]
fn without_requests_allow_loses_the_rule_and_deny_the_field() {
    let tcp = || json!({"to": {"protocol": "tcp"}});
    let rule = "{from: [{source: {namespaces: [shop]}}], to: [{operation: {methods: [PUT]}}]}";
    let either = "{to: [{operation: {ports: ['80']}}, {operation: {paths: [/a]}}]}";
    assert_eq!(decide(&[("shop/p", &format!("{{rules: [{rule}]}}"))], tcp()), "deny");
    assert_eq!(decide(&[("shop/p", &format!("{{rules: [{either}]}}"))], tcp()), "deny");
    let deny = format!("{{action: DENY, rules: [{rule}]}}");
    assert_eq!(decide(&[("shop/p", &deny)], tcp()), "deny shop/p#0");
    assert_eq!(decide(&[("shop/p", &deny)], json!({})), "allow");
    assert_eq!(
        decide(
            &[("shop/p", &deny)],
            json!({"to": {"protocol": "tcp"}, "from": {"principal": "cluster.local/ns/web/sa/a"}})
        ),
        "allow"
    );
}

#[test]
fn what_istio_cannot_read_of_a_rule_narrows_allow_and_widens_deny() {
    let bad_block = "{from: [{source: {ipBlocks: [x]}}]}";
    let bad_key = "{when: [{key: nonsense, values: [x]}]}";
    let with =
        |action: &str, rule: &str| decide(&[("shop/p", &format!("{{action: {action}, rules: [{rule}]}}"))], json!({}));
    assert_eq!(with("ALLOW", bad_block), "deny");
    assert_eq!(with("DENY", bad_block), "deny shop/p#0");
    // Go reads no sign.
    let signed = "{to: [{operation: {ports: ['+80']}}]}";
    assert_eq!(with("ALLOW", signed), "deny");
    assert_eq!(with("DENY", &signed.replace("+80", "81', '+80")), "allow");
    assert_eq!(with("DENY", &signed.replace("ports", "notPorts")), "deny shop/p#0");
    assert_eq!(with("ALLOW", bad_key), "deny");
    assert_eq!(with("DENY", bad_key), "allow");
}

#[test]
fn trust_domains_of_the_mesh_stand_for_each_other() {
    let mesh = Mesh { trust_domains: vec!["new".into(), "old".into()], ..Mesh::default() };
    let of = |policy: &str, caller: &str| {
        let spec = format!("{{rules: [{{from: [{{source: {{principals: [{policy}/ns/shop/sa/a]}}}}]}}]}}");
        let from = json!({"from": {"principal": format!("{caller}/ns/shop/sa/a")}});
        said(&policies(mesh.clone(), &[("shop/p", &spec)]).decide(&request(from))).starts_with("allow")
    };
    assert!(of("cluster.local", "new") && of("cluster.local", "old") && of("old", "new") && of("new", "old"));
    assert!(!of("cluster.local", "other") && !of("other", "new") && of("other", "other"));
    assert!(!of("new", "cluster.local"));
}

#[test]
fn a_strict_workload_refuses_plain_text_and_one_without_tls_knows_nobody() {
    let strict = "{mtls: {mode: STRICT}}";
    let plain = json!({"from": {"principal": null}});
    let decide = |specs: &[(&str, &str)], over: &Value| policies(Mesh::default(), specs).decide(&request(over.clone()));
    let refused = decide(&[("istio-system/mesh", strict)], &plain);
    assert_eq!((said(&refused).as_str(), refused.peer_authentication.as_deref()), ("deny", Some("istio-system/mesh")));
    assert_eq!(said(&decide(&[("istio-system/mesh", strict)], &json!({}))), "allow");
    for (specs, verdict) in [
        (vec![("istio-system/m", strict), ("shop/n", "{mtls: {mode: PERMISSIVE}}")], "allow"),
        (vec![("istio-system/m", strict), ("shop/n", "{mtls: {mode: UNSET}}")], "deny"),
        (vec![("istio-system/m", "{selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}}")], "allow"),
        (
            vec![("shop/n", "{mtls: {}}"), ("shop/w", "{selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}}")],
            "deny",
        ),
        (
            vec![(
                "shop/w",
                "{selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}, portLevelMtls: {80: {mode: PERMISSIVE}}}",
            )],
            "allow",
        ),
        (
            vec![(
                "shop/w",
                "{selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}, portLevelMtls: {81: {mode: PERMISSIVE}}}",
            )],
            "deny",
        ),
        (
            vec![(
                "shop/w",
                "{selector: {matchLabels: {app: cart}}, mtls: {mode: STRICT}, portLevelMtls: {80: {mode: UNSET}}}",
            )],
            "deny",
        ),
        (vec![("shop/w", "{selector: {matchLabels: {app: other}}, mtls: {mode: STRICT}}")], "allow"),
    ] {
        assert_eq!(said(&decide(&specs, &plain)), verdict, "{specs:?}");
    }
    let known = ("shop/p", "{rules: [{from: [{source: {principals: ['*']}}]}]}");
    assert_eq!(said(&decide(&[known, ("shop/n", "{mtls: {mode: DISABLE}}")], &json!({}))), "deny");
    let contested = decide(&[("shop/a", "{mtls: {mode: STRICT}}"), ("shop/b", "{mtls: {mode: PERMISSIVE}}")], &plain);
    assert_eq!(said(&contested), "deny");
    assert!(contested.unsure.unwrap().contains("shop/a and shop/b disagree"));
    // Of three any may be the oldest.
    let three =
        [known, ("shop/a", strict), ("shop/b", "{mtls: {mode: PERMISSIVE}}"), ("shop/c", "{mtls: {mode: DISABLE}}")];
    assert!(decide(&three, &json!({})).unsure.unwrap().contains("shop/a and shop/c disagree"));
}

#[test]
fn a_gateway_takes_what_its_servers_take_whatever_peer_authentications_say() {
    let specs = [("istio-system/m", "{mtls: {mode: STRICT}}"), ("shop/n", "{mtls: {mode: STRICT}}")];
    let known = ("shop/p", "{rules: [{from: [{source: {principals: ['*']}}]}]}");
    for (to, is_gateway) in [
        (json!({"labels": {"istio": "ingressgateway"}}), true),
        (json!({"labels": {"istio": "egress"}}), true),
        (json!({"labels": {"gateway.networking.k8s.io/gateway-name": "edge"}}), true),
        (json!({"proxy": "gateway"}), true),
        (json!({"labels": {"istio": "pilot"}}), false),
        (json!({"labels": {"istio": "ingressgateway"}, "proxy": "ztunnel"}), false),
        (json!({}), false),
    ] {
        let plain = decide(&specs, json!({"to": to, "from": {"principal": null}}));
        assert_eq!(plain, if is_gateway { "allow" } else { "deny" }, "{to}");
        // Who calls is known by its servers too.
        let no_tls = [known, ("shop/n", "{mtls: {mode: DISABLE}}")];
        let is_known = decide(&no_tls, json!({"to": to})) == "allow shop/p#0";
        assert_eq!(is_known, is_gateway || to["proxy"] == "ztunnel", "{to}");
    }
}

#[test]
fn what_is_attached_to_services_is_decided_where_the_service_is_said() {
    let waypoint = json!({
        "gateway.networking.k8s.io/gateway-name": "way", "gateway.istio.io/managed": "istio.io-mesh-controller"
    });
    let spec = |name: &str, more: &str| format!("{{targetRefs: [{{kind: Service, name: {name}}}], {more}}}");
    let (deny, allow) = (spec("cart", "action: DENY, rules: [{}]"), spec("cart", "rules: [{}]"));
    let (elsewhere, put) =
        (spec("far", "action: DENY, rules: [{}]"), spec("cart", "rules: [{to: [{operation: {methods: [PUT]}}]}]"));
    let of_all = ("shop/all", "{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: way}]}");
    let entry =
        "{targetRefs: [{group: networking.istio.io, kind: ServiceEntry, name: out}], action: DENY, rules: [{}]}";
    for (specs, to, verdict, is_unsure) in [
        // At a waypoint that does not know what is called, of services near and far.
        (vec![("shop/d", deny.as_str())], json!({}), "allow", true),
        (vec![("web/d", &elsewhere)], json!({}), "allow", true),
        (vec![("shop/d", entry)], json!({}), "allow", true),
        (vec![("shop/p", &put)], json!({}), "allow", true),
        (vec![of_all, ("shop/p", &allow)], json!({}), "deny", true),
        (vec![("shop/p", &allow)], json!({}), "allow", false),
        (vec![of_all, ("shop/p", &put)], json!({}), "deny", false),
        // Where it does.
        (vec![("shop/d", &deny)], json!({"service": "cart"}), "deny shop/d#0", false),
        (vec![("shop/d", &deny)], json!({"service": "shop/cart"}), "deny shop/d#0", false),
        (vec![("shop/d", &deny)], json!({"service": "other"}), "allow", false),
        (vec![("web/d", &elsewhere)], json!({"service": "web/far"}), "deny web/d#0", false),
        (vec![("web/d", &elsewhere)], json!({"service": "far"}), "allow", false),
        (vec![("shop/d", entry)], json!({"service": "out"}), "allow", false),
        // A waypoint may stand before a ztunnel.
        (vec![("shop/d", &deny)], json!({"proxy": "ztunnel"}), "allow", true),
        (vec![("shop/d", &deny)], json!({"proxy": "ztunnel", "service": "cart"}), "allow", true),
        (vec![("shop/d", &deny)], json!({"proxy": "ztunnel", "service": "other"}), "allow", false),
        (vec![("web/d", &elsewhere)], json!({"proxy": "ztunnel"}), "allow", false),
    ] {
        let mut to = to;
        if to["proxy"].is_null() {
            to["labels"] = waypoint.clone();
        }
        let decision = policies(Mesh::default(), &specs).decide(&request(json!({"to": to})));
        assert_eq!((said(&decision).as_str(), decision.unsure.is_some()), (verdict, is_unsure), "{specs:?} {to}");
    }
}

#[test]
fn an_address_that_is_not_said_leaves_the_decision_open() {
    let source = |source: &str| format!("rules: [{{from: [{{source: {{{source}}}}}]}}]");
    let near = source("ipBlocks: [10.0.0.0/8]");
    let far = source("notIpBlocks: [10.0.0.0/8]");
    let of_web = source("ipBlocks: [10.0.0.0/8], namespaces: [web]");
    let remote = source("remoteIpBlocks: [10.0.0.0/8]");
    for (spec, over, is_unsure) in [
        (format!("{{{near}}}"), json!({}), true),
        (format!("{{{far}}}"), json!({}), true),
        (format!("{{action: DENY, {near}}}"), json!({}), true),
        (format!("{{action: DENY, {far}}}"), json!({}), true),
        (format!("{{action: DENY, {remote}}}"), json!({}), true),
        (format!("{{action: DENY, {near}}}"), json!({"to": {"proxy": "ztunnel"}}), true),
        (format!("{{{far}}}"), json!({"to": {"proxy": "ztunnel"}}), true),
        (format!("{{action: DENY, {near}}}"), json!({"from": {"ip": "10.0.0.1"}}), false),
        (format!("{{{of_web}}}"), json!({}), false),
        (format!("{{action: DENY, {of_web}}}"), json!({"to": {"proxy": "ztunnel"}}), false),
        ("{rules: [{when: [{key: destination.ip, values: [10.0.0.1]}]}]}".to_owned(), json!({}), true),
    ] {
        let mut call = request(json!({"from": {"ip": null}}));
        let said = request(over);
        call.to = said.to;
        call.from.ip = said.from.ip.filter(|ip| ip.to_string() == "10.0.0.1");
        let policies = policies(Mesh::default(), &[("shop/p", &spec)]);
        assert_eq!(policies.decide_from_anywhere(&call).unsure.is_some(), is_unsure, "{spec} {:?}", call.to);
        assert_eq!(policies.decide(&call).unsure, None);
    }
}

#[test]
fn a_request_with_unknown_members_or_an_empty_identity_is_refused() {
    for (text, why) in [
        (r#"{"to": {"namespace": "a"}, "mehtod": "GET"}"#, "unknown field"),
        (r#"{"to": {}}"#, "missing field `namespace`"),
        (r#"{"to": {"namespace": "a"}, "from": {"principal": "spiffe://"}}"#, "from.principal is empty"),
        (r#"{"to": {"namespace": "a", "protocol": "udp"}}"#, "unknown variant"),
        (r#"{"to": {"namespace": "a"}, "from": {"ip": "x"}}"#, "invalid IP address"),
        (r#"{"to": {"namespace": "a"}, "path": "http://host/x"}"#, "path is \"http://host/x\": write what follows"),
        (r#"{"to": {"namespace": "a"}, "path": "a/b"}"#, "beginning with a slash"),
        (r#"{"to": {"namespace": "a"}, "path": ""}"#, "beginning with a slash"),
        (r#"{"to": {"namespace": "a", "service": "a/b/c"}}"#, "to.service is \"a/b/c\""),
    ] {
        let error = serde_json::from_str::<Request>(text).unwrap_err().to_string();
        assert!(error.contains(why), "{text}: {error}");
    }
}

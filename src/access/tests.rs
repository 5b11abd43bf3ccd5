use std::collections::BTreeSet;

use super::*;
use crate::istio::{self, Resource, Spec};

/// The resources of a text that holds nothing else.
pub(super) fn resources(text: &str) -> Vec<Resource> {
    istio::read(text).into_iter().map(|parsed| parsed.unwrap().resource).collect()
}

/// Reads policies of the namespace `shop`, each from its name and its spec.
pub(super) fn read(specs: &[(&str, &str)]) -> Vec<Resource> {
    let text = |(name, spec): &(&str, &str)| {
        let kind = if spec.to_lowercase().contains("mtls") { "PeerAuthentication" } else { "AuthorizationPolicy" };
        let head = format!("apiVersion: security.istio.io/v1\nkind: {kind}\n");
        format!("{head}metadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n---\n")
    };
    resources(&specs.iter().map(text).collect::<String>())
}

fn guard(text: &str) -> Guard {
    let resources = resources(text);
    Guard::of(resources.iter().filter_map(|resource| match &resource.spec {
        Spec::AuthorizationPolicy(policy) => Some((&resource.metadata, policy)),
        _ => None,
    }))
}

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: p, namespace: shop}}\nspec: {spec}\n"
    )
}

fn allowed(spec: &str) -> BTreeSet<Permission> {
    match guard(&policy(spec)).allow {
        AllowSet::Closed(permissions) => permissions,
        AllowSet::Open => panic!("open"),
    }
}

fn account(name: &str) -> Caller {
    Caller::Principal(format!("cluster.local/ns/shop/sa/{name}"))
}

#[test]
fn without_an_enforced_allow_policy_everybody_is_let_in() {
    assert_eq!(guard("").allow, AllowSet::Open);
    assert_eq!(guard(&policy("{action: DENY, rules: [{}]}")).allow, AllowSet::Open);
    let shadow = policy("{rules: [{}]}").replace("namespace: shop", "annotations: {istio.io/dry-run: 'true'}");
    assert_eq!(guard(&shadow).allow, AllowSet::Open);
}

#[test]
fn an_allow_policy_without_rules_lets_nobody_in_and_an_empty_rule_everybody() {
    assert_eq!(allowed("{}"), BTreeSet::new());
    let all = Permission { caller: Caller::Anyone, scope: Scope::default() };
    assert_eq!(allowed("{rules: [{}]}"), BTreeSet::from([all]));
}

#[test]
fn each_caller_has_a_permission_of_its_own_however_rules_are_cut() {
    let one = "{rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/a, cluster.local/ns/shop/sa/b]}}], \
               to: [{operation: {methods: [GET]}}]}]}";
    let two = "{rules: [{from: [{source: {principals: [cluster.local/ns/shop/sa/b]}}], \
               to: [{operation: {methods: [GET]}}]}, {from: [{source: {principals: [cluster.local/ns/shop/sa/a]}}], \
               to: [{operation: {methods: [GET]}}]}]}";
    assert_eq!(allowed(one), allowed(two));
    let callers: Vec<_> = allowed(one).into_iter().map(|permission| permission.caller).collect();
    assert_eq!(callers, [account("a"), account("b")]);
}

#[test]
fn a_caller_is_named_by_the_narrowest_identity_and_the_rest_narrows_it() {
    let permissions = allowed(
        "{rules: [{from: [{source: {serviceAccounts: [a], namespaces: [shop], ipBlocks: [10.0.0.0/8]}}], \
         when: [{key: source.ip, values: [10.1.0.0/16, 192.0.2.1]}]}]}",
    );
    let permission = permissions.first().unwrap();
    assert_eq!(permission.caller, Caller::ServiceAccount("shop/a".into()));
    let narrowed = |attribute| permission.scope.within[&attribute].iter().cloned().collect::<Vec<_>>();
    assert_eq!(narrowed(Attribute::Namespace), ["shop"]);
    assert_eq!(narrowed(Attribute::SourceIp), ["10.1.0.0/16"]);
}

#[test]
fn a_rule_that_nothing_can_match_gives_no_permission() {
    let spec = "{rules: [{to: [{operation: {methods: [GET]}}], when: [{key: destination.port, values: ['1']}, \
                {key: destination.port, values: ['2']}]}]}";
    assert_eq!(allowed(spec), BTreeSet::new());
}

#[test]
fn what_is_not_covered_comes_back_in_parts_and_is_joined_again() {
    let before = allowed("{rules: [{to: [{operation: {methods: [GET], paths: [/a*]}}]}]}");
    let after = allowed("{rules: [{to: [{operation: {methods: [GET, POST], paths: [/a, /b]}}]}]}");
    let gained = uncovered(&after, &before);
    let words: Vec<_> = joined(gained.into_iter().map(|permission| permission.scope))
        .iter()
        .map(|scope| format!("{:?} {:?}", scope.within[&Attribute::Method], scope.within[&Attribute::Path]))
        .collect();
    assert_eq!(words, [r#"{"GET"} {"/b"}"#, r#"{"POST"} {"/a", "/b"}"#]);
    assert_eq!(uncovered(&before, &before), BTreeSet::new());
}

#[test]
fn without_requests_deny_and_audit_widen() {
    let of = |action: &str| {
        let rules = "{from: [{source: {namespaces: [a], requestPrincipals: ['*'], notRequestPrincipals: [x]}}], \
                     to: [{operation: {methods: [GET], notPaths: [/x], hosts: [h], ports: ['80']}}], \
                     when: [{key: 'request.headers[x]', values: [v]}, {key: connection.sni, values: [z]}]}";
        guard(&policy(&format!("{{action: {action}, rules: [{rules}]}}")))
    };
    let scope = |permissions: &BTreeSet<Permission>| permissions.first().unwrap().scope.clone();
    let (deny, audit) = (of("DENY").without_requests().deny, of("AUDIT").without_requests().audit);
    for permissions in [&deny, &audit] {
        let left: Vec<_> = scope(permissions).within.into_keys().collect();
        assert_eq!(left, [Attribute::Port, Attribute::Other("connection.sni".into())]);
        assert!(scope(permissions).except.is_empty());
    }
    assert_eq!(of("ALLOW").without_requests(), of("ALLOW"));
}

#[test]
fn what_no_request_can_meet_is_met_by_connections_all_the_same() {
    let of = |action: &str| {
        guard(&policy(&format!("{{action: {action}, rules: [{{to: [{{operation: {{paths: [a]}}}}]}}]}}")))
    };
    assert_eq!(of("ALLOW").allow, AllowSet::Closed(BTreeSet::new()));
    assert!(of("DENY").without_requests().deny.first().unwrap().scope.is_everything());
}

#[test]
fn exclusions_narrow_a_permission() {
    let wide = allowed("{rules: [{to: [{operation: {methods: [GET]}}]}]}");
    let narrow = allowed("{rules: [{to: [{operation: {methods: [GET], notPaths: [/admin*]}}]}]}");
    assert_eq!(uncovered(&narrow, &wide).len(), 0);
    assert_eq!(uncovered(&wide, &narrow).len(), 1);
}

#[test]
fn a_scope_of_too_many_parts_stays_whole() {
    let many = |prefix: &str| (0..100).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(", ");
    let spec = format!("{{rules: [{{to: [{{operation: {{methods: [{}], paths: [{}]}}}}]}}]}}", many("M"), many("/p"));
    assert_eq!(uncovered(&allowed(&spec), &BTreeSet::new()).len(), 1);
}

#[test]
fn requests_name_a_namespace_and_identities_are_as_long_as_they_may_be() {
    let read = |text: String| serde_json::from_str::<Request>(&text).map_err(|error| error.to_string());
    let of =
        |length: usize| format!(r#"{{"to": {{"namespace": "a"}}, "from": {{"principal": "{}"}}}}"#, "x".repeat(length));
    assert!(read(of(2048)).is_ok());
    assert!(read(of(2049)).unwrap_err().contains("at most 2048"));
    assert!(read(r#"{"to": {"namespace": ""}}"#.to_owned()).unwrap_err().contains("to.namespace is empty"));
}

//! Each rule with a resource that passes and one that fails.

mod across;
mod networking;
mod routing;
mod security;

use crate::finding::{Finding, Place, Severity};
use crate::istio::{Resource, read};

/// A rule, a `spec` that passes and one that fails, both in YAML.
type Case<'a> = (&'static str, &'a str, &'a str);

/// The resource of a kind with a `spec` written in flow style.
fn resource(kind: &str, spec: &str) -> Resource {
    let group = if kind.contains("uth") { "security" } else { "networking" };
    manifest(&format!("{group}.istio.io/v1"), kind, "{name: a, namespace: ns}", spec)
}

fn manifest(version: &str, kind: &str, metadata: &str, spec: &str) -> Resource {
    let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n");
    read(&text).remove(0).unwrap_or_else(|error| panic!("{error}: {text}")).resource
}

fn lint(resource: &Resource) -> Vec<Finding> {
    super::lint(resource, &Place::at("a.yaml"))
}

/// Checks that the first of each pair has no findings at all, and the second the one of the rule.
fn check(kind: &str, cases: &[Case<'_>]) {
    for (rule, good, bad) in cases {
        let found = lint(&resource(kind, good));
        assert!(found.is_empty(), "{rule}: {good}: {found:?}");
        let found = lint(&resource(kind, bad));
        assert!(found.iter().any(|finding| finding.rule == *rule), "{rule}: {bad}: {found:?}");
    }
}

#[test]
fn findings_point_at_the_value() {
    let gateway = resource("Gateway", "{servers: [{port: {number: 70000, protocol: HTTP, name: a}, hosts: [a.b]}]}");
    let place = Place::pointing("a.yaml", "/items/2");
    let found = super::lint(&gateway, &place);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place.pointer, "/items/2/spec/servers/0/port/number");
    assert_eq!(found[0].severity, Severity::Error);
}

#[test]
fn versions_fields_and_values_are_known() {
    let old = manifest("networking.istio.io/v1beta1", "Sidecar", "{name: a}", "{}");
    assert_eq!(lint(&old)[0].rule, "istio/IST0002");
    assert_eq!(lint(&old)[0].severity, Severity::Warning);
    let unserved = manifest("networking.istio.io/v7", "Sidecar", "{name: a}", "{}");
    assert_eq!(lint(&unserved)[0].rule, "istio/IST0106");
    let unknown = resource("ServiceEntry", "{hosts: [a.b], colour: red}");
    assert_eq!(lint(&unknown)[0].place.pointer, "/spec/colour");
}

#[test]
fn dry_run_is_for_policies_that_allow_or_deny() {
    let policy = |value: &str, spec: &str| {
        let metadata = format!("{{name: a, annotations: {{istio.io/dry-run: \"{value}\"}}}}");
        manifest("security.istio.io/v1", "AuthorizationPolicy", &metadata, spec)
    };
    assert_eq!(lint(&policy("true", "{}")), []);
    assert_eq!(lint(&policy("yes", "{}"))[0].rule, "istio/009");
    assert_eq!(lint(&policy("true", "{action: AUDIT, rules: [{}]}"))[0].rule, "istio/009");
}

/// The rules that every kind shares, on a kind that has them.
#[test]
fn common_rules() {
    let long = "a".repeat(64);
    let entry = |host: &str| format!("{{hosts: [{host}], ports: [{{number: 80, protocol: HTTP, name: http}}]}}");
    for (rule, bad) in
        [("istio/001", long.as_str()), ("istio/001", "a.1"), ("istio/001", "a_b.c"), ("istio/002", "a.*.b")]
    {
        assert_eq!(lint(&resource("ServiceEntry", &entry(bad)))[0].rule, rule, "{bad}");
    }
    check(
        "ServiceEntry",
        &[
            ("istio/001", "{hosts: [a.b.]}", "{hosts: ['']}"),
            (
                "istio/003",
                "{hosts: [a.b], ports: [{number: 1, name: a, protocol: http}]}",
                "{hosts: [a.b], ports: [{number: 0, name: a, protocol: HTTP}]}",
            ),
            (
                "istio/004",
                "{hosts: [a.b], ports: [{number: 1, name: a-b, protocol: HTTP}]}",
                "{hosts: [a.b], ports: [{number: 1, name: a.b, protocol: HTTP}]}",
            ),
            (
                "istio/005",
                "{hosts: [a.b], ports: [{number: 1, name: a, protocol: grpc-web}]}",
                "{hosts: [a.b], ports: [{number: 1, name: a, protocol: SCTP}]}",
            ),
            ("istio/007", "{hosts: [a.b], exportTo: [., b]}", "{hosts: [a.b], exportTo: [., ns]}"),
            ("istio/007", "{hosts: [a.b], exportTo: ['~']}", "{hosts: [a.b], exportTo: ['~', b]}"),
            ("istio/007", "{hosts: [a.b], exportTo: ['*']}", "{hosts: [a.b], exportTo: ['*', b]}"),
            (
                "istio/008",
                "{hosts: [a.b], resolution: STATIC, workloadSelector: {labels: {a: b}}}",
                "{hosts: [a.b], resolution: STATIC, workloadSelector: {labels: {a: 'b*'}}}",
            ),
        ],
    );
    check(
        "DestinationRule",
        &[
            (
                "istio/006",
                "{host: a.b, trafficPolicy: {outlierDetection: {interval: 1.5s}}}",
                "{host: a.b, trafficPolicy: {outlierDetection: {interval: 100us}}}",
            ),
            (
                "istio/006",
                "{host: a.b, trafficPolicy: {outlierDetection: {interval: 1h}}}",
                "{host: a.b, trafficPolicy: {outlierDetection: {interval: '10'}}}",
            ),
            ("istio/007", "{host: a.b, exportTo: [.]}", "{host: a.b, exportTo: ['~']}"),
            ("istio/IST0002", "{host: a.b}", "{host: a}"),
        ],
    );
}

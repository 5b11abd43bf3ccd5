//! What the fixtures do not show.

mod across;
mod documented;
mod fixtures;

use crate::finding::{Finding, Place, Severity};
use crate::istio::{Resource, read};

fn resource(kind: &str, spec: &str) -> Resource {
    let group = if kind.contains("uth") { "security" } else { "networking" };
    let metadata = "{name: a, namespace: ns}";
    let text = format!("apiVersion: {group}.istio.io/v1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n");
    read(&text).remove(0).unwrap_or_else(|error| panic!("{error}: {text}")).resource
}

fn lint(resource: &Resource) -> Vec<Finding> {
    super::lint(resource, &Place::at("a.yaml"))
}

#[test]
fn findings_point_at_the_value() {
    let gateway = resource("Gateway", "{servers: [{port: {number: 70000, protocol: HTTP, name: a}, hosts: [a.b]}]}");
    let place = Place::pointing("a.yaml", "/items/2");
    let found = super::lint(&gateway, &place);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place.pointer, "/items/2/spec/servers/0/port/number");
    assert_eq!(found[0].severity, Severity::Error);
    let entry = resource("ServiceEntry", "{hosts: [a.b], colour: red}");
    assert_eq!(lint(&entry)[0].place.pointer, "/spec/colour");
}

#[test]
fn what_istio_admits_of_ipv4_in_ipv6_is_a_warning_with_the_block_to_write() {
    let spec = "{rules: [{from: [{source: {ipBlocks: ['::ffff:10.0.0.0/104', '::ffff:10.0.0.1']}}]}]}";
    let found = lint(&resource("AuthorizationPolicy", spec));
    assert!(found.iter().all(|finding| finding.severity == Severity::Warning), "{found:?}");
    let remedies: Vec<_> = found.iter().map(|finding| finding.remedy.as_str()).collect();
    assert_eq!(remedies, ["write 10.0.0.0/8", "write 10.0.0.1/32"]);
}

#[test]
fn bodies_of_more_than_a_megabyte_are_refused() {
    let body = |length: usize| {
        let body = "a".repeat(length);
        let spec = format!("{{hosts: [a.b], http: [{{directResponse: {{status: 503, body: {{string: {body}}}}}}}]}}");
        lint(&resource("VirtualService", &spec)).into_iter().map(|found| (found.own_rule(), found.severity)).collect()
    };
    let none: Vec<(&str, Severity)> = vec![];
    assert_eq!((body(100 << 10), body(1 << 20)), (none, vec![("istio/061", Severity::Warning)]));
    assert_eq!(body((1 << 20) + 1), [("istio/061", Severity::Error)]);
}

/// What is compared with everything before it takes no longer for being much.
#[test]
fn a_resource_as_large_as_kubernetes_stores_is_checked_at_once() {
    let list = |count: usize, item: &dyn Fn(usize) -> String| (0..count).map(item).collect::<Vec<_>>().join(",");
    let to = "route: [{destination: {host: a.b}}]";
    let hosts = list(60_000, &|n| format!("'*.h{n}.b'"));
    let routes =
        list(12_000, &|n| format!("{{match: [{{uri: {{prefix: /{}}}, port: {}}}], {to}}}", "a".repeat(n % 50), n + 1));
    let ports = list(20_000, &|n| format!("{{number: {n}, name: p{n}, protocol: HTTP}}"));
    let endpoints = list(20_000, &|n| format!("p{n}: 1"));
    let pool = list(60_000, &|n| format!("f{n}: 1"));
    let prefix = format!(
        "http: [{{match: [{{uri: {{prefix: /}}}}], {to}}}, {{match: [{{uri: {{prefix: /{}}}}}], {to}}}]",
        "a".repeat(1_400_000)
    );
    let names = list(30_000, &|n| format!("a{n}.b"));
    let servers = list(30_000, &|n| format!("x{n}.c"));
    let ciphers = list(40_000, &|_| "AES128-SHA".to_owned());
    let large = [
        (resource("VirtualService", &format!("{{hosts: [{hosts}], http: [{{{to}}}]}}")), vec![]),
        (resource("VirtualService", &format!("{{hosts: [a.b], http: [{routes}]}}")), vec![]),
        (
            resource(
                "ServiceEntry",
                &format!(
                    "{{hosts: [a.b], resolution: DNS, ports: [{ports}], endpoints: [{{address: c.d, ports: {{{endpoints}}}}}]}}"
                ),
            ),
            vec![],
        ),
        (resource("VirtualService", &format!("{{hosts: [a.b], {prefix}}}")), vec![("istio/IST0131", 1)]),
        (
            resource(
                "VirtualService",
                &format!("{{hosts: [{names}], gateways: [g], tls: [{{match: [{{sniHosts: [{servers}]}}], {to}}}]}}"),
            ),
            vec![("istio/063", 30_000)],
        ),
        (
            resource(
                "Gateway",
                &format!(
                    "{{servers: [{{port: {{number: 443, protocol: TLS, name: a}}, hosts: [a.b], tls: {{mode: SIMPLE, credentialName: c, cipherSuites: [{ciphers}]}}}}]}}"
                ),
            ),
            vec![("istio/024", 39_999)],
        ),
        (resource("DestinationRule", &format!("{{host: a.b, {pool}}}")), vec![("istio/IST0106", 60_000)]),
    ];
    for (resource, expected) in &large {
        let found = lint(resource);
        for (rule, least) in expected {
            let count = found.iter().filter(|finding| finding.rule == *rule).count();
            assert!(count >= *least, "{}: {count} of {rule}", resource.kind_name());
        }
    }
}

/// What a schema finds, too, is told once, whatever its number.
#[test]
fn what_two_checks_find_in_many_places_is_told_once() {
    let fields: String = (0..40_000).map(|n| format!("  f{n}: 1\n")).collect();
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: a, namespace: ns}}\nspec:\n  host: a.b\n{fields}"
    );
    let also = |value: &serde_json::Value| {
        let fields = value["spec"].as_object().unwrap().keys().filter(|name| *name != "host");
        let place = |name: &String| Place { pointer: format!("/spec/{name}"), ..Place::default() };
        fields.map(|name| Finding::error("istio/IST0106", place(name), "schema", "mend it")).collect()
    };
    let manifests = super::Manifests::read("a.yaml", text.into_bytes(), Some(&also));
    assert!(manifests.findings().iter().all(|found| found.message == "schema" || found.rule == "lint/more"));
    let more = "39000 more findings of this file, none worse, are not told";
    assert!(manifests.findings().iter().any(|found| found.message == more), "{:?}", manifests.findings().last());
}

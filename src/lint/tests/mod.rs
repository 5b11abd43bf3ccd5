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
    let large = [
        resource("VirtualService", &format!("{{hosts: [{hosts}], http: [{{{to}}}]}}")),
        resource("VirtualService", &format!("{{hosts: [a.b], http: [{routes}]}}")),
        resource(
            "ServiceEntry",
            &format!(
                "{{hosts: [a.b], resolution: DNS, ports: [{ports}], endpoints: [{{address: c.d, ports: {{{endpoints}}}}}]}}"
            ),
        ),
    ];
    for resource in &large {
        let begun = std::time::Instant::now();
        lint(resource);
        assert!(begun.elapsed().as_secs() < 10, "{}: {:?}", resource.kind_name(), begun.elapsed());
    }
}

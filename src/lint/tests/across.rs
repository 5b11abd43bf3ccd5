//! How Gateways are named, and that rules over several resources take no longer for many.

use crate::finding::{Finding, Place};
use crate::istio::{Resource, read};
use crate::lint::lint_across;

fn resource(kind: &str, namespace: &str, name: &str, spec: &str) -> (Place, Resource) {
    let version = if kind == "Service" { "v1" } else { "networking.istio.io/v1" };
    let metadata = format!("{{name: {name}, namespace: {namespace}}}");
    let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n");
    (Place::at(format!("{name}.yaml")), read(&text).remove(0).unwrap().resource)
}

fn found(resources: &[(Place, Resource)]) -> Vec<Finding> {
    lint_across(&resources.iter().map(|(place, resource)| (place, resource)).collect::<Vec<_>>())
}

const ROUTE: &str = "http: [{route: [{destination: {host: a.b}}]}]";

#[test]
fn a_dot_stands_for_ones_own_namespace() {
    let rules_of = |gateway: &str, hosts: &str, named: &str| {
        let served = format!("{{servers: [{{port: {{number: 80, protocol: HTTP, name: a}}, hosts: [{hosts}]}}]}}");
        let service = format!("{{hosts: [a.b], gateways: [{named}], {ROUTE}}}");
        let resources = [resource("Gateway", gateway, "g", &served), resource("VirtualService", "ns", "v", &service)];
        found(&resources).iter().map(Finding::own_rule).collect::<Vec<_>>()
    };
    for named in ["g", "./g", "ns/g", "g.ns", "g.ns.svc.cluster.local"] {
        assert_eq!(rules_of("ns", "./a.b", named), [""; 0], "{named}");
        assert_eq!(rules_of("ns", "./c.d", named), ["istio/IST0132"], "{named}");
    }
    assert_eq!(rules_of("ns", "./a.b", "./h"), ["istio/IST0101"]);
    assert_eq!(rules_of("edge", "'*/a.b'", "edge/g"), [""; 0]);
    assert_eq!(rules_of("edge", "./a.b", "edge/g"), ["istio/IST0132"], "only its own namespace is served");
}

#[test]
fn everybody_who_says_something_twice_is_told_of_another() {
    let all = format!("{{hosts: [a.b], {ROUTE}}}");
    let resources = ["u", "v", "w"].map(|name| resource("VirtualService", "ns", name, &all));
    let told: Vec<_> = found(&resources).into_iter().map(|found| (found.place.to_string(), found.message)).collect();
    let says = |name: &str, other: &str| {
        (format!("{name}.yaml#/spec/hosts/0"), format!("the VirtualService ns/{other} is for a.b too"))
    };
    assert_eq!(told, [says("u", "v"), says("v", "u"), says("w", "u")]);
}

#[test]
fn many_hosts_at_many_gateways_are_not_compared() {
    let rules_of = |gateways: usize, hosts: usize| {
        let server = |n| format!("{{servers: [{{port: {{number: 80, protocol: HTTP, name: a}}, hosts: ['*.a{n}']}}]}}");
        let mut resources: Vec<_> =
            (0..gateways).map(|n| resource("Gateway", "ns", &format!("g{n}"), &server(n))).collect();
        let list = |name: &str, count: usize| (0..count).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(",");
        let service = format!("{{hosts: [{}], gateways: [{}], {ROUTE}}}", list("h.a.b", hosts), list("g", gateways));
        resources.push(resource("VirtualService", "ns", "v", &service));
        found(&resources).iter().map(Finding::own_rule).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(rules_of(200, 200), ["lint/size"].into());
    assert_eq!(rules_of(100, 100), ["istio/IST0132"].into());
    assert_eq!(rules_of(1, 20_000), ["istio/IST0132"].into());
}

#[test]
fn what_is_too_large_to_be_compared_is_there_for_others() {
    let list = |name: &str, count: usize| (0..count).map(|n| format!("{name}{n}")).collect::<Vec<_>>().join(",");
    let port = "ports: [{number: 80, name: a, protocol: HTTP}]";
    let entry = format!("{{hosts: [{}], {port}, exportTo: [{}]}}", list("a.b", 256), list("n", 2_000));
    let to = |host: &str| format!("{{hosts: [v.{host}], http: [{{route: [{{destination: {{host: {host}}}}}]}}]}}");
    let wide_rule = format!(
        "{{host: a.b1, subsets: [{{name: {}}}], exportTo: [{}]}}",
        list("s", 600).replace(',', "}, {name: "),
        list("n", 600)
    );
    let subset = "{hosts: [w], http: [{route: [{destination: {host: a.b1, subset: s1}}]}]}";
    let resources = [
        resource("ServiceEntry", "ns", "wide", &entry),
        resource("ServiceEntry", "ns", "other", &format!("{{hosts: [c.d], {port}}}")),
        resource("DestinationRule", "ns", "wide-rule", &wide_rule),
        resource("DestinationRule", "ns", "rule", "{host: a.b1, subsets: [{name: other}]}"),
        resource("VirtualService", "ns", "v", &to("a.b255")),
        resource("VirtualService", "ns", "none", &to("x.y")),
        resource("VirtualService", "ns", "w", subset),
    ];
    let told: Vec<_> = found(&resources).iter().map(|found| (found.place.path.clone(), found.own_rule())).collect();
    let expected = [("none.yaml", "istio/IST0101"), ("wide.yaml", "lint/size"), ("wide-rule.yaml", "lint/size")];
    assert_eq!(told, expected.map(|(path, rule)| (path.to_owned(), rule)));
}

#[test]
fn hosts_are_looked_for_in_as_many_namespaces_as_a_route_is_for() {
    let names = |count: usize| (0..count).map(|n| format!("n{n}")).collect::<Vec<_>>().join(",");
    let rules_of = |count: usize| {
        let port = "ports: [{number: 80, name: a, protocol: HTTP}]";
        let entry = format!("{{hosts: [a.b], {port}, exportTo: [n99]}}");
        let rule = "{host: a.b, subsets: [{name: s}], exportTo: [n99]}";
        let to = "http: [{route: [{destination: {host: a.b, subset: s}}]}]";
        let service = format!("{{hosts: [v.b], exportTo: [{}], {to}}}", names(count));
        let all = [
            resource("ServiceEntry", "ns", "e", &entry),
            resource("DestinationRule", "ns", "d", rule),
            resource("VirtualService", "ns", "v", &service),
        ];
        found(&all).iter().map(Finding::own_rule).collect::<Vec<_>>()
    };
    assert_eq!(rules_of(100), [""; 0]);
    assert_eq!(rules_of(60), ["istio/IST0101", "istio/IST0101"], "the host and the subset are for n99");
}

/// One of a kind that clashes with all others of its kind, in the thousands.
#[test]
fn many_resources_that_clash_are_compared_by_index() {
    let tls = "{mode: SIMPLE, credentialName: c}";
    let mut resources = vec![];
    for n in 0..4_000 {
        let gateway = format!(
            "{{selector: {{a: b, n: x{n}}}, servers: [{{port: {{number: 443, protocol: HTTPS, name: a}}, hosts: ['*.b'], tls: {tls}}}]}}"
        );
        resources.push(resource("Gateway", "ns", &format!("g{n}"), &gateway));
        let service = format!("{{hosts: ['*.h{n}.b', a.b], gateways: [g{n}, mesh], exportTo: [n{n}], {ROUTE}}}");
        resources.push(resource("VirtualService", "ns", &format!("v{n}"), &service));
        let entry = format!("{{hosts: [a.b, '*.s{n}.b'], ports: [{{number: {}, name: a, protocol: HTTP}}]}}", n + 1);
        resources.push(resource("ServiceEntry", "ns", &format!("s{n}"), &entry));
        let sidecar = format!("{{workloadSelector: {{labels: {{a: b, n: x{n}}}}}, egress: [{{hosts: ['*/*']}}]}}");
        resources.push(resource("Sidecar", "ns", &format!("c{n}"), &sidecar));
        let pod =
            format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}, namespace: ns, labels: {{a: b, n: x{n}}}}}\n");
        resources.push((Place::at("pod.yaml"), read(&pod).remove(0).unwrap().resource));
    }
    // One of each kind that clashes with some of the others.
    let port = "port: {number: 443, protocol: HTTPS, name: a}";
    let gateway = format!("{{selector: {{a: b}}, servers: [{{{port}, hosts: ['*.b'], tls: {tls}}}]}}");
    resources.push(resource("Gateway", "ns", "g", &gateway));
    resources.push(resource("VirtualService", "ns", "v", &format!("{{hosts: [a.b], {ROUTE}}}")));
    let entry = "{hosts: [a.b], ports: [{number: 7, name: a, protocol: TCP}]}";
    resources.push(resource("ServiceEntry", "ns", "s", entry));
    let sidecar = "{workloadSelector: {labels: {a: b}}, egress: [{hosts: ['*/*']}]}";
    resources.push(resource("Sidecar", "ns", "c", sidecar));
    let told = found(&resources);
    let count = |rule: &str| told.iter().filter(|found| found.rule == rule).count();
    let rules = ["istio/IST0109", "istio/IST0110", "istio/IST0112", "istio/IST0138", "istio/IST0145", "istio/IST0177"];
    assert_eq!(rules.map(count), [4_001, 4_001, 4_001, 1, 4_001, 2]);
}

//! Rules over several resources.

use crate::finding::{Finding, Place};
use crate::istio::read;
use crate::lint::lint_across;

fn found(resources: &[(&str, &str, &str)]) -> Vec<Finding> {
    let parsed: Vec<_> = resources
        .iter()
        .map(|(kind, name, spec)| {
            let group = if *kind == "Telemetry" { "telemetry" } else { "networking" };
            let namespace = if name.contains("namespace:") { "" } else { ", namespace: ns" };
            let text = format!(
                "apiVersion: {group}.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}{namespace}}}\nspec: {spec}\n"
            );
            (Place::at(format!("{name}.yaml")), read(&text).remove(0).unwrap().resource)
        })
        .collect();
    lint_across(&parsed.iter().map(|(place, resource)| (place, resource)).collect::<Vec<_>>())
}

fn rules(resources: &[(&str, &str, &str)]) -> Vec<(&'static str, String)> {
    found(resources).into_iter().map(|finding| (finding.own_rule(), finding.place.to_string())).collect()
}

const ROUTE: &str = "http: [{route: [{destination: {host: a.b}}]}]";

#[test]
fn gateways_and_their_hosts() {
    let gateway =
        ("Gateway", "g", "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: ['*.b', other/c.d]}]}");
    let service = |gateway: &str, host: &str| format!("{{hosts: [{host}], gateways: [{gateway}], {ROUTE}}}");
    assert_eq!(rules(&[gateway, ("VirtualService", "v", &service("ns/g", "a.b"))]), []);
    assert_eq!(rules(&[gateway, ("VirtualService", "v", &service("elsewhere/g", "a.b"))]), []);
    let missing = rules(&[gateway, ("VirtualService", "v", &service("h", "a.b"))]);
    assert_eq!(missing, [("istio/IST0101", "v.yaml#/spec/gateways/0".to_owned())]);
    let unserved = rules(&[gateway, ("VirtualService", "v", &service("g", "c.d"))]);
    assert_eq!(unserved, [("istio/IST0132", "v.yaml#/spec/hosts/0".to_owned())]);
}

#[test]
fn a_dot_stands_for_ones_own_namespace() {
    let gateway = |namespace: &str, hosts: &str| {
        let spec = format!("{{servers: [{{port: {{number: 80, protocol: HTTP, name: a}}, hosts: [{hosts}]}}]}}");
        ("Gateway", format!("g, namespace: {namespace}"), spec)
    };
    let rules_of = |(kind, name, spec): (&str, String, String), named: &str| {
        let service = format!("{{hosts: [a.b], gateways: [{named}], {ROUTE}}}");
        rules(&[(kind, &name, &spec), ("VirtualService", "v, namespace: ns", &service)])
    };
    for named in ["g", "./g", "ns/g", "g.ns", "g.ns.svc.cluster.local"] {
        assert_eq!(rules_of(gateway("ns", "./a.b"), named), [], "{named}");
        assert_eq!(rules_of(gateway("ns", "./c.d"), named)[0].0, "istio/IST0132", "{named}");
    }
    assert_eq!(rules_of(gateway("ns", "./a.b"), "./h")[0].0, "istio/IST0101");
    assert_eq!(rules_of(gateway("edge", "'*/a.b'"), "edge/g"), []);
    assert_eq!(rules_of(gateway("edge", "./a.b"), "edge/g")[0].0, "istio/IST0132", "only its own namespace is served");
}

#[test]
fn subsets() {
    let rule = ("DestinationRule", "d", "{host: a.b, subsets: [{name: v1}]}");
    let service = |subset: &str| {
        format!("{{hosts: [a.b], http: [{{route: [{{destination: {{host: a.b, subset: {subset}}}}}]}}]}}")
    };
    assert_eq!(rules(&[rule, ("VirtualService", "v", &service("v1"))]), []);
    assert_eq!(rules(&[("VirtualService", "v", &service("v2"))]), []);
    let missing = rules(&[rule, ("VirtualService", "v", &service("v2"))]);
    assert_eq!(missing, [("istio/IST0101", "v.yaml#/spec/http/0/route/0".to_owned())]);
}

#[test]
fn one_virtual_service_for_a_host() {
    let all = format!("{{hosts: [a.b], {ROUTE}}}");
    let own = format!("{{hosts: [a.b], exportTo: [.], {ROUTE}}}");
    assert_eq!(rules(&[("VirtualService", "v", &all), ("VirtualService", "w", &own)]), []);
    let double = rules(&[("VirtualService", "v", &all), ("VirtualService", "w", &all)]);
    assert_eq!(double, [("istio/IST0109", "w.yaml#/spec/hosts/0".to_owned())]);
}

#[test]
fn one_sidecar_and_telemetry_for_a_namespace() {
    let (all, one) =
        ("{egress: [{hosts: ['./*']}]}", "{workloadSelector: {labels: {a: b}}, egress: [{hosts: ['./*']}]}");
    assert_eq!(rules(&[("Sidecar", "s", all), ("Sidecar", "t", one)]), []);
    assert_eq!(rules(&[("Sidecar", "s", all), ("Sidecar", "t", all)]).len(), 2);
    assert_eq!(rules(&[("Telemetry", "s", "{}"), ("Telemetry", "t", "{selector: {matchLabels: {a: b}}}")]), []);
    assert_eq!(rules(&[("Telemetry", "s", "{}"), ("Telemetry", "t", "{}")])[0].0, "istio/IST0160");
}

#[test]
fn protocols_and_certificates() {
    let entry = |protocol: &str| format!("{{hosts: [a.b], ports: [{{number: 80, name: a, protocol: {protocol}}}]}}");
    assert_eq!(rules(&[("ServiceEntry", "s", &entry("HTTP")), ("ServiceEntry", "t", &entry("http"))]), []);
    let differ = rules(&[("ServiceEntry", "s", &entry("HTTP")), ("ServiceEntry", "t", &entry("TCP"))]);
    assert_eq!(differ, [("istio/IST0177", "t.yaml#/spec/ports/0".to_owned())]);
    let gateway = |secret: &str| {
        format!(
            "{{servers: [{{port: {{number: 443, protocol: HTTPS, name: a}}, hosts: [a.b], tls: {{mode: SIMPLE, credentialName: {secret}}}}}]}}"
        )
    };
    assert_eq!(rules(&[("Gateway", "g", &gateway("a")), ("Gateway", "h", &gateway("b"))]), []);
    let same = rules(&[("Gateway", "g", &gateway("a")), ("Gateway", "h", &gateway("a"))]);
    assert_eq!(same, [("istio/IST0138", "h.yaml#/spec/servers/0".to_owned())]);
}

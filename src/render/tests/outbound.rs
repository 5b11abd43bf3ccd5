//! Outbound intents: outside hosts straight, with TLS of the mesh, through an egress gateway, and what sidecars know.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::intent::conflicts::{Conflict, conflicts};
use crate::intent::{Anchor, Kind, Resource};

const EAST: &str = "{anchor: cluster-providers/gke/clusters, metadata: {name: east}}";

/// The cluster `east` with an egress gateway.
pub(super) const WITH_EGRESS: &str = r#"{anchor: cluster-providers/gke/clusters, metadata: {name: east}, spec: {dnsProxy: true, egress: {
    selector: {istio: egressgateway}, namespace: egress, serviceAccount: gate, host: gate.egress.svc.cluster.local}}}"#;

/// The outbound intent `name` of app `web`, `app=<name>`, with `more` said.
pub(super) fn caller(name: &str, more: Value) -> String {
    let base = json!({"app": "web", "appLabel": format!("app={name}"), "serviceName": name,
        "serviceAccount": format!("{name}-sa")});
    document("outbound-intents", name, with(base, more))
}

/// A server of `intent`: `api.bank.example`, HTTPS on 443, with `more` said.
pub(super) fn outside(intent: &str, name: &str, more: Value) -> String {
    let base = json!({"externalServiceName": "api.bank.example", "port": 443, "protocol": "HTTPS"});
    document(&format!("outbound-intents/{intent}/servers"), name, with(base, more))
}

pub(super) fn one(more: Value) -> Rendered {
    rendered(&[caller("pay", json!({})), outside("pay", "bank", more)])
}

pub(super) fn through(documents: &[String]) -> Rendered {
    everything(&tree_instead(EAST, WITH_EGRESS, documents))
}

pub(super) fn anchor(end: &str) -> Anchor {
    Anchor::parse(&format!("{PROD}/traffic-group-intents/t/outbound-intents/{end}")).unwrap()
}

/// The pointers of what is wrong with a server.
fn wrong(more: Value) -> Vec<String> {
    let base = json!({"externalServiceName": "api.bank.example", "port": 443, "protocol": "HTTPS"});
    let body = json!({"metadata": {"name": "x"}, "spec": with(base, more)});
    let found = Resource::read(None, Kind::OutboundServer, &body).err().unwrap_or_default();
    found.into_iter().map(|violation| violation.pointer).collect()
}

/// The fields in which the outbound intents and servers of `documents` contradict each other.
fn contradictions(documents: &[String]) -> BTreeSet<&'static str> {
    let tree = tree(documents);
    let anchors = tree.iter().map(|resource| resource.anchor());
    let all: Vec<_> = anchors.flat_map(|anchor| conflicts(&tree, anchor)).collect();
    for conflict in &all {
        let back = |other: &Conflict| (&other.intent, &other.with) == (&conflict.with, &conflict.intent);
        assert!(all.iter().any(back), "{conflict}");
    }
    all.into_iter().map(|conflict| conflict.field).collect()
}

#[test]
fn a_host_is_known_to_its_callers_namespace_alone() {
    let rendered = one(json!({}));
    let [path] = paths(&rendered)[..] else { panic!("{:?}", paths(&rendered)) };
    assert!(path.starts_with("east/shop/api.bank.example/serviceentry-api-bank-example-outbound-"), "{path}");
    assert_eq!(
        spec(&rendered, path),
        json!({
            "hosts": ["api.bank.example"],
            "ports": [{"number": 443, "protocol": "HTTPS", "name": "https-443"}],
            "location": "MESH_EXTERNAL",
            "resolution": "DNS",
            "exportTo": ["."],
        })
    );
    assert_eq!(said(&rendered, Severity::Note), ["outbound/visible"]);
    let finding = &rendered.findings[0];
    assert!(
        finding.message.starts_with("every workload of namespace `shop` may call api.bank.example:443"),
        "{finding}"
    );
    assert!(finding.message.contains("not only `pay` (app=pay)") && finding.message.ends_with("keeps nobody out"));
}

#[test]
fn a_host_is_rendered_on_every_cluster_of_its_caller() {
    let base = |group: &str| PROD.replace("/prod", group);
    let probe = caller("probe", json!({"app": "probe"}))
        .replace("\"outbound-intents\"", &format!("\"{}/traffic-group-intents/t/outbound-intents\"", base("/ops")));
    let server = outside("probe", "bank", json!({}))
        .replace("\"outbound-intents", &format!("\"{}/traffic-group-intents/t/outbound-intents", base("/ops")));
    let rendered = rendered(&[probe, server]);
    let folders: Vec<_> = paths(&rendered).iter().map(|path| path.rsplit_once('/').unwrap().0.to_owned()).collect();
    assert_eq!(folders, ["east/tools/api.bank.example", "west/tools/api.bank.example"]);
}

#[test]
fn resolution_and_addresses_say_where_a_host_is() {
    let entry = |more: Value| {
        let rendered = one(more);
        let said = spec(&rendered, paths(&rendered)[0]);
        let endpoints: Vec<_> =
            said["endpoints"].as_array().into_iter().flatten().map(|e| e["address"].clone()).collect();
        (said["resolution"].clone(), json!(endpoints), said["addresses"].clone())
    };
    let (one, two) = ("192.0.2.1", "192.0.2.2");
    assert_eq!(
        entry(json!({"dnsResolution": "STATIC", "endPointAddress": [two, one, two]})),
        (json!("STATIC"), json!([one, two]), Value::Null)
    );
    assert_eq!(
        entry(json!({"dnsResolution": "STATIC", "endPointAddress": one, "protocol": "MySQL", "port": 3306})),
        (json!("STATIC"), json!([one]), json!([one]))
    );
    assert_eq!(
        entry(json!({"dnsResolution": "DNS_ROUND_ROBIN", "endPointAddress": "eu.bank.example"})),
        (json!("DNS_ROUND_ROBIN"), json!(["eu.bank.example"]), Value::Null)
    );
    assert_eq!(
        entry(json!({"dnsResolution": "NONE", "protocol": "TCP", "endPointAddress": ["192.0.2.0/24"]})),
        (json!("NONE"), json!([]), json!(["192.0.2.0/24"]))
    );
    assert_eq!(
        entry(json!({"dnsResolution": "NONE", "externalServiceName": "*.Bank.example"})),
        (json!("NONE"), json!([]), Value::Null)
    );
    let wildcard = rendered(&[
        caller("pay", json!({})),
        outside("pay", "bank", json!({"dnsResolution": "NONE", "externalServiceName": "*.bank.example"})),
    ]);
    let start = "east/shop/_.bank.example/serviceentry-all-bank-example-outbound-";
    assert!(paths(&wildcard)[0].starts_with(start), "{:?}", paths(&wildcard));
}

#[test]
fn what_istio_or_envoy_cannot_do_is_refused_with_its_field() {
    for (more, pointers) in [
        (json!({}), &[][..]),
        (json!({"protocol": "UDP"}), &["/spec/protocol"]),
        (json!({"externalServiceName": "*"}), &["/spec/externalServiceName"]),
        (json!({"externalServiceName": "bank"}), &["/spec/externalServiceName"]),
        (json!({"externalServiceName": "cart.shop.svc.cluster.local"}), &["/spec/externalServiceName"]),
        (json!({"externalServiceName": "*.bank.example"}), &["/spec/dnsResolution"]),
        (json!({"externalServiceName": "*.bank.example", "dnsResolution": "NONE"}), &[]),
        (json!({"dnsResolution": "STATIC"}), &["/spec/endPointAddress"]),
        (json!({"dnsResolution": "STATIC", "endPointAddress": "bank.example"}), &["/spec/endPointAddress"]),
        (json!({"dnsResolution": "DNS", "endPointAddress": "10.0.0.0/8"}), &["/spec/endPointAddress"]),
        (
            json!({"dnsResolution": "DNS_ROUND_ROBIN", "endPointAddress": ["a.example", "b.example"]}),
            &["/spec/endPointAddress"],
        ),
        (json!({"dnsResolution": "NONE", "endPointAddress": "bank.example"}), &["/spec/endPointAddress"]),
        (json!({"dnsResolution": "NONE", "protocol": "TCP"}), &["/spec/endPointAddress"]),
        (json!({"endPointAddress": 7}), &["/spec/endPointAddress"]),
        (json!({"endPointAddress": ["not a host"]}), &["/spec/endPointAddress"]),
        (json!({"tls": {}}), &["/spec/protocol"]),
        (json!({"tls": {}, "protocol": "HTTP", "port": 80}), &["/spec/port"]),
        (json!({"tls": {}, "protocol": "HTTP"}), &[]),
        (json!({"tls": {"mode": "ISTIO_MUTUAL"}, "protocol": "HTTP"}), &["/spec/tls/mode"]),
        (json!({"tls": {"mode": "MUTUAL"}, "protocol": "HTTP"}), &["/spec/tls/credentialName"]),
        (json!({"tls": {"sni": "a.example"}, "protocol": "HTTP"}), &["/spec/tls/subjectAltNames"]),
        (json!({"tls": {"subjectAltNames": ["a.example"]}, "protocol": "HTTP"}), &["/spec/tls/sni"]),
        (json!({"tls": {}, "protocol": "HTTP", "dnsResolution": "NONE"}), &["/spec/dnsResolution"]),
        (json!({"via": "egress-gateway", "dnsResolution": "NONE"}), &["/spec/via"]),
        (json!({"via": "tunnel"}), &["/spec/via"]),
        (json!({"acknowledge": ["old.example"]}), &["/spec/acknowledge"]),
    ] {
        assert_eq!(wrong(more.clone()), pointers, "{more}");
    }
}

#[test]
fn intents_of_one_namespace_share_an_entry_with_the_ports_of_all() {
    let rendered = rendered(&[
        caller("pay", json!({})),
        outside("pay", "bank", json!({})),
        caller("web", json!({})),
        outside("web", "bank", json!({"port": 80, "protocol": "HTTP"})),
    ]);
    assert_eq!(paths(&rendered).len(), 1);
    let manifest = rendered.manifests.values().find(|manifest| !manifest.intents.is_empty()).unwrap();
    assert_eq!(manifest.intents, [anchor("pay/servers/bank"), anchor("web/servers/bank")]);
    let ports: Vec<_> =
        spec(&rendered, &manifest.path)["ports"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert_eq!(ports, ["http-80", "https-443"]);
    assert!(errors(&rendered).is_empty());
}

#[test]
fn intents_that_disagree_about_a_host_name_each_other() {
    let pair = |left: Value, right: Value| {
        contradictions(&[
            caller("pay", json!({})),
            outside("pay", "bank", left),
            caller("web", json!({})),
            outside("web", "bank", right),
        ])
    };
    let http = || json!({"protocol": "HTTP", "tls": {}});
    let fixed = |address: &str| json!({"dnsResolution": "STATIC", "endPointAddress": address});
    assert_eq!(pair(json!({}), json!({})), [].into());
    assert_eq!(pair(json!({}), json!({"dnsResolution": "NONE"})), ["/spec/dnsResolution"].into());
    assert_eq!(pair(fixed("192.0.2.1"), fixed("192.0.2.2")), ["/spec/endPointAddress"].into());
    assert_eq!(pair(json!({}), json!({"protocol": "TLS"})), ["/spec/protocol"].into());
    assert_eq!(pair(json!({}), json!({"via": "egress-gateway"})), ["/spec/via"].into());
    assert_eq!(pair(http(), json!({})), [].into(), "callers dial 80 and 443");
    assert_eq!(pair(http(), json!({"protocol": "HTTP", "port": 80})), ["/spec/port", "/spec/tls"].into());
    assert_eq!(pair(http(), json!({"protocol": "HTTP", "tls": {}, "port": 8443})), ["/spec/port"].into());
    let secret = |name: &str| json!({"protocol": "HTTP", "tls": {"mode": "MUTUAL", "credentialName": name}});
    assert_eq!(pair(secret("a"), secret("b")), [].into(), "each workload has a rule of its own");
    assert_eq!(pair(secret("a"), http()), [].into());
    let gateway = |port: u16| json!({"via": "egress-gateway", "port": port});
    assert_eq!(pair(gateway(443), gateway(8443)), ["/spec/port"].into());
    let twice = contradictions(&[
        caller("pay", json!({"egressScope": "all"})),
        caller("web", json!({"appLabel": "app=pay", "egressScope": "declared"})),
    ]);
    assert_eq!(twice, ["/spec/egressScope", "/spec/serviceAccount"].into());
    let blocked = rendered(&[
        caller("pay", json!({})),
        outside("pay", "bank", json!({})),
        outside("pay", "too", json!({"protocol": "TLS"})),
    ]);
    assert_eq!(errors(&blocked), ["render/conflict"; 2]);
}

#[test]
fn the_mesh_speaks_tls_for_callers_that_speak_none() {
    let tls = json!({"sni": "bank.example", "subjectAltNames": ["b.bank.example", "a.bank.example"]});
    let simple = one(json!({"protocol": "HTTP", "tls": tls}));
    let entry = paths(&simple).into_iter().find(|path| path.contains("/serviceentry-")).unwrap().to_owned();
    let port = json!({"number": 80, "protocol": "HTTP", "name": "http-80", "targetPort": 443});
    assert_eq!(spec(&simple, &entry)["ports"], json!([port]));
    let rule = paths(&simple).into_iter().find(|path| path.contains("/destinationrule-")).unwrap().to_owned();
    assert_eq!(
        spec(&simple, &rule),
        json!({
            "host": "api.bank.example",
            "trafficPolicy": {"portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "SIMPLE",
                "subjectAltNames": ["a.bank.example", "b.bank.example"], "sni": "bank.example"}}]},
            "exportTo": ["."],
        })
    );
    let opaque = one(json!({"protocol": "Redis", "port": 6380, "tls": {}}));
    let rule = paths(&opaque).into_iter().find(|path| path.contains("/destinationrule-")).unwrap().to_owned();
    let tls = &spec(&opaque, &rule)["trafficPolicy"]["portLevelSettings"][0];
    assert_eq!(tls["port"]["number"], 6380);
    assert_eq!(
        (&tls["tls"]["sni"], &tls["tls"]["subjectAltNames"]),
        (&json!("api.bank.example"), &json!(["api.bank.example"]))
    );
}

#[test]
fn each_workload_with_a_secret_has_a_rule_of_its_own() {
    let secret = |name: &str| json!({"protocol": "HTTP", "tls": {"mode": "MUTUAL", "credentialName": name}});
    let rendered = rendered(&[
        caller("pay", json!({})),
        outside("pay", "bank", secret("pay-cert")),
        caller("web", json!({})),
        outside("web", "bank", secret("web-cert")),
    ]);
    let rules: Vec<_> = paths(&rendered).into_iter().filter(|path| path.contains("/destinationrule-")).collect();
    let selected: Vec<_> = rules
        .iter()
        .map(|path| {
            let rule = spec(&rendered, path);
            let tls = &rule["trafficPolicy"]["portLevelSettings"][0]["tls"];
            (rule["workloadSelector"]["matchLabels"]["app"].clone(), tls["credentialName"].clone())
        })
        .collect();
    assert_eq!(selected, [(json!("pay"), json!("pay-cert")), (json!("web"), json!("web-cert"))]);
    let notes: Vec<_> = rendered.findings.iter().filter(|finding| finding.rule == "outbound/credential").collect();
    assert_eq!(notes.len(), 2);
    assert!(notes[0].message.contains("`pay-cert` has to be in namespace `shop` of gke/east"), "{}", notes[0]);
}

#[test]
fn bytes_without_a_name_are_told_where_sidecars_resolve_none() {
    let tcp = || json!({"protocol": "TCP", "port": 5432});
    assert_eq!(said(&one(tcp()), Severity::Warning), ["outbound/any-address"]);
    let documents = [caller("pay", json!({})), outside("pay", "bank", tcp())];
    assert!(said(&through(&documents), Severity::Warning).is_empty());
}

#[test]
fn a_terminated_group_has_no_outside_servers() {
    let mut tree = tree(&[caller("pay", json!({"egressScope": "declared"})), outside("pay", "bank", json!({}))]);
    assert_eq!(paths(&everything(&tree)).len(), 2);
    tree.set_terminated(&Anchor::parse(PROD).unwrap(), true);
    let rendered = everything(&tree);
    assert!(rendered.manifests.is_empty() && rendered.findings.is_empty(), "{rendered:?}");
}

#[test]
fn every_field_of_an_outbound_intent_and_server_changes_what_is_given() {
    let caller_base = json!({"egressScope": "declared"});
    let tls = json!({"mode": "SIMPLE", "credentialName": "a", "sni": "a.example", "subjectAltNames": ["a.example"]});
    let server_base = json!({"protocol": "HTTP", "dnsResolution": "STATIC", "endPointAddress": ["192.0.2.1"],
        "external": {"externalCerts": {"caCertificate": "x"}}, "via": "egress-gateway", "acknowledge": ["x.example"], "tls": tls});
    let of = |caller_more: &Value, server_more: &Value| {
        through(&[
            caller("pay", with(caller_base.clone(), caller_more.clone())),
            outside("pay", "bank", with(server_base.clone(), server_more.clone())),
        ])
    };
    let none = json!({});
    let base = of(&none, &none);
    assert!(errors(&base).is_empty(), "{:?}", base.findings);
    let callers = [
        json!({"app": "batch"}),
        json!({"appLabel": "app=other"}),
        json!({"serviceName": "other"}),
        json!({"serviceAccount": "other"}),
        json!({"egressScope": "all"}),
    ];
    let tls = |field: &str, value: Value| {
        let mut tls = server_base["tls"].clone();
        tls[field] = value;
        json!({"tls": tls})
    };
    let servers = [
        json!({"externalServiceName": "b.example"}),
        json!({"port": 8443}),
        json!({"protocol": "GRPC"}),
        json!({"dnsResolution": "DNS"}),
        json!({"endPointAddress": "192.0.2.2"}),
        json!({"external": null}),
        json!({"via": null, "acknowledge": null}),
        json!({"acknowledge": null}),
        json!({"tls": null}),
        tls("mode", json!("MUTUAL")),
        tls("credentialName", json!("b")),
        tls("sni", json!("b.example")),
        tls("subjectAltNames", json!(["b.example"])),
    ];
    for change in &callers {
        assert!(of(change, &none) != base, "{change}");
    }
    for change in &servers {
        assert!(of(&none, change) != base, "{change}");
    }
    // All that the schema knows was walked.
    let named = |changes: &[Value]| -> BTreeSet<String> {
        changes.iter().flat_map(|change| change.as_object().unwrap().keys().cloned()).collect()
    };
    let known = |kind: Kind| -> BTreeSet<String> {
        Resource::schema(kind)["properties"]["spec"]["properties"].as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(named(&callers), known(Kind::Outbound));
    assert_eq!(named(&servers), known(Kind::OutboundServer));
    let of_tls = &Resource::schema(Kind::OutboundServer)["properties"]["spec"]["properties"]["tls"]["properties"];
    assert_eq!(of_tls.as_object().unwrap().len(), 4);
}

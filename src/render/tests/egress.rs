//! Egress gateways, and what the sidecars of callers know.

use std::collections::BTreeSet;

use serde_json::json;

use super::outbound::{WITH_EGRESS, anchor, caller, one, outside, through};
use super::*;
use crate::intent::rules;

#[test]
fn an_egress_gateway_lets_named_callers_pass_to_named_hosts() {
    let rendered = through(&[
        caller("pay", json!({})),
        outside("pay", "bank", json!({"via": "egress-gateway"})),
        caller("web", json!({})),
        outside("web", "bank", json!({"via": "egress-gateway"})),
        outside("web", "mail", json!({"via": "egress-gateway", "externalServiceName": "mail.example"})),
    ]);
    assert!(errors(&rendered).is_empty(), "{:?}", rendered.findings);
    let folders: BTreeSet<_> =
        paths(&rendered).iter().map(|path| path.rsplit_once('/').unwrap().0.to_owned()).collect();
    let both = [
        "east/egress/api.bank.example",
        "east/egress/mail.example",
        "east/shop/api.bank.example",
        "east/shop/gate.egress.svc.cluster.local",
        "east/shop/mail.example",
    ];
    assert_eq!(folders, both.map(str::to_owned).into());
    let of = |kind: &str, host: &str| {
        let start = format!("east/egress/{host}/{kind}-");
        spec(&rendered, paths(&rendered).into_iter().find(|path| path.starts_with(&start)).unwrap())
    };
    assert_eq!(of("serviceentry", "api.bank.example")["exportTo"], json!([".", "shop"]));
    let policy = |host: &str, principals: &[&str]| {
        assert_eq!(
            of("authorizationpolicy", host),
            json!({
                "selector": {"matchLabels": {"istio": "egressgateway"}},
                "action": "ALLOW",
                "rules": [{
                    "from": [{"source": {"principals": principals}}],
                    "when": [{"key": "connection.sni", "values": [host]}],
                }],
            })
        );
    };
    policy("api.bank.example", &["cluster.local/ns/shop/sa/pay-sa", "cluster.local/ns/shop/sa/web-sa"]);
    policy("mail.example", &["cluster.local/ns/shop/sa/web-sa"]);
    assert_eq!(
        of("gateway", "mail.example"),
        json!({"selector": {"istio": "egressgateway"}, "servers": [{
            "port": {"number": 443, "protocol": "TLS", "name": "tls"},
            "hosts": ["mail.example"], "tls": {"mode": "ISTIO_MUTUAL"},
        }]})
    );
    let rule = paths(&rendered).into_iter().find(|path| path.starts_with("east/shop/gate.")).unwrap().to_owned();
    let subsets = spec(&rendered, &rule)["subsets"].clone();
    let sni: Vec<_> = subsets.as_array().unwrap().iter().map(|s| s["trafficPolicy"]["tls"]["sni"].clone()).collect();
    assert_eq!(sni, ["api.bank.example", "mail.example"]);
    let tls = &subsets[0]["trafficPolicy"]["tls"];
    assert_eq!(
        (&tls["mode"], &tls["subjectAltNames"]),
        (&json!("ISTIO_MUTUAL"), &json!(["spiffe://cluster.local/ns/egress/sa/gate"]))
    );
    let start = "east/shop/mail.example/virtualservice-";
    let routes = spec(&rendered, paths(&rendered).into_iter().find(|path| path.starts_with(start)).unwrap());
    assert_eq!(routes["tls"][0]["match"], json!([{"sniHosts": ["mail.example"], "port": 443}]));
    let entrance = &routes["tls"][0]["route"][0]["destination"];
    assert_eq!(
        (&entrance["host"], &entrance["port"]["number"]),
        (&json!("gate.egress.svc.cluster.local"), &json!(443))
    );
    assert_eq!(entrance["subset"], subsets[1]["name"]);
    let routes = of("virtualservice", "mail.example");
    assert_eq!(routes["tcp"][0]["route"][0]["destination"], json!({"host": "mail.example", "port": {"number": 443}}));
}

#[test]
fn requests_in_plain_text_reach_the_gateway_by_mutual_tls_and_leave_it_by_tls() {
    let tls = json!({"mode": "MUTUAL", "credentialName": "gate-cert"});
    let server = outside("pay", "bank", json!({"via": "egress-gateway", "protocol": "HTTP", "tls": tls}));
    let rendered = through(&[caller("pay", json!({})), server]);
    let of = |kind: &str| {
        let start = format!("east/egress/api.bank.example/{kind}-");
        spec(&rendered, paths(&rendered).into_iter().find(|path| path.starts_with(&start)).unwrap())
    };
    assert_eq!(of("gateway")["servers"][0]["port"]["protocol"], "HTTPS");
    let start = "east/shop/api.bank.example/virtualservice-";
    let routes = spec(&rendered, paths(&rendered).into_iter().find(|path| path.starts_with(start)).unwrap());
    assert_eq!(routes["http"][0]["match"], json!([{"port": 80}]));
    let routes = of("virtualservice");
    assert!(routes["gateways"][0].as_str().unwrap().starts_with("egress/api-bank-example-egress-"), "{routes}");
    let exit = &routes["http"][0]["route"][0]["destination"];
    assert_eq!(*exit, json!({"host": "api.bank.example", "port": {"number": 80}}));
    let rule = of("destinationrule");
    assert_eq!(rule["workloadSelector"]["matchLabels"], json!({"istio": "egressgateway"}));
    assert_eq!(rule["trafficPolicy"]["portLevelSettings"][0]["tls"]["credentialName"], "gate-cert");
    let notes = rendered.findings.iter().find(|finding| finding.rule == "outbound/credential").unwrap();
    assert!(notes.message.contains("in namespace `egress` of gke/east"), "{notes}");
}

#[test]
fn callers_of_many_namespaces_share_the_way_out() {
    let ops = format!("{}/traffic-group-intents/t", PROD.replace("/prod", "/ops"));
    let elsewhere = |text: String| text.replace("\"outbound-intents", &format!("\"{ops}/outbound-intents"));
    let rendered = through(&[
        caller("pay", json!({})),
        outside("pay", "bank", json!({"via": "egress-gateway"})),
        elsewhere(caller("probe", json!({"app": "probe"}))),
        elsewhere(outside("probe", "bank", json!({"via": "egress-gateway"}))),
    ]);
    let start = "east/egress/api.bank.example/authorizationpolicy-";
    let policy = spec(&rendered, paths(&rendered).into_iter().find(|path| path.starts_with(start)).unwrap());
    let principals = ["cluster.local/ns/shop/sa/pay-sa", "cluster.local/ns/tools/sa/probe-sa"];
    assert_eq!(policy["rules"][0]["from"][0]["source"]["principals"], json!(principals));
    // The other cluster of `probe` has no egress gateway that is described.
    assert_eq!(errors(&rendered), ["topology/egress-gateway"]);
    assert!(paths(&rendered).iter().all(|path| path.starts_with("east/")), "{:?}", paths(&rendered));
}

#[test]
fn an_egress_gateway_that_is_not_described_blocks_with_its_fields() {
    let rendered = one(json!({"via": "egress-gateway"}));
    assert_eq!(errors(&rendered), ["topology/egress-gateway"]);
    let finding = rendered.findings.iter().find(|finding| finding.rule == "topology/egress-gateway").unwrap();
    assert_eq!(finding.place.pointer, "/spec/via");
    assert!(
        finding.remedy.starts_with(
            "set egress.selector, egress.namespace, egress.serviceAccount, egress.host of \
                                    cluster-providers/gke/clusters/east"
        ),
        "{finding}"
    );
    assert!(paths(&rendered).is_empty());
}

#[test]
fn a_caller_without_identity_cannot_pass_an_egress_gateway() {
    let tree = tree(&[
        caller("pay", json!({"serviceAccount": null})),
        outside("pay", "bank", json!({"via": "egress-gateway"})),
    ]);
    let found = rules::violations(&tree, &anchor("pay/servers/bank"));
    assert_eq!(found.iter().map(|violation| &*violation.pointer).collect::<Vec<_>>(), ["/spec/via"]);
    assert!(found[0].message.contains("set serviceAccount in "), "{}", found[0].message);
    assert_eq!(rules::violations(&tree, &anchor("pay")).len(), 1);
    let found = everything(&tree);
    assert!(errors(&found).contains(&"render/rule"));
    assert!(!said(&found, Severity::Note).contains(&"outbound/egress-gateway"), "nobody passes");
}

#[test]
fn sidecars_know_what_is_declared_where_that_is_asked_for() {
    let documents = |scope: Value| {
        vec![
            caller("pay", json!({"egressScope": scope})),
            outside("pay", "bank", json!({})),
            outside("pay", "mail", json!({"via": "egress-gateway", "externalServiceName": "mail.example"})),
            server("cart", json!({})),
            client("cart", "pay", json!({})),
            server("far", json!({"serviceName": "far", "app": "batch", "appLabel": "app=far"})),
            client("far", "pay", json!({})),
            client("far", "other", json!({})),
        ]
    };
    let sidecars = |rendered: &Rendered| {
        paths(rendered).into_iter().filter(|path| path.contains("/sidecar-")).map(str::to_owned).collect::<Vec<_>>()
    };
    for scope in [Value::Null, json!("all")] {
        assert!(sidecars(&through(&documents(scope))).is_empty());
    }
    let rendered = through(&documents(json!("declared")));
    let [path] = &sidecars(&rendered)[..] else { panic!("{:?}", paths(&rendered)) };
    assert!(path.starts_with("east/shop/pay/sidecar-pay-app-pay-egress-"), "{path}");
    assert_eq!(
        spec(&rendered, path),
        json!({
            "workloadSelector": {"labels": {"app": "pay"}},
            "egress": [{"hosts": [
                "*/gate.egress.svc.cluster.local",
                "./api.bank.example",
                "./far.shop.svc.cluster.local",
                "./mail.example",
                "egress/mail.example",
                "istio-system/*",
                "shop/cart.shop.svc.cluster.local",
            ]}],
        })
    );
    let finding = rendered.findings.iter().find(|finding| finding.rule == "outbound/scope").unwrap();
    assert!(finding.message.ends_with("none is forbidden by this"), "{finding}");
}

#[test]
fn the_namespace_of_a_gateway_sees_a_host_once() {
    let ops = format!("{}/traffic-group-intents/t", PROD.replace("/prod", "/ops"));
    let elsewhere = |text: String| text.replace("\"outbound-intents", &format!("\"{ops}/outbound-intents"));
    let documents = |host: &str| {
        let cloud = "{anchor: projects/p/logical-clouds, metadata: {name: tools}, spec: {namespace: tools}}";
        let text = [
            caller("pay", json!({})),
            outside("pay", "bank", json!({"via": "egress-gateway"})),
            elsewhere(caller("probe", json!({"app": "probe"}))),
            elsewhere(outside("probe", "bank", json!({"externalServiceName": host}))),
        ];
        assert!(MESH.contains(cloud));
        let mesh = MESH.replace(cloud, &cloud.replace("namespace: tools", "namespace: egress"));
        let east = "{anchor: cluster-providers/gke/clusters, metadata: {name: east}}";
        everything(&testing::tree(&(mesh.replace(east, WITH_EGRESS) + &text.concat())))
    };
    assert_eq!(errors(&documents("api.bank.example")), ["outbound/two-entries"]);
    assert!(errors(&documents("other.example")).is_empty());
}

//! Records for the names that outside callers use.

use serde_json::json;

use super::*;

const EXPOSED: &str = "cart.example.com";

fn asking(dns: Value) -> String {
    server("cart", json!({"externalSupport": true, "externalName": EXPOSED, "dns": dns}))
}

/// The records of a cluster: name, type, target, set identifier and time to live.
fn records(rendered: &Rendered, cluster: &str) -> Vec<[String; 5]> {
    let spec = spec(rendered, &format!("{cluster}/shop/cart/dnsendpoint-cart-dns.yaml"));
    let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
    let record = |record: &Value| {
        let (ttl, targets) = (record["recordTTL"].to_string(), record["targets"].as_array().unwrap());
        assert_eq!(targets.len(), 1);
        let target = targets[0].as_str().unwrap().to_owned();
        [text(record, "dnsName"), text(record, "recordType"), target, text(record, "setIdentifier"), ttl]
    };
    spec["endpoints"].as_array().unwrap().iter().map(record).collect()
}

#[test]
fn a_record_is_below_its_domain_and_leads_to_the_gateway_which_answers_to_it() {
    let rendered =
        rendered(&[asking(json!({"publicDomain": "example.com", "localDomain": "corp.example", "ttl": 60}))]);
    let record = |name: &str| [name, "A", "192.0.2.1", "", "60"].map(str::to_owned);
    assert_eq!(records(&rendered, "east"), [record("cart.example.com"), record("cart.example.com.corp.example")]);
    let gateway = rendered.manifests.values().find(|it| it.path.contains("/gateway-")).unwrap();
    let gateway = serde_json::to_value(&gateway.resource).unwrap();
    let hosts = json!(["cart.example.com", "cart.example.com.corp.example"]);
    assert_eq!(gateway["spec"]["servers"][0]["hosts"], hosts);
    let routes = rendered.manifests.values().find(|it| it.path.contains("/virtualservice-")).unwrap();
    assert_eq!(serde_json::to_value(&routes.resource).unwrap()["spec"]["hosts"], hosts);
    assert_eq!(errors(&rendered), [""; 0]);
}

#[test]
fn records_of_several_clusters_are_told_apart_by_their_cluster() {
    let pairs = "---\nanchor: cluster-providers/gke/clusters/west/kv-pairs\nmetadata: {name: istio}\nspec: {kv: \
                 [{istioIngressGatewayAddress: ADDRESS}]}\n";
    let placed = "{app: cart, intent: {allOf: [{clusterProvider: gke, cluster: east}]}}";
    let both = placed.replace("east}", "east}, {clusterProvider: gke, cluster: west}");
    let on_both = |address: &str| {
        let documents = [pairs.replace("ADDRESS", address), asking(json!({"publicDomain": "example.com"}))];
        everything(&tree_instead(placed, &both, &documents))
    };
    let several = on_both("'2001:db8::1'");
    let record = |kind: &str, target: &str, cluster: &str| {
        ["cart.example.com", kind, target, &format!("gke/{cluster}"), "null"].map(str::to_owned)
    };
    assert_eq!(records(&several, "east"), [record("A", "192.0.2.1", "east")]);
    assert_eq!(records(&several, "west"), [record("AAAA", "2001:db8::1", "west")]);
    let mixed = on_both("west.example.com");
    assert_eq!(errors(&mixed), ["render/dns-types"]);
    assert!(mixed.findings.iter().any(|it| it.message.contains("alias of west.example.com for gke/west")));
}

#[test]
fn a_record_never_leads_to_a_record() {
    let asked = [asking(json!({"publicDomain": "example.com"}))];
    assert_eq!(errors(&everything(&tree_instead("192.0.2.1", EXPOSED, &asked))), ["render/dns-circle"]);
}

#[test]
fn a_port_answers_to_the_records_of_its_own_servers_and_a_name_has_one_gateway() {
    let tls = json!({"externalSupport": true, "externalName": EXPOSED, "port": 81, "dns": {"localDomain": "corp.example"},
        "management": {"tlsType": "SIMPLE"}, "external": {"credentialName": "cert"}});
    let plain = server("plain", json!({"externalSupport": true, "externalName": EXPOSED}));
    let record = "cart.example.com.corp.example";
    let gateways = |rendered: &Rendered| -> Vec<Value> {
        let all = rendered.manifests.values().filter(|it| it.path.contains("/gateway-"));
        let servers =
            |it: &super::super::Manifest| serde_json::to_value(&it.resource).unwrap()["spec"]["servers"].clone();
        all.flat_map(|it| servers(it).as_array().unwrap().clone())
            .map(|it| json!([it["port"]["number"], it["hosts"]]))
            .collect()
    };
    let both = rendered(&[plain, server("tls", tls.clone())]);
    assert_eq!(gateways(&both), [json!([80, [EXPOSED]]), json!([443, [EXPOSED, record]])]);
    let own = server("own", json!({"externalSupport": true, "externalName": record}));
    let shared = rendered(&[asking(json!({"localDomain": "corp.example"})), own]);
    assert_eq!(gateways(&shared), [json!([80, [EXPOSED]]), json!([80, [record]])]);
}

#[test]
fn a_name_is_of_one_namespace_and_with_records_of_one_service() {
    let conflicts = |one: Value, two: Value, group: &str| {
        let exposed = |more: Value| with(json!({"externalSupport": true, "externalName": EXPOSED}), more);
        let place = format!(
            "---\nanchor: projects/p/composite-apps/a/v1/deployment-intent-groups/{group}/traffic-group-intents\n\
                             metadata: {{name: u}}\n"
        );
        let two = exposed(with(
            json!({"app": "cart", "appLabel": "app=two", "serviceName": "two", "port": 80, "protocol": "HTTP",
            "serviceMesh": "istio"}),
            two,
        ));
        let at = format!(
            "projects/p/composite-apps/a/v1/deployment-intent-groups/{group}/traffic-group-intents/u/inbound-intents"
        );
        let tree = tree(&[place, server("one", exposed(one)), document(&at, "two", two)]);
        let anchor = crate::intent::Anchor::parse(&format!("{at}/two")).unwrap();
        let found = crate::intent::conflicts::conflicts(&tree, &anchor);
        found.into_iter().map(|it| it.field).collect::<Vec<_>>()
    };
    let tls = json!({"management": {"tlsType": "SIMPLE"}, "external": {"credentialName": "cert"}});
    assert_eq!(conflicts(json!({}), tls.clone(), "prod"), [""; 0], "two services of one team, each with its port");
    assert_eq!(conflicts(json!({}), tls.clone(), "ops"), ["/spec/externalName"], "another namespace");
    let dns = json!({"dns": {"publicDomain": "example.com"}});
    assert_eq!(conflicts(dns.clone(), tls.clone(), "prod"), ["/spec/externalName"], "records of two services");
    assert_eq!(conflicts(tls, dns, "prod"), ["/spec/externalName"]);
}

#[test]
fn a_gateway_with_a_name_is_an_alias_and_one_without_an_address_blocks() {
    let address = "{istioIngressGatewayAddress: 192.0.2.1}, ";
    let asked = [asking(json!({"publicDomain": "example.com"}))];
    let named = everything(&tree_instead("192.0.2.1", "east.example.net", &asked));
    assert_eq!(records(&named, "east")[0][1..3], ["CNAME", "east.example.net"].map(str::to_owned));
    let nowhere = everything(&tree_instead(address, "", &asked));
    assert_eq!(errors(&nowhere), ["topology/ingress-address"]);
    assert!(!paths(&nowhere).iter().any(|path| path.contains("dnsendpoint")));
}

#[test]
fn a_change_concerns_every_service_of_the_same_name_and_contradicts_it() {
    let other = |name: &str| {
        let more = json!({"serviceName": name, "appLabel": format!("app={name}"), "externalSupport": true,
            "externalName": format!("{name}.corp"), "dns": {"localDomain": "example.com"}});
        server(name, more)
    };
    let before = tree(&[other("one")]);
    let after = tree(&[
        other("one"),
        server(
            "two",
            json!({"serviceName": "two", "externalSupport": true, "externalName":
        "one.corp.example.com"}),
        ),
    ]);
    let changed =
        [crate::intent::Anchor::parse(&format!("{PROD}/traffic-group-intents/t/inbound-intents/two")).unwrap()];
    let services: Vec<_> = Scope::concerned(&before, &after, &changed).services().map(|it| it.1.to_string()).collect();
    assert_eq!(services, ["one", "two"]);
    let conflicts = crate::intent::conflicts::conflicts(&after, &changed[0]);
    assert!(conflicts.iter().any(|it| it.field == "/spec/externalName"), "{conflicts:?}");
}

#[test]
fn what_is_terminated_has_no_record() {
    let mut tree = tree(&[asking(json!({"publicDomain": "example.com"}))]);
    assert!(paths(&everything(&tree)).iter().any(|path| path.contains("dnsendpoint")));
    tree.set_terminated(&crate::intent::Anchor::parse(PROD).unwrap(), true);
    assert!(!paths(&everything(&tree)).iter().any(|path| path.contains("dnsendpoint")));
}

#[test]
fn records_need_a_domain_and_an_exposure_and_a_name_that_fits() {
    let dns = json!({"publicDomain": "example.com"});
    let refused = |more: Value| {
        let body = json!({"metadata": {"name": "cart"}, "spec": with(json!({"app": "cart", "appLabel": "app=cart",
            "serviceName": "cart", "port": 80, "protocol": "HTTP", "serviceMesh": "istio", "externalName": EXPOSED,
            "externalSupport": true}), more)});
        let parent = crate::intent::Anchor::parse(&format!("{PROD}/traffic-group-intents/t")).unwrap();
        let read = crate::intent::Resource::read(Some(&parent), crate::intent::Kind::Inbound, &body);
        read.map(|_| ()).map_err(|violations| violations.into_iter().map(|it| it.pointer).collect::<Vec<_>>())
    };
    assert_eq!(refused(json!({"dns": dns})), Ok(()));
    let long = format!("{}.example", ["a"; 100].join("."));
    for (more, pointer) in [
        (json!({"dns": dns, "externalSupport": false}), "/spec/dns"),
        (json!({"dns": {}}), "/spec/dns/publicDomain"),
        (json!({"dns": {"publicDomain": "a.example", "localDomain": "a.example"}}), "/spec/dns/localDomain"),
        (json!({"dns": {"publicDomain": "a.example", "ttl": 0}}), "/spec/dns/ttl"),
        (json!({"dns": {"publicDomain": long.clone()}, "externalName": long.replace("example", "test")}), "/spec/dns"),
    ] {
        assert_eq!(refused(more.clone()), Err(vec![pointer.to_owned()]), "{more}");
    }
}

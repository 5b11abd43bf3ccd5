//! Gateway, ServiceEntry, WorkloadEntry and DestinationRule.

use super::{check, lint, manifest, resource};

fn server(tls: &str) -> String {
    format!("{{servers: [{{port: {{number: 443, protocol: HTTPS, name: s}}, hosts: [a.b], tls: {tls}}}]}}")
}

#[test]
fn gateway_names_have_no_dots() {
    let spec = "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: ['*']}]}";
    assert_eq!(lint(&manifest("networking.istio.io/v1", "Gateway", "{name: a-b}", spec)), []);
    assert_eq!(lint(&manifest("networking.istio.io/v1", "Gateway", "{name: a.b}", spec))[0].rule, "istio/010");
}

#[test]
fn gateway_servers() {
    let good = "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: ['*.b.c', ns/a.b, ./a.b, '*']}]}";
    check(
        "Gateway",
        &[
            ("istio/011", good, "{servers: []}"),
            ("istio/011", good, "{servers: [{port: {number: 80, protocol: HTTP, name: a}}]}"),
            ("istio/011", good, "{servers: [{hosts: [a.b]}]}"),
            ("istio/011", good, "{servers: [{port: {number: 80, protocol: HTTP}, hosts: [a.b]}]}"),
            ("istio/005", good, "{servers: [{port: {number: 80, name: a}, hosts: [a.b]}]}"),
            (
                "istio/012",
                "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: [a.b]}, {port: {number: 81, protocol: HTTP, name: b}, hosts: [a.b]}]}",
                "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: [a.b]}, {port: {number: 81, protocol: HTTP, name: a}, hosts: [a.b]}]}",
            ),
            ("istio/013", good, "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: [short]}]}"),
            ("istio/013", good, "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: ['*a.b']}]}"),
            ("istio/013", good, "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: [a_/a.b]}]}"),
            (
                "istio/014",
                good,
                "{servers: [{port: {number: 80, targetPort: 80, protocol: HTTP, name: a}, hosts: [a.b]}]}",
            ),
            ("istio/015", good, "{servers: [{port: {number: 443, protocol: HTTPS, name: a}, hosts: [a.b]}]}"),
            (
                "istio/016",
                "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: [a.b], tls: {httpsRedirect: true}}]}",
                "{servers: [{port: {number: 80, protocol: HTTP, name: a}, hosts: [a.b], tls: {mode: SIMPLE, credentialName: c}}]}",
            ),
            (
                "istio/016",
                good,
                "{servers: [{port: {number: 80, protocol: TCP, name: a}, hosts: [a.b], tls: {mode: PASSTHROUGH}}]}",
            ),
            (
                "istio/025",
                good,
                "{servers: [{port: {number: 443, protocol: HTTPS, name: a}, hosts: [a.b], tls: {httpsRedirect: true, mode: SIMPLE, credentialName: c}}]}",
            ),
        ],
    );
}

#[test]
fn gateway_tls() {
    for (rule, good, bad) in [
        ("istio/017", "{mode: AUTO_PASSTHROUGH}", "{mode: SIMPEL}"),
        ("istio/018", "{mode: ISTIO_MUTUAL}", "{mode: ISTIO_MUTUAL, credentialName: c}"),
        ("istio/019", "{mode: PASSTHROUGH}", "{mode: PASSTHROUGH, credentialName: c}"),
        (
            "istio/020",
            "{mode: SIMPLE, credentialNames: [c, d]}",
            "{mode: SIMPLE, credentialName: c, credentialNames: [c]}",
        ),
        ("istio/021", "{mode: SIMPLE, credentialName: c}", "{mode: SIMPLE}"),
        ("istio/021", "{mode: SIMPLE, serverCertificate: /c, privateKey: /k}", "{mode: SIMPLE, serverCertificate: /c}"),
        (
            "istio/021",
            "{mode: MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /a}",
            "{mode: OPTIONAL_MUTUAL, serverCertificate: /c, privateKey: /k}",
        ),
        ("istio/022", "{mode: MUTUAL, credentialNames: [a, b]}", "{mode: MUTUAL, credentialNames: [a, b, c]}"),
        (
            "istio/023",
            "{mode: MUTUAL, serverCertificate: /c, privateKey: /k, caCertificates: /a, caCrl: /l}",
            "{mode: MUTUAL, credentialName: c, caCrl: /l}",
        ),
        (
            "istio/024",
            "{mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-RSA-AES128-GCM-SHA256]}",
            "{mode: SIMPLE, credentialName: c, minProtocolVersion: TLSV1_0}",
        ),
        (
            "istio/024",
            "{mode: SIMPLE, credentialName: c, cipherSuites: [-ALL]}",
            "{mode: SIMPLE, credentialName: c, cipherSuites: [ROT13]}",
        ),
        (
            "istio/024",
            "{mode: SIMPLE, credentialName: c}",
            "{mode: SIMPLE, credentialName: c, cipherSuites: [AES128-SHA, AES128-SHA]}",
        ),
    ] {
        let found = lint(&resource("Gateway", &server(good)));
        assert!(found.is_empty(), "{rule}: {good}: {found:?}");
        let found = lint(&resource("Gateway", &server(bad)));
        assert!(found.iter().any(|finding| finding.rule == rule), "{rule}: {bad}: {found:?}");
    }
}

fn entries(cases: &[(&str, String, String)]) {
    for (rule, good, bad) in cases {
        let found = lint(&resource("ServiceEntry", good));
        assert!(found.is_empty(), "{rule}: {good}: {found:?}");
        let found = lint(&resource("ServiceEntry", bad));
        assert!(found.iter().any(|finding| finding.rule == *rule), "{rule}: {bad:.200}: {found:?}");
    }
}

#[test]
fn service_entries() {
    let ports = "ports: [{number: 80, name: a, protocol: HTTP}]";
    let many = (0..257).map(|host| format!("h{host}.a")).collect::<Vec<_>>().join(",");
    let addresses = (0..257).map(|last| format!("10.0.{}.{}", last / 256, last % 256)).collect::<Vec<_>>().join(",");
    let spec = |spec: &str| format!("{{hosts: [a.b], {ports}, {spec}}}");
    entries(&[
        ("istio/026", format!("{{hosts: ['*.b'], {ports}}}"), format!("{{hosts: ['*'], {ports}}}")),
        ("istio/026", format!("{{hosts: [a.b], {ports}}}"), format!("{{hosts: [], {ports}}}")),
        ("istio/026", format!("{{hosts: [a.b], {ports}}}"), format!("{{hosts: [{many}], {ports}}}")),
        (
            "istio/027",
            spec("resolution: STATIC, workloadSelector: {labels: {a: b}}"),
            spec("resolution: STATIC, workloadSelector: {labels: {a: b}}, endpoints: [{address: 10.0.0.1}]"),
        ),
        (
            "istio/028",
            "{hosts: [a.b], ports: [{number: 80, name: a, protocol: HTTP}, {number: 81, name: b, protocol: HTTP}]}"
                .to_owned(),
            "{hosts: [a.b], ports: [{number: 80, name: a, protocol: HTTP}, {number: 80, name: b, protocol: HTTP}]}"
                .to_owned(),
        ),
        ("istio/029", spec("resolution: DNS, location: MESH_EXTERNAL"), spec("resolution: MDNS")),
        ("istio/029", spec("location: MESH_INTERNAL"), spec("location: ELSEWHERE")),
        ("istio/030", spec("addresses: [10.0.0.0/8, '::1']"), spec("addresses: [10.0.0.0/40]")),
        ("istio/030", spec("addresses: [10.0.0.1], resolution: DNS"), spec("addresses: [10.0.0.0/8], resolution: DNS")),
        ("istio/030", spec("addresses: [10.0.0.1]"), spec(&format!("addresses: [{addresses}]"))),
        ("istio/031", spec("resolution: NONE"), spec("endpoints: [{address: 10.0.0.1}]")),
    ]);
}

#[test]
fn endpoints_of_service_entries() {
    let ports = "ports: [{number: 80, name: a, protocol: HTTP}]";
    let endpoints = (0..4097).map(|_| "{address: 10.0.0.1}").collect::<Vec<_>>().join(",");
    let spec = |spec: &str| format!("{{hosts: [a.b], {ports}, {spec}}}");
    entries(&[
        (
            "istio/032",
            spec("resolution: STATIC, endpoints: [{address: 10.0.0.1}]"),
            spec("resolution: STATIC, endpoints: [{address: a.b}]"),
        ),
        (
            "istio/033",
            format!("{{hosts: ['*.b'], resolution: DNS, endpoints: [{{address: a.b}}], {ports}}}"),
            format!("{{hosts: ['*.b'], resolution: DNS, {ports}}}"),
        ),
        (
            "istio/034",
            spec("resolution: DNS, endpoints: [{address: a.b}]"),
            spec("resolution: DNS, endpoints: [{labels: {a: b}}]"),
        ),
        (
            "istio/035",
            spec("resolution: DNS_ROUND_ROBIN, endpoints: [{address: a.b}]"),
            spec("resolution: DNS_ROUND_ROBIN, endpoints: [{address: a.b}, {address: c.d}]"),
        ),
        (
            "istio/036",
            spec("resolution: STATIC, endpoints: [{address: 10.0.0.1, ports: {a: 15443}}]"),
            spec("resolution: STATIC, endpoints: [{address: 10.0.0.1, ports: {b: 15443}}]"),
        ),
        (
            "istio/037",
            spec("resolution: STATIC, endpoints: [{address: 'unix:///a/b'}]"),
            spec("resolution: STATIC, endpoints: [{address: 'unix://a/b'}]"),
        ),
        (
            "istio/037",
            spec("resolution: STATIC, endpoints: [{address: 'unix://@a'}]"),
            spec("resolution: STATIC, endpoints: [{address: 'unix:///a', ports: {a: 1}}]"),
        ),
        (
            "istio/038",
            format!("{{hosts: [a.b, c.d], resolution: DNS, {ports}}}"),
            "{hosts: [a.b, c.d], resolution: DNS, ports: [{number: 80, name: a, protocol: TCP}]}".to_owned(),
        ),
        (
            "istio/039",
            "{hosts: [a.b], resolution: DNS, ports: [{number: 80, name: a, protocol: TCP}]}".to_owned(),
            "{hosts: [a.b], ports: [{number: 80, name: a, protocol: TCP}]}".to_owned(),
        ),
        (
            "istio/040",
            format!("{{hosts: ['*.b'], resolution: DYNAMIC_DNS, {ports}}}"),
            format!("{{hosts: [a.b], resolution: DYNAMIC_DNS, {ports}}}"),
        ),
        (
            "istio/040",
            format!("{{hosts: ['*.b'], resolution: DYNAMIC_DNS, {ports}}}"),
            "{hosts: ['*.b'], resolution: DYNAMIC_DNS, ports: [{number: 80, name: a, protocol: Redis}]}".to_owned(),
        ),
        (
            "istio/041",
            spec("resolution: STATIC, endpoints: [{address: 10.0.0.1}]"),
            spec(&format!("resolution: STATIC, endpoints: [{endpoints}]")),
        ),
    ]);
}

#[test]
fn workload_entries() {
    check(
        "WorkloadEntry",
        &[
            ("istio/042", "{address: 10.0.0.1}", "{labels: {a: b}}"),
            ("istio/042", "{network: net}", "{}"),
            ("istio/003", "{address: a.b, ports: {a: 80}}", "{address: a.b, ports: {a: 0}}"),
            ("istio/037", "{address: 'unix:///a'}", "{address: 'unix://a'}"),
        ],
    );
}

#[test]
fn destination_rules() {
    check(
        "DestinationRule",
        &[
            ("istio/065", "{host: '*.b.c'}", "{subsets: [{name: a}]}"),
            (
                "istio/066",
                "{host: a.b, subsets: [{name: a}, {name: b}]}",
                "{host: a.b, subsets: [{name: a}, {name: a}]}",
            ),
            ("istio/066", "{host: a.b, subsets: [{name: v1-1}]}", "{host: a.b, subsets: [{name: v1.1}]}"),
            ("istio/067", "{host: a.b, trafficPolicy: {tls: {mode: DISABLE}}}", "{host: a.b, trafficPolicy: {}}"),
            (
                "istio/067",
                "{host: a.b, trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}}",
                "{host: a.b, trafficPolicy: {connectionPool: {}}}",
            ),
            (
                "istio/067",
                "{host: a.b, trafficPolicy: {portLevelSettings: [{port: {number: 1}, tls: {mode: DISABLE}}]}}",
                "{host: a.b, trafficPolicy: {portLevelSettings: [{port: {number: 1}}]}}",
            ),
            (
                "istio/068",
                "{host: a.b, trafficPolicy: {proxyProtocol: {version: V2}}}",
                "{host: a.b, trafficPolicy: {proxyProtocol: {version: V2}, tunnel: {targetHost: a.b, targetPort: 1}}}",
            ),
            (
                "istio/068",
                "{host: a.b, trafficPolicy: {tunnel: {protocol: POST, targetHost: a.b, targetPort: 1}}}",
                "{host: a.b, trafficPolicy: {tunnel: {protocol: GET, targetHost: a.b, targetPort: 1}}}",
            ),
            (
                "istio/069",
                "{host: a.b, trafficPolicy: {tls: {mode: MUTUAL, credentialName: c}}}",
                "{host: a.b, trafficPolicy: {tls: {mode: MUTUAL, credentialName: c, caCertificates: /a}}}",
            ),
            (
                "istio/069",
                "{host: a.b, trafficPolicy: {tls: {mode: SIMPLE}}}",
                "{host: a.b, trafficPolicy: {tls: {mode: MUTUAL}}}",
            ),
            (
                "istio/069",
                "{host: a.b, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}",
                "{host: a.b, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}}}",
            ),
            (
                "istio/IST0128",
                "{host: a.b, trafficPolicy: {tls: {mode: SIMPLE, caCertificates: /a}}}",
                "{host: a.b, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}}",
            ),
            (
                "istio/IST0129",
                "{host: a.b, trafficPolicy: {portLevelSettings: [{port: {number: 1}, tls: {mode: SIMPLE}}]}}",
                "{host: a.b, trafficPolicy: {portLevelSettings: [{port: {number: 1}, tls: {mode: SIMPLE, insecureSkipVerify: true}}]}}",
            ),
            (
                "istio/070",
                "{host: a.b, exportTo: [.], workloadSelector: {matchLabels: {a: b}}}",
                "{host: a.b, exportTo: ['*'], workloadSelector: {matchLabels: {a: b}}}",
            ),
            (
                "istio/071",
                "{host: a.b, trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: a}}}}}",
                "{host: a.b, trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {ttl: 0s}}}}}",
            ),
            (
                "istio/071",
                "{host: a.b, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}}}",
                "{host: a.b, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65536}}}}}",
            ),
            (
                "istio/072",
                "{host: a.b, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: 'a/*', to: {a/b: 60, a/c: 40}}]}}}}",
                "{host: a.b, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: 'a/*', to: {a/b: 60}}]}}}}",
            ),
            (
                "istio/072",
                "{host: a.b, trafficPolicy: {outlierDetection: {interval: 1s}, loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}}}",
                "{host: a.b, trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}}}",
            ),
            (
                "istio/073",
                "{host: a.b, trafficPolicy: {outlierDetection: {splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 1}}}",
                "{host: a.b, trafficPolicy: {outlierDetection: {consecutiveLocalOriginFailures: 1}}}",
            ),
        ],
    );
}

#[test]
fn deprecated_settings_of_destination_rules() {
    let settings = [
        "loadBalancer: {simple: LEAST_CONN}",
        "loadBalancer: {consistentHash: {useSourceIp: true, minimumRingSize: 1}}",
        "loadBalancer: {warmupDurationSecs: 1s}",
        "outlierDetection: {consecutiveErrors: 1}",
    ];
    for setting in settings {
        let found = lint(&resource("DestinationRule", &format!("{{host: a.b, trafficPolicy: {{{setting}}}}}")));
        assert_eq!(found.len(), 1, "{setting}: {found:?}");
        assert_eq!(found[0].rule, "istio/IST0002");
    }
}

#[test]
fn values_outside_of_the_schema() {
    let pool = |pool: &str| format!("{{host: a.b, trafficPolicy: {{connectionPool: {{{pool}}}}}}}");
    let outlier = |outlier: &str| format!("{{host: a.b, trafficPolicy: {{outlierDetection: {{{outlier}}}}}}}");
    let rule = "istio/IST0106";
    check(
        "DestinationRule",
        &[
            (rule, &pool("tcp: {maxConnections: 0}"), &pool("tcp: {maxConnections: -1}")),
            (
                rule,
                &pool("http: {h2UpgradePolicy: UPGRADE}"),
                &pool("http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}"),
            ),
            (rule, &outlier("maxEjectionPercent: 100"), &outlier("maxEjectionPercent: 101")),
            (rule, &outlier("outlierDetectionHttpErrorCodes: [429]"), &outlier("outlierDetectionHttpErrorCodes: [99]")),
            ("istio/071", "{host: a.b}", "{host: a.b, trafficPolicy: {loadBalancer: {consistentHash: {maglev: {}}}}}"),
        ],
    );
    let server = "{port: {number: 80, protocol: HTTP, name: a}, hosts: [a.b], bind:";
    let (good, bad) = (format!("{{servers: [{server} 10.0.0.1}}]}}"), format!("{{servers: [{server} a.b}}]}}"));
    check("Gateway", &[(rule, &good, &bad)]);
}

//! AuthorizationPolicy, PeerAuthentication and RequestAuthentication.

use super::{check, lint, resource};

#[test]
fn authorization_policies_as_a_whole() {
    let target = "{kind: Service, name: a}";
    let targets = vec![target; 17].join(",");
    check(
        "AuthorizationPolicy",
        &[
            (
                "istio/076",
                "{selector: {matchLabels: {a: b}}}",
                "{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}",
            ),
            (
                "istio/076",
                "{targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: a}]}",
                "{targetRefs: [{kind: Pod, name: a}]}",
            ),
            ("istio/IST0002", "{targetRefs: [{kind: Service, name: a}]}", "{targetRef: {kind: Service, name: a}}"),
            ("istio/077", "{action: DENY, rules: [{}]}", "{action: DENY}"),
            ("istio/077", "{action: CUSTOM, provider: {name: a}, rules: [{}]}", "{action: CUSTOM, rules: [{}]}"),
            ("istio/077", "{rules: [{}]}", "{provider: {name: a}}"),
            (
                "istio/078",
                "{action: CUSTOM, provider: {name: a}, rules: [{from: [{source: {ipBlocks: [10.0.0.1]}}]}]}",
                "{action: CUSTOM, provider: {name: a}, rules: [{from: [{source: {principals: [a]}}]}]}",
            ),
            (
                "istio/078",
                "{}",
                "{action: CUSTOM, provider: {name: a}, rules: [{when: [{key: request.auth.principal, values: [a]}]}]}",
            ),
            (
                "istio/084",
                "{action: DENY, rules: [{to: [{operation: {methods: [GET], ports: ['80']}}]}]}",
                "{action: DENY, rules: [{to: [{operation: {methods: [GET]}}]}]}",
            ),
            (
                "istio/084",
                "{action: DENY, rules: [{from: [{source: {namespaces: [a]}}]}]}",
                "{action: DENY, rules: [{from: [{source: {requestPrincipals: ['*']}}]}]}",
            ),
            ("istio/IST0106", "{action: AUDIT, rules: [{}]}", "{action: PERMIT}"),
        ],
    );
    let found = lint(&resource("AuthorizationPolicy", &format!("{{targetRefs: [{targets}]}}")));
    assert_eq!(found[0].rule, "istio/076");
    let found = lint(&resource("AuthorizationPolicy", &format!("{{rules: [{}]}}", vec!["{}"; 513].join(","))));
    assert_eq!(found[0].rule, "istio/079");
}

#[test]
fn rules_of_authorization_policies() {
    for (rule, good, bad) in [
        ("istio/079", "from: [{source: {namespaces: [a]}}]", "from: [{}]"),
        ("istio/079", "to: [{operation: {paths: [/a]}}]", "to: [{operation: {}}]"),
        ("istio/079", "to: [{operation: {methods: [GET]}}]", "from: [{source: {principals: ['']}}]"),
        ("istio/080", "from: [{source: {serviceAccounts: [a, ns/b]}}]", "from: [{source: {serviceAccounts: [ns/*]}}]"),
        (
            "istio/080",
            "from: [{source: {serviceAccounts: [a]}}]",
            "from: [{source: {serviceAccounts: [a], namespaces: [b]}}]",
        ),
        (
            "istio/081",
            "from: [{source: {ipBlocks: [10.0.0.0/8], notIpBlocks: ['::1']}}]",
            "from: [{source: {remoteIpBlocks: [10.0.0/8]}}]",
        ),
        (
            "istio/081",
            "from: [{source: {ipBlocks: [10.0.0.0/0, '::/0']}}]",
            "from: [{source: {ipBlocks: [10.0.0.0/08]}}]",
        ),
        (
            "istio/081",
            "from: [{source: {ipBlocks: ['::ffff:10.0.0.0/8']}}]",
            "from: [{source: {notIpBlocks: ['::ffff:10.0.0.0/104']}}]",
        ),
        (
            "istio/081",
            "when: [{key: source.ip, values: [10.0.0.0/8]}]",
            "when: [{key: source.ip, values: ['::ffff:10.0.0.1']}]",
        ),
        (
            "istio/081",
            "when: [{key: source.ip, values: [10.0.0.0/8]}]",
            "when: [{key: remote.ip, notValues: [10.0.0.0/+8]}]",
        ),
        ("istio/081", "to: [{operation: {ports: ['0', '65535']}}]", "to: [{operation: {ports: ['65536']}}]"),
        (
            "istio/081",
            "when: [{key: destination.port, values: ['80']}]",
            "when: [{key: destination.port, values: [http]}]",
        ),
        (
            "istio/082",
            "when: [{key: 'request.headers[x-a]', values: [a]}]",
            "when: [{key: 'request.headers[]', values: [a]}]",
        ),
        (
            "istio/082",
            "when: [{key: 'request.auth.claims[iss]', notValues: [a]}]",
            "when: [{key: destination.labels, values: [a]}]",
        ),
        ("istio/082", "when: [{key: source.trustDomain, values: [a]}]", "when: [{key: source.ip}]"),
        ("istio/083", "to: [{operation: {paths: ['/a/{*}/b/{**}']}}]", "to: [{operation: {paths: ['/a/{**}/{*}']}}]"),
        ("istio/083", "to: [{operation: {paths: ['/a/*']}}]", "to: [{operation: {paths: ['/a{*}']}}]"),
        ("istio/083", "to: [{operation: {paths: ['/{**}/a']}}]", "to: [{operation: {notPaths: ['/{*}/a*']}}]"),
    ] {
        let found = lint(&resource("AuthorizationPolicy", &format!("{{rules: [{{{good}}}]}}")));
        assert!(found.is_empty(), "{rule}: {good}: {found:?}");
        let found = lint(&resource("AuthorizationPolicy", &format!("{{rules: [{{{bad}}}]}}")));
        assert!(found.iter().any(|finding| finding.rule == rule), "{rule}: {bad}: {found:?}");
    }
}

#[test]
fn what_istio_admits_of_ipv4_in_ipv6_is_a_warning_with_the_block_to_write() {
    let spec = "{rules: [{from: [{source: {ipBlocks: ['::ffff:10.0.0.0/104', '::ffff:10.0.0.1']}}]}]}";
    let found = lint(&resource("AuthorizationPolicy", spec));
    assert!(found.iter().all(|finding| finding.severity == crate::finding::Severity::Warning), "{found:?}");
    let remedies: Vec<_> = found.iter().map(|finding| finding.remedy.as_str()).collect();
    assert_eq!(remedies, ["write 10.0.0.0/8", "write 10.0.0.1/32"]);
}

#[test]
fn authentication() {
    check(
        "PeerAuthentication",
        &[
            (
                "istio/085",
                "{selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}, portLevelMtls: {'80': {mode: DISABLE}}}",
                "{mtls: {mode: STRICT}, portLevelMtls: {'80': {mode: DISABLE}}}",
            ),
            ("istio/085", "{mtls: {mode: UNSET}}", "{mtls: {mode: LAX}}"),
            ("istio/003", "{}", "{selector: {matchLabels: {a: b}}, portLevelMtls: {http: {mode: DISABLE}}}"),
        ],
    );
    check(
        "RequestAuthentication",
        &[
            ("istio/086", "{jwtRules: [{issuer: a, audiences: [b]}]}", "{jwtRules: [{audiences: [b]}]}"),
            (
                "istio/086",
                "{jwtRules: [{jwksUri: 'https://a.b/k'}]}",
                "{jwtRules: [{issuer: a, jwksUri: 'https://a.b/k', jwks: '{}'}]}",
            ),
            ("istio/086", "{}", "{jwtRules: [{issuer: a, jwksUri: 'file:///k'}]}"),
        ],
    );
}

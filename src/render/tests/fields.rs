//! Nothing that is accepted goes unrendered: every field of what a server says changes some manifest, or is documented as
//! kept only.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::intent::{Anchor, Kind, Resource};

/// What is kept for who sent it, or read for others than the manifests of this bundle.
const KEPT: [&str; 9] = [
    // Which cluster it is on and what it is called, which other tests show; kept as it was given.
    "/app",
    "/edgeCNF",
    // Written by Meshwright itself when it seals a key, and copied: `fixtures/sealed-key` has all of it.
    "/external/sealed",
    "/external/caCertificate",
    "/external/serviceCertificate",
    "/external/servicePrivateKey",
    "/external/externalCerts/caCertificate",
    "/external/externalCerts/serviceCertificate",
    "/external/externalCerts/servicePrivateKey",
];

/// Servers that have every field between them; many exclude each other.
fn servers() -> Vec<Value> {
    let base = json!({"app": "cart", "appLabel": "app=cart", "serviceName": "cart", "port": 80, "targetPort": 8080,
        "protocol": "HTTP", "serviceMesh": "istio", "serviceAccount": "cart", "access": "closed", "mtls": "strict",
        "enforcement": "enforce", "externalSupport": true, "externalName": "cart.example.com",
        "management": {"tlsType": "SIMPLE", "sidecarProxy": "yes"}, "external": {"credentialName": "cert"}});
    let subset = |policy: Value| json!({"name": "v1", "labels": {"version": "v1"}, "trafficPolicy": policy});
    let hash = |more: Value| json!({"loadBalancer": {"consistentHash": more}});
    let locality =
        |more: Value| json!({"loadBalancer": {"localityLbSetting": more}, "outlierDetection": {"interval": "1s"}});
    let policies = [
        json!({"loadBalancer": {"simple": "RANDOM", "warmup": {"duration": "5s", "minimumPercent": 5, "aggression": 2}}}),
        json!({"loadBalancer": {"simple": "RANDOM", "warmupDurationSecs": "5s"}}),
        hash(json!({"httpHeaderName": "x-user", "ringHash": {"minimumRingSize": 9}})),
        hash(
            json!({"httpCookie": {"name": "c", "path": "/", "ttl": "0s", "attributes": [{"name": "SameSite", "value": "Lax"}]},
            "maglev": {"tableSize": 13}}),
        ),
        hash(json!({"useSourceIp": true, "minimumRingSize": 9})),
        hash(json!({"httpQueryParameterName": "q"})),
        locality(json!({"distribute": [{"from": "eu/*", "to": {"eu/*": 80, "us/*": 20}}], "enabled": true})),
        locality(json!({"failover": [{"from": "eu", "to": "us"}]})),
        locality(json!({"failoverPriority": ["topology.istio.io/network"]})),
        json!({"outlierDetection": {"splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailures": 3,
            "consecutiveGatewayErrors": 4, "consecutive5xxErrors": 5, "interval": "10s", "baseEjectionTime": "30s",
            "maxEjectionPercent": 50, "minHealthPercent": 20, "outlierDetectionHttpErrorCodes": [500]}}),
        json!({"outlierDetection": {"consecutiveErrors": 3}}),
        json!({"outlierDetection": {"splitExternalLocalOriginErrors": true}}),
        json!({"connectionPool": {
            "tcp": {"maxConnections": 7, "connectTimeout": "1s", "maxConnectionDuration": "1h", "idleTimeout": "1m",
                "tcpKeepalive": {"probes": 3, "time": "10s", "interval": "5s"}},
            "http": {"http1MaxPendingRequests": 1, "http2MaxRequests": 2, "maxRequestsPerConnection": 3, "maxRetries": 4,
                "idleTimeout": "1m", "h2UpgradePolicy": "UPGRADE", "useClientProtocol": true, "maxConcurrentStreams": 5,
                "http2KeepAlive": {"interval": "10s", "timeout": "5s"}}}}),
    ];
    let mut traffic: Vec<Value> = policies.to_vec();
    traffic.extend(policies.map(|policy| json!({ "subsets": [subset(policy)] })));
    traffic.extend([
        json!({"timeout": "3s", "subsets": [subset(json!(null)), {"name": "v1x", "labels": {"version": "v2"}}], "weights": [{"subset": "v1", "weight": 3}],
            "retries": {"attempts": 2, "perTryTimeout": "1s", "retryOn": "5xx", "retryRemoteLocalities": true,
                "retryIgnorePreviousHosts": true, "backoff": "25ms"},
            "fault": {"delay": {"fixedDelay": "1s", "percentage": {"value": 1}},
                "abort": {"httpStatus": 503, "percentage": {"value": 1}}},
            "mirror": {"host": "other.shop.svc.cluster.local", "subset": "v1", "port": {"number": 81},
                "percentage": {"value": 1}},
            "cors": {"allowOrigins": [{"exact": "https://a.example"}], "allowMethods": ["GET"], "allowHeaders": ["x-a"],
                "exposeHeaders": ["x-b"], "maxAge": "600s", "allowCredentials": true, "unmatchedPreflights": "IGNORE"}}),
        json!({"fault": {"delay": {"fixedDelay": "1s", "percent": 1}, "abort": {"grpcStatus": "UNAVAILABLE"}},
            "cors": {"allowOrigins": [{"prefix": "https://"}]}}),
        json!({"cors": {"allowOrigins": [{"regex": ".*"}]}}),
        json!({"cors": {"allowOrigin": ["https://a.example"]}}),
    ]);
    let mut servers: Vec<Value> =
        traffic.into_iter().map(|traffic| with(base.clone(), json!({ "trafficManagement": traffic }))).collect();
    let tcp = json!({"protocol": "TCP", "external": {"port": 9000}, "management": {"tlsType": "NONE"}});
    servers.push(with(base.clone(), tcp));
    servers.push(with(base.clone(), json!({"headless": true})));
    let dns = json!({"localDomain": "corp.example", "publicDomain": "example.org", "ttl": 300});
    servers.push(with(base.clone(), json!({ "dns": dns })));
    servers.push(with(base.clone(), json!({"dataPlane": "ambient"})));
    servers.push(with(base.clone(), json!({"dataPlane": "ambient", "waypoint": "front"})));
    let shares = json!([{"cluster": "gke/east", "weight": 3}, {"cluster": "gke/west", "weight": 7}]);
    for over_clusters in [json!({"weights": shares}), json!({"failover": [{"from": "gke/east", "to": "gke/west"}]})] {
        servers.push(with(base.clone(), json!({ "trafficManagement": over_clusters })));
    }
    servers
}

/// The paths of all values in a schema; `*` stands for any item.
fn leaves(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
    let below = schema["properties"].as_object().filter(|properties| !properties.is_empty());
    match (below, schema.get("items"), schema.get("additionalProperties").filter(|it| it.is_object())) {
        (Some(properties), ..) => properties.iter().for_each(|(name, it)| leaves(it, &format!("{at}/{name}"), found)),
        (_, Some(item), _) | (_, _, Some(item)) => leaves(item, &format!("{at}/*"), found),
        _ => _ = found.insert(at.to_owned()),
    }
}

/// The pointers to all values in a body, with their paths as [`leaves`] writes them.
fn values(value: &Value, schema: &Value, at: (&str, &str), found: &mut Vec<(String, String)>) {
    let (pointer, path) = at;
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let pointer = format!("{pointer}/{}", crate::intent::fields::escape(key));
            match schema["properties"].get(key) {
                Some(schema) => values(value, schema, (&pointer, &format!("{path}/{key}")), found),
                None => values(value, &schema["additionalProperties"], (&pointer, &format!("{path}/*")), found),
            }
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, item)| {
            values(item, &schema["items"], (&format!("{pointer}/{at}"), &format!("{path}/*")), found);
        }),
        _ => found.push((pointer.to_owned(), path.to_owned())),
    }
}

/// Other values that might stand in the place of one.
fn others(value: &Value, schema: &Value) -> Vec<Value> {
    let words = schema["enum"].as_array().into_iter().flatten().cloned();
    let changed = match value {
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Number(number) => {
            let number = number.as_u64().unwrap_or_default();
            // The next prime too.
            vec![json!(number + 1), json!(number - 1), json!(17)]
        }
        Value::String(text) => [
            "2.5s",
            "120s",
            "2m",
            "gateway-error",
            "https://b.example",
            "x-other",
            "other=cart",
            "GET",
            "yes",
            "10.0.0.0/9",
        ]
        .map(|text| json!(text))
        .into_iter()
        .chain([json!(format!("{text}x")), json!(format!("{text}.example")), json!(!text.starts_with('y'))])
        .collect(),
        _ => vec![],
    };
    // Last of all, that nothing is said.
    words.chain(changed).chain([Value::Null]).filter(|other| other != value).collect()
}

/// Bodies that are `spec` but for the value at a pointer.
fn changed(spec: &Value, pointer: &str, schema: &Value) -> Vec<Value> {
    let value = spec.pointer(pointer).unwrap();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/");
    let mut bodies: Vec<Value> = others(value, schema)
        .into_iter()
        .map(|other| {
            let mut changed = spec.clone();
            *changed.pointer_mut(pointer).unwrap() = other;
            changed
        })
        .collect();
    if let Some(map) = spec.pointer(parent).unwrap().as_object() {
        // One of several takes its place, or its neighbour gets its value.
        let without = || map.iter().filter(|(key, _)| **key != name).map(|(key, value)| (key.clone(), value.clone()));
        let instead: Map<_, _> = without().chain([("httpQueryParameterName".to_owned(), json!("other"))]).collect();
        let turned: Map<_, _> = map.keys().cloned().zip(map.values().cycle().skip(1).cloned()).collect();
        for body in [instead, turned] {
            let mut changed = spec.clone();
            *changed.pointer_mut(parent).unwrap() = body.into();
            bodies.push(changed);
        }
    }
    bodies
}

fn is_valid(kind: Kind, parent: &Anchor, spec: &Value) -> bool {
    Resource::read(Some(parent), kind, &json!({"metadata": {"name": "cart"}, "spec": spec})).is_ok()
}

fn schema_at<'a>(schema: &'a Value, path: &str) -> &'a Value {
    path.split('/').skip(1).fold(schema, |schema, name| match name {
        "*" => schema.get("items").unwrap_or(&schema["additionalProperties"]),
        name => &schema["properties"][name],
    })
}

/// Asserts that every value of `specs` changes what `render` gives, and that they have all values which are not `KEPT`.
fn every_value_counts(
    kind: Kind,
    parent: &str,
    specs: &[Value],
    kept: &[&str],
    render: impl Fn(&Value) -> Vec<String>,
) {
    let schema = Resource::schema(kind)["properties"]["spec"].clone();
    let parent = Anchor::parse(parent).unwrap();
    let mut all = BTreeSet::new();
    leaves(&schema, "", &mut all);
    all.retain(|path| !kept.iter().any(|kept| path == kept || path.starts_with(&format!("{kept}/"))));
    for spec in specs {
        assert!(is_valid(kind, &parent, spec), "{spec}");
        let before = render(spec);
        let mut found = vec![];
        values(spec, &schema, ("", ""), &mut found);
        for (pointer, path) in found {
            let bodies = changed(spec, &pointer, schema_at(&schema, &path));
            let counts = bodies.iter().any(|body| is_valid(kind, &parent, body) && render(body) != before);
            if counts {
                all.remove(&path);
            }
        }
    }
    assert_eq!(all, BTreeSet::new(), "these are accepted and change nothing");
}

#[test]
fn every_field_of_a_server_is_rendered() {
    let parent = format!("{PROD}/traffic-group-intents/t");
    every_value_counts(Kind::Inbound, &parent, &servers(), &KEPT, |spec| {
        let batch = client("cart", "batch", json!({"app": "batch"}));
        let documents = [document("inbound-intents", "cart", spec.clone()), batch];
        let traffic = spec["trafficManagement"].to_string();
        let over_clusters = traffic.contains("gke/");
        let rendered = if over_clusters { everything(&across::both(&documents)) } else { rendered(&documents) };
        let said = rendered.findings.iter().map(ToString::to_string);
        rendered.manifests.into_values().map(|manifest| manifest.text).chain(said).collect()
    });
}

#[test]
fn every_field_of_a_client_is_rendered() {
    let clients = [
        json!({"app": "web", "appLabel": "app=web", "serviceName": "web", "namespaces": ["ops"], "cidrs": ["10.0.0.0/8"],
            "serviceAccounts": ["shop/web"], "sidecar": "yes"}),
        json!({"app": "web", "appLabel": "app=web", "serviceName": "web", "namespaces": [], "cidrs": ["10.0.0.0/8"],
            "sidecar": "no"}),
        json!({"app": "probe", "appLabel": "app=probe", "serviceName": "probe", "namespaces": [], "cidrs": [],
            "placedIn": "p/a/v1/ops"}),
    ];
    let parent = format!("{PROD}/traffic-group-intents/t/inbound-intents/cart");
    // Who a client is follows from its identities; the rest tells people which app is meant.
    let kept = ["/appLabel", "/serviceName"];
    every_value_counts(Kind::Client, &parent, &clients, &kept, |spec| {
        let rendered =
            rendered(&[server("cart", json!({})), document("inbound-intents/cart/clients", "web", spec.clone())]);
        let said = rendered.findings.iter().map(ToString::to_string);
        rendered.manifests.into_values().map(|manifest| manifest.text).chain(said).collect()
    });
}

#[test]
fn every_field_of_an_access_point_is_rendered() {
    let points = [
        json!({"action": "ALLOW", "url": ["/a"], "access": ["GET"], "hosts": ["a.example"], "ports": [8080],
            "jwt": {"issuer": "https://id.example", "jwksUri": "https://id.example/keys", "audiences": ["a"], "subjects": ["s"]}}),
        json!({"externalAuthenticationIssuer": "i", "externalAuthenticationJwksUri": "https://id.example/keys",
            "userAccess": ["s"]}),
    ];
    let parent = format!("{PROD}/traffic-group-intents/t/inbound-intents/cart/clients/web");
    every_value_counts(Kind::AccessPoint, &parent, &points, &[], |spec| {
        let documents = [
            server("cart", json!({})),
            client("cart", "web", json!({})),
            access_point("cart", "web", "a", spec.clone()),
        ];
        rendered(&documents).manifests.into_values().map(|manifest| manifest.text).collect()
    });
}

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::yaml;

/// One resource of each kind with every field of the custom resource definitions of Istio 1.31, in the order in which
/// fields are written; deprecated second spellings apart.
const GOLDEN: [(Kind, &str); 12] = [
    (Kind::AuthorizationPolicy, include_str!("golden/AuthorizationPolicy.yaml")),
    (Kind::ConfigMap, include_str!("golden/ConfigMap.yaml")),
    (Kind::DestinationRule, include_str!("golden/DestinationRule.yaml")),
    (Kind::Gateway, include_str!("golden/Gateway.yaml")),
    (Kind::PeerAuthentication, include_str!("golden/PeerAuthentication.yaml")),
    (Kind::RequestAuthentication, include_str!("golden/RequestAuthentication.yaml")),
    (Kind::ServiceEntry, include_str!("golden/ServiceEntry.yaml")),
    (Kind::Sidecar, include_str!("golden/Sidecar.yaml")),
    (Kind::Telemetry, include_str!("golden/Telemetry.yaml")),
    (Kind::VirtualService, include_str!("golden/VirtualService.yaml")),
    (Kind::WorkloadEntry, include_str!("golden/WorkloadEntry.yaml")),
    (Kind::WorkloadGroup, include_str!("golden/WorkloadGroup.yaml")),
];

fn one(text: &str) -> Parsed {
    let mut all = read(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).unwrap()
}

#[test]
fn every_kind_is_written_as_it_was_read() {
    for (kind, text) in GOLDEN {
        let resource = one(text).resource;
        assert_eq!(resource.kind(), kind);
        assert_eq!(resource.unknown_fields(), [""; 0], "{kind:?}");
        assert_eq!(resource.api_version(), kind.api_version());
        assert_eq!(to_yaml(&resource), text);
    }
}

/// Takes members and items away from a value, as the bits say.
fn prune(value: &mut Value, keep: &mut impl Iterator<Item = bool>) {
    match value {
        Value::Object(members) => {
            members.retain(|_, _| keep.next().unwrap_or(true));
            members.values_mut().for_each(|member| prune(member, keep));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| prune(item, keep)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_as_it_was(
        of in 0..GOLDEN.len(),
        bits in proptest::collection::vec(proptest::bool::weighted(0.8), 0..200),
    ) {
        let mut value: Value = yaml::from_str(GOLDEN[of].1).unwrap();
        let mut keep = bits.into_iter();
        for (name, member) in value.as_object_mut().unwrap() {
            if name != "apiVersion" && name != "kind" {
                prune(member, &mut keep);
            }
        }
        let resource = one(&yaml::to_string(&value)).resource;
        prop_assert_eq!(&one(&to_yaml(&resource)).resource, &resource);
    }
}

#[test]
fn old_versions_read_alike_and_keep_their_name() {
    let parsed = one("apiVersion: networking.istio.io/v1alpha3\nkind: Gateway\nmetadata: {name: a}\nspec: {}\n");
    assert_eq!(parsed.resource.spec, Gateway::default().into());
    assert_eq!(parsed.resource.api_version(), "networking.istio.io/v1alpha3");
    assert_eq!(
        to_yaml(&parsed.resource),
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata:\n  name: a\nspec: {}\n"
    );
}

#[test]
fn unknown_fields_and_values_are_kept_by_name() {
    let text = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a, uid: x}\nspec:\n  host: \
                h\n  trafficPolicy:\n    tls: {mode: MUTAL, colour: red}\n    a/b: 1\nextra: 1\nstatus: {}\n";
    let resource = one(text).resource;
    assert_eq!(resource.unknown_fields(), ["/extra", "/spec/trafficPolicy/a~1b", "/spec/trafficPolicy/tls/colour"]);
    let Spec::DestinationRule(rule) = &resource.spec else { panic!() };
    let mode = rule.traffic_policy.as_ref().unwrap().tls.as_ref().unwrap().mode.clone();
    assert_eq!(mode, Some(ClientTlsMode::Other("MUTAL".to_owned())));
}

#[test]
fn second_spellings_are_read() {
    let resource = one("apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: a}\nspec:\n  \
                        jwtRules: [{issuer: i, jwks_uri: https://x}]\n")
    .resource;
    assert_eq!(resource.unknown_fields(), [""; 0]);
    let Spec::RequestAuthentication(spec) = &resource.spec else { panic!() };
    assert_eq!(spec.jwt_rules[0].jwks_uri, "https://x");
}

#[test]
fn lists_and_streams_are_unrolled() {
    let text = "# two\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: \
                s}\n  spec: {ports: []}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c}\n---\n---\n\
                apiVersion: networking.istio.io/v1\nkind: GatewayList\nitems:\n- metadata: {name: g}\n";
    let all: Vec<_> = read(text).into_iter().map(Result::unwrap).collect();
    let seen: Vec<_> = all
        .iter()
        .map(|parsed| (parsed.resource.kind_name(), parsed.document, parsed.pointer.as_str(), parsed.line))
        .collect();
    assert_eq!(seen, [("Service", 0, "/items/0", 6), ("ConfigMap", 0, "/items/1", 10), ("Gateway", 1, "/items/0", 18)]);
    let Spec::Other(service) = &all[0].resource.spec else { panic!() };
    assert_eq!(Value::Object(Map::clone(&service.body)), json!({"spec": {"ports": []}}));
    let documents = yaml::documents(text).unwrap();
    assert_eq!(all[1].position(&documents, "/metadata/name"), Some((12, 14)));
}

#[test]
fn other_kinds_are_written_in_their_own_order() {
    let text = "apiVersion: externaldns.k8s.io/v1alpha1\nkind: DNSEndpoint\nmetadata:\n  name: a\nspec:\n  \
                endpoints:\n  - dnsName: a.example\n    targets:\n    - \"192.0.2.1\"\n";
    assert_eq!(to_yaml(&one(text).resource), text);
}

#[test]
fn one_bad_document_does_not_hide_the_others() {
    let text = "kind: Gateway\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec:\n  \
                servers:\n  - port: {number: secret}\n---\na: [\n---\napiVersion: v1\nkind: Pod\n";
    let all = read(text);
    let errors: Vec<_> =
        all.iter().filter_map(|read| read.as_ref().err()).map(|error| (error.line, &error.message)).collect();
    assert_eq!(errors[0], (1, &"the resource has no apiVersion".to_owned()));
    assert_eq!(errors[1], (8, &"/spec/servers/0/port/number: a string where u32 belongs".to_owned()));
    assert_eq!(errors.len(), 3);
    assert!((10..=11).contains(&errors[2].0), "{all:?}");
    assert!(all[3].is_ok());
}

#[test]
fn what_is_absent_is_not_written() {
    let policy = AuthorizationPolicy { rules: vec![Rule::default()], ..Default::default() };
    let metadata = ObjectMeta { name: "a".to_owned(), ..Default::default() };
    assert_eq!(
        to_yaml(&Resource::new(metadata, policy)),
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: a\nspec:\n  rules:\n  - {}\n"
    );
}

#[test]
fn what_is_not_modelled_keeps_its_order() {
    let body = json!({"z": 1, "kind": "NetworkPolicy", "y": 2, "metadata": {"name": "x"}, "apiVersion": "networking.k8s.io/v1", "a": 3});
    let Spec::Other(other) = resource(body).unwrap().spec else { panic!("a kind that is modelled") };
    assert_eq!(Value::Object((*other.body).clone()).to_string(), r#"{"z":1,"y":2,"a":3}"#);
}

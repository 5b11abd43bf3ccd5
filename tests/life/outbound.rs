//! Outbound intents from their writes to main.

use meshwright::change::State;
use meshwright::change::submission::{Cause, Operation};

use crate::TG;
use crate::desk::{House, cause, open, resource, submission};

const EGRESS: &str = r#"{"metadata": {"name": "east"}, "spec": {"egress": {"selector": {"istio": "egressgateway"}, "namespace": "egress", "serviceAccount": "gate", "host": "gate.egress.svc.cluster.local"}}}"#;

const BY_HAND: &str = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: old, namespace: egress}\nspec:\n  \
    selector: {istio: egressgateway}\n  servers: [{port: {number: 443, protocol: TLS, name: tls}, hosts: [old.example], tls: \
    {mode: PASSTHROUGH}}]\n";

fn caller(name: &str) -> Operation {
    let spec =
        r#"{"app": "cart", "appLabel": "app=cartservice", "serviceName": "cartservice", "serviceAccount": "cart"}"#;
    let body = format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {spec}}}"#);
    Operation::Put(resource(&format!("{TG}/outbound-intents/{name}"), &body))
}

fn server(caller: &str, more: &str) -> Operation {
    let spec = format!(r#"{{"externalServiceName": "api.bank.example", "port": 443, "protocol": "TLS"{more}}}"#);
    let body = format!(r#"{{"metadata": {{"name": "bank"}}, "spec": {spec}}}"#);
    Operation::Put(resource(&format!("{TG}/outbound-intents/{caller}/servers/bank"), &body))
}

const THROUGH: &str = r#", "via": "egress-gateway""#;

async fn on_main(house: &House, operations: Vec<Operation>) {
    let id = house.desk().submit(submission(operations, true)).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    house.approve(&id).await;
    house.merge(&id).await.unwrap();
}

fn of_host(house: &House) -> Vec<String> {
    house.files_on_main().into_iter().filter(|path| path.contains("/api.bank.example/")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_host_comes_to_main_and_goes_again() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    on_main(&house, vec![caller("cart"), server("cart", "")]).await;
    let files = of_host(&house);
    let [file] = &files[..] else { panic!("{files:?}") };
    assert!(file.starts_with("clusters/gke/east/shop/api.bank.example/serviceentry-"), "{file}");
    let path = format!("{TG}/outbound-intents/cart/servers/bank");
    on_main(&house, vec![Operation::Delete(meshwright::intent::Anchor::parse(&path).unwrap())]).await;
    assert_eq!(of_host(&house), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_contradict_each_other_are_refused_and_both_are_named() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    on_main(&house, vec![caller("cart"), server("cart", "")]).await;
    let fixed = r#", "dnsResolution": "STATIC", "endPointAddress": "192.0.2.1""#;
    let operations = vec![caller("other"), server("other", fixed)];
    let refusal = house.desk().submit(submission(operations, true)).await.unwrap_err();
    assert_eq!(refusal.cause, Cause::Conflict);
    let pointers: Vec<&str> = refusal.obstacles.iter().map(|obstacle| obstacle.pointer.as_str()).collect();
    assert_eq!(pointers, ["/spec/dnsResolution", "/spec/endPointAddress"]);
    let message = &refusal.obstacles[0].message;
    assert!(message.contains("outbound-intents/cart/servers/bank"), "{message}");
    assert!(message.contains("outbound-intents/other/servers/bank"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_egress_gateway_that_is_not_described_blocks_a_write_and_refuses_a_bundle() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let operations = || vec![caller("cart"), server("cart", THROUGH)];
    assert_eq!(cause(house.desk().submit(submission(operations(), true)).await), Cause::Incomplete);
    let id = house.desk().submit(submission(operations(), false)).await.unwrap().change.unwrap();
    let blocked = house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("egress gateway"), "{:?}", blocked.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_that_would_lose_an_egress_gateway_block_until_they_are_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let cluster = Operation::Put(resource("cluster-providers/gke/clusters/east", EGRESS));
    on_main(&house, vec![cluster]).await;
    house.push_to_main(&[("clusters/gke/east/egress/by-hand.yaml", BY_HAND)], &[]);
    let main = house.mirror.branch("main").unwrap();
    house.until_main(|base| base.commit == main).await;
    let operations = vec![caller("cart"), server("cart", THROUGH)];
    let id = house.desk().submit(submission(operations, true)).await.unwrap().change.unwrap();
    let blocked = house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("old.example"), "{:?}", blocked.reason);
    let more = format!(r#"{THROUGH}, "acknowledge": ["old.example"]"#);
    house.desk().submit(submission(vec![server("cart", &more)], true)).await.unwrap();
    house.until(&id, State::Proposed).await;
    house.approve(&id).await;
    house.merge(&id).await.unwrap();
    assert_eq!(of_host(&house).len(), 5, "{:?}", of_host(&house));
}

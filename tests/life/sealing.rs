//! Private keys that are posted are sealed for the clusters of their app, and only ciphertext is kept.

use meshwright::change::submission::{Cause, Operation, Outcome};
use meshwright::change::{Receipt, Refusal, State, Submission};
use meshwright::intent::{Anchor, Bundle, Resource};
use serde_json::{Value, json};

use crate::desk::{House, TIMING, open_with, submission};
use crate::tls::{Made, made};

const CART: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web/inbound-intents/cart";
const PLACEMENT: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/generic-placement-intents/placement/app-intents/cart";

fn cart(server: &Made) -> Value {
    json!({"metadata": {"name": "cart"}, "spec": {"app": "cart", "appLabel": "app=cartservice",
        "serviceName": "cartservice", "port": 7070, "targetPort": 7070, "protocol": "GRPC", "serviceMesh": "istio",
        "externalSupport": true, "externalName": "cart.example.com", "management": {"tlsType": "SIMPLE"},
        "external": {"externalCerts": {"serviceCertificate": server.certificate, "servicePrivateKey": server.key}}}})
}

fn cluster(name: &str, certificate: &str) -> String {
    json!({"metadata": {"name": name}, "spec": {"sealingCertificate": certificate}}).to_string()
}

fn placed(on: &[&str]) -> String {
    let terms: Vec<Value> = on.iter().map(|name| json!({"clusterProvider": "gke", "cluster": name})).collect();
    json!({"metadata": {"name": "cart"}, "spec": {"app": "cart", "intent": {"allOf": terms}}}).to_string()
}

impl House {
    /// Puts the resource at `path`, with a private key in its body.
    async fn post(&self, path: impl AsRef<str>, body: Value) -> Result<Receipt, Refusal> {
        let anchor = Anchor::parse(path.as_ref()).unwrap();
        let (resource, key) = Resource::receive(anchor.parent().as_ref(), anchor.kind(), body).unwrap();
        let mut submission = submission(vec![Operation::Put(resource)], false);
        submission.keys.insert(&anchor, key);
        self.desk().submit(submission).await
    }

    async fn post_bundle_with_keys(&self, text: &str) -> Result<Receipt, Refusal> {
        self.desk().submit(bundle(text)).await
    }

    fn kept(&self, path: &str) -> Value {
        self.desk().view().proposed.get(&Anchor::parse(path).unwrap()).unwrap().to_value()
    }

    /// The messages of the findings of a plan by their rule.
    fn found(&self, receipt: &Receipt, rule: &str) -> Vec<String> {
        let plan = self.desk().proposal(receipt.change.as_ref().unwrap()).unwrap();
        let found = plan.plan.findings.iter().filter(|finding| finding.rule == rule);
        found.map(|finding| format!("{:?}: {}; {}", finding.severity, finding.message, finding.remedy)).collect()
    }

    async fn merged(&self, receipt: &Receipt) {
        let id = receipt.change.as_ref().unwrap();
        self.until(id, State::Proposed).await;
        self.approve(id).await;
        self.merge(id).await.unwrap();
    }
}

fn bundle(text: &str) -> Submission {
    let (bundle, keys) = Bundle::receive(text).unwrap();
    let operations = bundle.documents.into_iter().map(|document| Operation::Put(document.resource)).collect();
    Submission { keys, ..submission(operations, true) }
}

/// The one obstacle of a refusal: its pointer and message.
fn obstacle(refused: Result<Receipt, Refusal>) -> (String, String) {
    let mut refusal = refused.unwrap_err();
    assert_eq!((refusal.cause, refusal.obstacles.len()), (Cause::Invalid, 1), "{refusal:?}");
    let obstacle = refusal.obstacles.remove(0);
    (obstacle.pointer, obstacle.message)
}

fn sealed_manifest(house: &House, cluster: &str) -> Option<(String, String)> {
    let folder = format!("clusters/gke/{cluster}/istio-system/cartservice/sealedsecret-cart-tls-");
    let path = house.files_on_main().into_iter().find(|path| path.starts_with(&folder))?;
    let text = house.text_on_main(&path)?;
    Some((path, text))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_posted_key_is_refused_until_every_cluster_can_seal_it_and_is_then_a_sealed_secret() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let (controller, server) = (made("rsa:2048"), made("P-256"));
    let (pointer, message) = obstacle(house.post(CART, cart(&server)).await);
    assert_eq!(pointer, "/spec/external/externalCerts/servicePrivateKey");
    assert!(message.contains("gke/east") && message.contains("sealingCertificate"), "{message}");
    let facts = "cluster-providers/gke/clusters/east";
    house.put(facts, &cluster("east", &controller.certificate)).await.unwrap();
    let foreign = Made { key: made("P-256").key, ..server.clone() };
    assert!(obstacle(house.post(CART, cart(&foreign)).await).1.contains("does not belong"));
    let receipt = house.post(CART, cart(&server)).await.unwrap();
    assert_eq!(receipt.outcomes[0].1, Outcome::Replaced);
    let kept = house.kept(CART);
    let external = &kept["spec"]["external"];
    assert_eq!(external["externalCerts"], json!({"serviceCertificate": server.certificate}));
    let sealed = &external["sealed"]["gke/east"];
    assert_eq!(sealed["namespace"], "istio-system");
    assert_eq!(sealed["encryptedData"].as_object().unwrap().len(), 2);
    house.merged(&receipt).await;
    let (path, text) = sealed_manifest(&house, "east").unwrap();
    let name = sealed["name"].as_str().unwrap();
    assert!(path.ends_with(&format!("sealedsecret-{name}.yaml")) && name.starts_with("cart-tls-"), "{path}");
    for part in ["apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n", "    type: kubernetes.io/tls\n"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.contains(sealed["encryptedData"]["tls.key"].as_str().unwrap()), "{text}");
    let gateway = house.files_on_main().into_iter().find(|path| path.contains("/gateway-")).unwrap();
    let gateway = house.text_on_main(&gateway).unwrap();
    assert!(gateway.contains(&format!("credentialName: {name}\n")), "{gateway}");
    assert!(house.desk().view().base.drift.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_may_bring_the_key_with_its_clusters_and_changes_nothing_the_second_time() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await;
    let (controller, server) = (made("rsa:2048"), made("rsa:2048"));
    let anchor = |path: &str, body: &Value| {
        let mut document = body.clone();
        document["anchor"] = path.into();
        format!("---\n{document}\n")
    };
    let facts: Value = serde_json::from_str(&cluster("east", &controller.certificate)).unwrap();
    let text = crate::MINIMAL.replace("  protocol: GRPC\n  serviceMesh: istio\n", &{
        let spec = cart(&server)["spec"].clone();
        let rest = ["protocol", "serviceMesh", "externalSupport", "externalName", "management", "external"];
        rest.iter().map(|field| format!("  {field}: {}\n", spec[field])).collect::<String>()
    });
    let unplaced = text.replace("spec: {app: cart, intent", "spec: {app: frontend, intent");
    let (pointer, message) = obstacle(house.post_bundle_with_keys(&unplaced).await);
    assert_eq!(pointer, "/spec/external/externalCerts/servicePrivateKey");
    assert!(message.contains("app `cart` is placed on no cluster"), "{message}");
    let text = text.replace(
        "---\nanchor: cluster-providers/gke/clusters\nmetadata: {name: east}\n",
        &anchor("cluster-providers/gke/clusters", &facts),
    );
    let planned = house.desk().plan(&bundle(&text)).unwrap();
    let first = house.post_bundle_with_keys(&text).await.unwrap();
    house.until(first.change.as_ref().unwrap(), State::Proposed).await;
    let proposal = house.desk().proposal(first.change.as_ref().unwrap()).unwrap();
    assert_eq!(planned.digest, proposal.digest, "a plan says what is proposed");
    let again = house.post_bundle_with_keys(&text).await.unwrap();
    assert!(again.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Unchanged), "{:?}", again.outcomes);
    house.merged(&first).await;
    let kept = house.kept(CART);
    let back = house.post(CART, kept).await.unwrap();
    assert_eq!(back.outcomes[0].1, Outcome::Unchanged, "what was read may be put back");
    let again = house.post_bundle_with_keys(&text).await.unwrap();
    assert_eq!(again.change, None, "all of it is on main: {:?}", again.outcomes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_added_blocks_until_the_key_is_posted_again() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let (controller, server) = (made("rsa:2048"), made("P-256"));
    let certificate = &controller.certificate;
    let clusters = "cluster-providers/gke/clusters";
    let receipt = house.put(&format!("{clusters}/east"), &cluster("east", certificate)).await.unwrap();
    house.put(&format!("{clusters}/west"), &cluster("west", certificate)).await.unwrap();
    house.merged(&receipt).await;
    let receipt = house.post(CART, cart(&server)).await.unwrap();
    house.merged(&receipt).await;
    let receipt = house.put(PLACEMENT, &placed(&["east", "west"])).await.unwrap();
    let id = receipt.change.clone().unwrap();
    let blocked = house.until(&id, State::Blocked).await;
    let reason = blocked.reason.clone().unwrap_or_default();
    assert!(reason.contains("not sealed for gke/west"), "{reason}");
    let found = house.found(&receipt, "render/sealed-key");
    assert!(found.iter().any(|it| it.starts_with("Error") && it.contains("servicePrivateKey")), "{found:?}");
    let again = house.post(CART, cart(&server)).await.unwrap();
    assert_eq!(again.change.as_ref(), Some(&id));
    house.until_change(&id, |change| change.state != State::Blocked).await;
    house.merged(&again).await;
    let texts = ["east", "west"].map(|cluster| sealed_manifest(&house, cluster).unwrap().1);
    assert!(texts[0] == texts[1], "the same certificate and secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_of_a_cluster_warns_and_another_gateway_blocks() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let (controller, server) = (made("rsa:2048"), made("P-256"));
    let facts = "cluster-providers/gke/clusters/east";
    let receipt = house.put(facts, &cluster("east", &controller.certificate)).await.unwrap();
    house.merged(&receipt).await;
    let receipt = house.post(CART, cart(&server)).await.unwrap();
    house.merged(&receipt).await;
    let receipt = house.put(facts, &cluster("east", &made("rsa:2048").certificate)).await.unwrap();
    let found = house.found(&receipt, "render/sealed-key");
    assert!(found.iter().any(|it| it.starts_with("Warning") && it.contains("another sealingCertificate")), "{found:?}");
    let moved = json!({"metadata": {"name": "east"}, "spec": {"sealingCertificate": controller.certificate,
        "ingress": {"namespace": "edge"}}});
    let receipt = house.put(facts, &moved.to_string()).await.unwrap();
    house.until(receipt.change.as_ref().unwrap(), State::Blocked).await;
    let found = house.found(&receipt, "render/sealed-key");
    assert!(found.iter().any(|it| it.starts_with("Error") && it.contains("can be read there only")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_of_a_cluster_is_a_warning() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let (controller, server) = (made("rsa:2048"), made("P-256"));
    let facts = "cluster-providers/gke/clusters/east";
    let warned = |receipt: &Receipt| receipt.warnings.iter().any(|it| it.rule == "topology/sealing-certificate");
    assert!(!warned(&house.put(facts, &cluster("east", &controller.certificate)).await.unwrap()));
    assert!(!warned(&house.post(CART, cart(&server)).await.unwrap()));
    // It is good for ten days.
    (0..11 * 24).for_each(|_| house.pass_time());
    assert!(warned(&house.post(CART, cart(&server)).await.unwrap()));
    let other = json!({"metadata": {"name": "west"}, "spec": {"sealingCertificate": controller.certificate}});
    assert!(warned(&house.put("cluster-providers/gke/clusters/west", &other.to_string()).await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_beside_a_sealed_key_has_to_fit_it() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let (controller, server) = (made("rsa:2048"), made("P-256"));
    house.put("cluster-providers/gke/clusters/east", &cluster("east", &controller.certificate)).await.unwrap();
    let mut mutual = cart(&server);
    mutual["spec"]["management"]["tlsType"] = "MUTUAL".into();
    assert_eq!(obstacle(house.post(CART, mutual).await).0, "/spec/external/caCertificate");
    house.post(CART, cart(&server)).await.unwrap();
    let twin = |tls: &Made| {
        let mut twin = cart(tls);
        twin["metadata"]["name"] = "twin".into();
        house.post(CART.strip_suffix("cart").map(|all| format!("{all}twin")).unwrap(), twin)
    };
    let refused = twin(&made("P-256")).await.unwrap_err();
    assert_eq!((refused.cause, &*refused.obstacles[0].pointer), (Cause::Conflict, "/spec/external/credentialName"));
    twin(&server).await.unwrap();
    let kept = house.kept(CART);
    let read = |change: &dyn Fn(&mut Value)| {
        let mut body = kept.clone();
        change(&mut body);
        let anchor = Anchor::parse(CART).unwrap();
        Resource::receive(anchor.parent().as_ref(), anchor.kind(), body).map(drop).map_err(|found| found[0].clone())
    };
    assert_eq!(read(&|_| {}), Ok(()));
    let renewed = made("P-256").certificate;
    let found = read(&|body| body["spec"]["external"]["externalCerts"]["serviceCertificate"] = renewed.clone().into());
    assert!(found.unwrap_err().message.contains("post servicePrivateKey"));
    let value = "/spec/external/sealed/gke~1east/encryptedData/tls.key";
    for wrong in [json!("AAAA"), json!(server.certificate), json!(1), json!(null)] {
        let found = read(&|body| *body.pointer_mut(value).unwrap() = wrong.clone());
        assert_eq!(found.unwrap_err().pointer, "/spec/external/sealed", "{wrong}");
    }
    assert!(read(&|body| *body.pointer_mut(value).unwrap() = server.key.clone().into()).is_err());
}

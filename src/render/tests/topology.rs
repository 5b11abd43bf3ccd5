//! What is not known blocks and is not guessed.

use serde_json::json;

use super::*;

#[test]
fn a_server_that_is_placed_nowhere_blocks_and_renders_nothing() {
    let placed = "spec: {app: cart, intent: {allOf: [{clusterProvider: gke, cluster: east}]}}";
    let nowhere = placed.replace("cluster: east", "cluster: gone");
    let documents = [server("cart", json!({})), client("cart", "web", json!({}))];
    let rendered = everything(&tree_instead(placed, &nowhere, &documents));
    assert_eq!(errors(&rendered), ["topology/placement"]);
    let place = rendered.findings[0].place.to_string();
    assert!(place.ends_with("/inbound-intents/cart#/spec/app"), "{place} does not refer to what is missing");
    assert!(rendered.manifests.is_empty() && rendered.targets.is_empty());
    assert!(rendered.unplaced.iter().map(|anchor| anchor.name()).eq(["cart"]), "{:?}", rendered.unplaced);
}

#[test]
fn a_mistyped_cluster_beside_a_right_one_is_no_app_that_was_taken_away() {
    let placed = "{clusterProvider: gke, cluster: east}]";
    let mistyped = "{clusterProvider: gke, cluster: east}, {clusterProvider: gke, cluster: eats}]";
    let documents = [server("cart", json!({})), client("cart", "web", json!({}))];
    let rendered = everything(&tree_instead(placed, mistyped, &documents));
    assert!(errors(&rendered).iter().all(|rule| *rule == "topology/placement") && !errors(&rendered).is_empty());
    assert!(rendered.findings[0].message.contains("gke/eats, which is not registered"), "{}", rendered.findings[0]);
    assert!(rendered.manifests.is_empty());
}

#[test]
fn an_app_that_many_intents_name_is_missing_once() {
    let servers = ["a", "b", "c"].map(|name| server(name, json!({"app": "probe"})));
    let rendered = rendered(&[&servers[..], &[client("a", "x", json!({"app": "probe"}))]].concat());
    assert_eq!(errors(&rendered), ["topology/placement"]);
    assert!(rendered.findings[0].place.path.ends_with("/inbound-intents/a"), "{}", rendered.findings[0]);
}

#[test]
fn a_server_whose_namespace_is_not_known_blocks() {
    let cloud = "metadata: {name: prod}, spec: {logicalCloud: shop}";
    let documents = [server("cart", json!({})), server("out", json!({"serviceMesh": "none"}))];
    let rendered = everything(&tree_instead(cloud, &cloud.replace("shop", "gone"), &documents));
    assert_eq!(errors(&rendered), ["topology/namespace"]);
    assert!(rendered.findings[0].place.path.ends_with("inbound-intents/cart"));
    assert!(rendered.unplaced.iter().map(|anchor| anchor.name()).eq(["cart"]), "{:?}", rendered.unplaced);
}

#[test]
fn the_root_namespace_is_the_clusters_else_the_default_of_all_else_of_istio() {
    let west = "spec: {dnsProxy: true, trustDomain: west.example}";
    let own = west.replace("dnsProxy: true", "dnsProxy: true, rootNamespace: istio-west");
    let group = "projects/p/composite-apps/a/v1/deployment-intent-groups/ops/traffic-group-intents/t/inbound-intents";
    let probe = server("probe", json!({"app": "probe"})).replace("inbound-intents", group);
    let tree = tree_instead(west, &own, &[probe]);
    let roots = |settings: &Settings| {
        let targets = render(&tree, settings, &Scope::everything(&tree), Outside::None).targets;
        targets.into_iter().map(|target| target.root_namespace).collect::<Vec<_>>()
    };
    assert_eq!(roots(&Settings::default()), ["istio-system", "istio-west"]);
    let settings = Settings::read("clusterDefaults: {rootNamespace: istio-config}\n").unwrap();
    assert_eq!(roots(&settings), ["istio-config", "istio-west"]);
}

#[test]
fn a_server_in_the_root_namespace_blocks_because_its_policies_would_hold_for_the_whole_mesh() {
    let cloud = "metadata: {name: shop}, spec: {namespace: shop}";
    let documents = |more| [server("cart", more), client("cart", "web", json!({}))];
    let rendered = |namespace: &str, more| {
        everything(&tree_instead(cloud, &cloud.replace("namespace: shop", namespace), &documents(more)))
    };
    let blocked = rendered("namespace: istio-system", json!({}));
    assert_eq!(errors(&blocked), ["render/root-namespace"]);
    let finding = blocked.findings.iter().find(|finding| finding.rule == "render/root-namespace").unwrap();
    assert!(finding.place.path.ends_with("/inbound-intents/cart"), "{finding}");
    assert!(finding.message.contains("the root namespace of gke/east"), "{finding}");
    assert!(finding.remedy.ends_with("say rootNamespace in cluster-providers/gke/clusters/east"), "{finding}");
    assert!(errors(&rendered("namespace: istio-systems", json!({}))).is_empty());
    assert!(errors(&rendered("namespace: istio-system", json!({"serviceMesh": "none"}))).is_empty());

    let settings = Settings::read("clusterDefaults: {rootNamespace: shop}\n").unwrap();
    let tree = tree(&documents(json!({})));
    assert_eq!(errors(&render(&tree, &settings, &Scope::everything(&tree), Outside::None)), ["render/root-namespace"]);
}

#[test]
fn a_terminated_server_blocks_in_the_root_namespace_while_it_stays_closed() {
    let cloud = "metadata: {name: shop}, spec: {namespace: shop}";
    let root = cloud.replace("namespace: shop", "namespace: istio-system");
    for (access, expected) in [("closed", vec!["render/root-namespace"]), ("open", vec![])] {
        let mut tree = tree_instead(cloud, &root, &[server("cart", json!({"access": access}))]);
        tree.set_terminated(&crate::intent::Anchor::parse(PROD).unwrap(), true);
        assert_eq!(errors(&everything(&tree)), expected);
    }
}

#[test]
fn a_client_that_is_placed_nowhere_blocks_and_the_server_stays_closed() {
    let rendered = rendered(&[server("cart", json!({})), client("cart", "x", json!({"app": "probe"}))]);
    assert_eq!(errors(&rendered), ["topology/placement"]);
    let missing = rendered.findings.iter().find(|finding| finding.rule == "topology/placement").unwrap();
    assert!(missing.place.to_string().ends_with("/cart/clients/x#/spec/app"), "{missing}");
    assert!(rules(&rendered, "allow").is_null());
}

#[test]
fn rules_that_a_hand_made_tree_breaks_block() {
    let rendered = rendered(&[
        server("cart", json!({"mtls": "strict"})),
        client("cart", "x", json!({"sidecar": "no", "cidrs": ["10.0.0.1"], "serviceAccounts": null})),
    ]);
    assert_eq!(errors(&rendered), ["render/rule"]);
}

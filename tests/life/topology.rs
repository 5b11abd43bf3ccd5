//! Changes that lack what another one holds.

use meshwright::change::submission::Operation;
use meshwright::change::{Change, ChangeId, State};
use meshwright::intent::Anchor;

use crate::desk::{House, MINIMAL, TIMING, open_with, submission};

impl House {
    /// Waits until a change is blocked for a reason that `says` is true of.
    async fn until_blocked(&self, id: &ChangeId, says: impl Fn(&str) -> bool) -> Change {
        let blocked = |change: &Change| change.state == State::Blocked && change.reason.as_deref().is_some_and(&says);
        Change::clone(&*self.until_change(id, blocked).await)
    }

    async fn delete_all(&self, paths: &[&str]) -> ChangeId {
        let deletes = paths.iter().map(|path| Operation::Delete(Anchor::parse(path).unwrap())).collect();
        self.desk().submit(submission(deletes, false)).await.unwrap().change.unwrap()
    }
}

const CART: &str = "composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web/inbound-intents";

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_change_names_what_can_mend_it_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let elsewhere = "anchor: projects\nmetadata: {name: other}\n---\nanchor: projects/other/logical-clouds\nmetadata: {name: other}\nspec: {namespace: other}\n---\nanchor: cluster-providers\nmetadata: {name: other}\n---\nanchor: cluster-providers/other/clusters\nmetadata: {name: other}\n";
    let other = house.post_bundle(elsewhere).await.unwrap().change.unwrap();
    let body = r#"{"metadata": {"name": "nowhere"}, "spec": {"app": "nowhere", "appLabel": "app=nowhere", "serviceName": "nowhere", "port": 80, "protocol": "HTTP", "serviceMesh": "istio"}}"#;
    let id = house.put(&format!("projects/shop/{CART}/nowhere"), body).await.unwrap().change.unwrap();
    let blocked = house.until_blocked(&id, |reason| reason.contains("no app `nowhere`")).await;
    assert!(!blocked.reason.unwrap().contains(other.as_str()), "that one has nothing to do with it");
    let app = "projects/shop/composite-apps/boutique/v1/apps/nowhere";
    let near = house.put(app, r#"{"metadata": {"name": "nowhere"}}"#).await.unwrap().change.unwrap();
    assert_ne!(near, id);
    house.until_blocked(&id, |reason| reason.contains(near.as_str())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_that_wait_for_each_other_say_so_and_how_to_go_on() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let second = MINIMAL.replace("gke", "eks").replace("east", "west").replace("shop", "store");
    let id = house.post_bundle(&second).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    house.approve(&id).await;
    house.merge(&id).await.unwrap();
    let gone = |project: &str| {
        let cart = format!("projects/{project}/{CART}/cart");
        [format!("{cart}/clients/frontend"), cart]
    };
    // Each takes away the cluster that the server of the other runs on.
    let ([client, server], [other_client, other_server]) = (gone("store"), gone("shop"));
    let one = house.delete_all(&[&client, &server, "cluster-providers/gke/clusters/east"]).await;
    let two = house.delete_all(&[&other_client, &other_server, "cluster-providers/eks/clusters/west"]).await;
    assert_ne!(one, two);
    for (id, other) in [(&one, &two), (&two, &one)] {
        let mutual = |reason: &str| {
            reason.contains(other.as_str())
                && reason.contains("neither can be merged alone")
                && reason.contains("bundle")
        };
        house.until_blocked(id, mutual).await;
    }
    house.desk().withdraw(&two, false, crate::desk::ask(crate::desk::person("github:alice"))).await.unwrap();
    house.until_blocked(&one, |reason| !reason.contains(two.as_str())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_pods_with_another_project_changes_what_is_that_projects_too() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    let other = MINIMAL
        .replace("projects/shop", "projects/other")
        .replace("anchor: projects\nmetadata: {name: shop}", "anchor: projects\nmetadata: {name: other}")
        .replace("serviceName: cartservice", "serviceName: other")
        .replace("[shop/frontend]", "[other/thief]");
    let id = house.post_bundle(&other).await.unwrap().change.unwrap();
    let change = house.until(&id, State::Proposed).await;
    assert!(change.groups.iter().all(|group| group.project() != Some("shop")), "{:?}", change.groups);
    assert!(change.projects().contains(&Some("shop")), "its owners have a say: {:?}", change.touches);
}

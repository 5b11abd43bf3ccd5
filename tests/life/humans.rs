//! People who work with git beside Meshwright.

use meshwright::change::submission::{Cause, Operation};
use meshwright::change::{Change, ChangeId, State};
use meshwright::repo::{CommitId, Identity};

use crate::desk::{House, PATIENT, cause, open_with, resource, stop, submission};

const POINT: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web/inbound-intents/cart/clients/frontend/access-points";

const INBOUND: &str = r#"{"app": "cart", "appLabel": "app=cart", "serviceName": "cart", "port": 80, "protocol": "HTTP", "serviceMesh": "istio"}"#;

fn carol() -> Identity {
    Identity { name: "Carol".into(), email: "carol@example.com".into() }
}

impl House {
    /// An open change, and where its branch is.
    async fn open_change(&self) -> (ChangeId, CommitId) {
        let body = r#"{"metadata": {"name": "a"}, "spec": {"url": ["/a"]}}"#;
        let id = self.put(&format!("{POINT}/a"), body).await.unwrap().change.unwrap();
        self.pass_time();
        let change = self.until(&id, State::Proposed).await;
        (id, change.head.unwrap())
    }

    async fn until_merged_by(&self, id: &ChangeId, commit: CommitId) {
        let merged = self.until(id, State::Merged).await;
        assert_eq!((merged.merged, &merged.reason), (Some(commit), &None));
        self.until_no_branch_is_left().await;
        assert!(self.text_on_main("intents/shop/boutique/v1/prod/web/inbound/cart.yaml").unwrap().contains("/a"));
        let view = self.desk().view();
        assert_eq!(view.base.tree.len(), view.proposed.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_moves_main_to_our_branch_has_merged_it() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let (id, head) = house.open_change().await;
    house.move_main(head);
    house.until_merged_by(&id, head).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_merges_our_branch_with_git_has_merged_it() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let (id, head) = house.open_change().await;
    let main = house.mirror.branch("main").unwrap().unwrap();
    let tree = house.mirror.commit_info(head).unwrap().tree;
    let merge = house.mirror.commit_tree(tree, &[main, head], &carol(), 1, "by hand\n", None).unwrap();
    house.move_main(merge);
    house.until_merged_by(&id, merge).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_picks_our_commit_has_merged_it() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let (id, head) = house.open_change().await;
    let ours = house.mirror.commit_info(head).unwrap();
    let main = ours.parents[0];
    let picked = house.mirror.commit_tree(ours.tree, &[main], &carol(), 1, &ours.message, None).unwrap();
    house.move_main(picked);
    house.until_merged_by(&id, picked).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_the_same_on_main_in_their_own_words_leaves_nothing_to_merge() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let (id, head) = house.open_change().await;
    let ours = house.mirror.commit_info(head).unwrap();
    house.move_main(house.mirror.commit_tree(ours.tree, &ours.parents, &carol(), 1, "by hand\n", None).unwrap());
    let Change { merged, .. } = Change::clone(&*house.until(&id, State::Withdrawn).await);
    assert_eq!(merged, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_where_main_cannot_be_read() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let path = "intents/shop/boutique/v1/prod/web/inbound/cart.yaml";
    let before = house.text_on_main(path).unwrap();
    house.push_to_main(&[(path, "anchor: {\n")], &[]);
    house.until_main(|base| base.problems.contains_key(path)).await;
    let server = POINT.split("/clients/").next().unwrap();
    let cart = format!(r#"{{"metadata": {{"name": "cart"}}, "spec": {INBOUND}}}"#);
    let anew = house.desk().submit(submission(vec![Operation::Create(resource(server, &cart))], false)).await;
    let refusal = anew.unwrap_err();
    assert_eq!(refusal.cause, Cause::Unreadable);
    assert!(refusal.to_string().contains(path), "{refusal}");
    let body = r#"{"metadata": {"name": "a"}, "spec": {"url": ["/a"]}}"#;
    assert_eq!(cause(house.put(&format!("{POINT}/a"), body).await), Cause::Unreadable, "nor below it");
    let elsewhere = house.put("projects/other", r#"{"metadata": {"name": "other"}}"#).await;
    assert!(elsewhere.unwrap().change.is_some(), "what stands elsewhere is accepted");
    house.push_to_main(&[(path, &before)], &[]);
    house.until_main(|base| base.problems.is_empty()).await;
    house.put(&format!("{POINT}/a"), body).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_put_down_to_the_commit_that_touched_it_and_not_to_the_newest() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let first = house.mirror.branch("main").unwrap().unwrap();
    let (id, _) = house.open_change().await;
    house.approve(&id).await;
    let merged = house.merge(&id).await.unwrap().merged.unwrap();
    house.push_to_main(&[("README.md", "by hand\n")], &[]);
    let newest = house.mirror.branch("main").unwrap();
    house.until_main(|base| base.commit == newest).await;
    let group = meshwright::intent::Anchor::parse(POINT.split("/traffic-group-intents/").next().unwrap()).unwrap();
    let main = house.desk().deployed(&group);
    let of = |path: &str| main.commits.get(path).cloned();
    assert_eq!(of("intents/shop/boutique/v1/prod/web/inbound/cart.yaml"), Some(merged.to_string()));
    assert_eq!(of("intents/shop/boutique/v1/prod/_group.yaml"), Some(first.to_string()));
    assert!(main.files.iter().all(|file| of(&file.path).is_some()), "{main:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_merged_and_is_no_longer_on_main_says_so_until_it_is_there_again() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let before = house.mirror.branch("main").unwrap().unwrap();
    let (id, _) = house.open_change().await;
    house.approve(&id).await;
    let merged = house.merge(&id).await.unwrap().merged.unwrap();
    house.until_no_branch_is_left().await;
    house.move_main(before);
    house.until_main(|base| base.commit == Some(before)).await;
    let astray = house.change(&id);
    let reason = astray.reason.as_ref().unwrap();
    assert!(astray.state == State::Merged && reason.contains("no longer on main"), "{reason}");
    assert!(reason.contains(&merged.to_string()), "{reason}");
    let others = house.desk().view().changes.values().filter(|change| change.astray.is_some()).count();
    assert_eq!(others, 1, "what is still there is not accused");
    house.move_main(merged);
    house.until_main(|base| base.commit == Some(merged)).await;
    assert_eq!(house.change(&id).reason, None);
    // Forced back while nobody looks.
    stop(house).await;
    let mirror = meshwright::repo::Mirror::open(data.path().join("config.git")).unwrap();
    mirror.set_reference("refs/heads/main", Some(merged), Some(before), "push").unwrap();
    let house = open_with(data.path(), PATIENT).await;
    house.until_change(&id, |change| change.astray.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_files_that_cannot_be_read_the_first_are_named() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await;
    let paths: Vec<String> = (0..100).map(|index| format!("intents/{index}-{}.yaml", "x".repeat(100))).collect();
    let files: Vec<(&str, &str)> = paths.iter().map(|path| (path.as_str(), "anchor: {\n")).collect();
    house.push_to_main(&files, &[]);
    let bounded = |why: &str| why.len() <= 1024 && why.contains("intents/0-x") && why.ends_with("; and 97 more");
    house.until_trouble(|troubles| matches!(troubles, [("main", why)] if bounded(why))).await;
}

//! No write that was answered is forgotten before it is on main, whatever was merged meanwhile.

use meshwright::change::State;
use meshwright::change::forge::ForgeError;
use meshwright::change::submission::Cause;
use meshwright::intent::Anchor;
use meshwright::journal::MemoryJournal;
use meshwright::repo::{Edits, Identity};

use crate::TG;
use crate::desk::{House, PATIENT, TIMING, ask, eventually, open_barred, open_over, open_with, person, stop};

fn point(name: &str) -> String {
    format!("{TG}/inbound-intents/cart/clients/frontend/access-points/{name}")
}

fn body(name: &str) -> String {
    format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"url": ["/{name}"]}}}}"#)
}

impl House {
    /// A change that adds an access point, at its pull request.
    async fn proposed(&self, name: &str) -> meshwright::change::ChangeId {
        let id = self.put(&point(name), &body(name)).await.unwrap().change.unwrap();
        self.pass_time();
        self.until(&id, State::Proposed).await;
        id
    }

    fn is_there(&self, name: &str) -> bool {
        self.desk().view().proposed.get(&Anchor::parse(&point(name)).unwrap()).is_some()
    }

    /// Waits until nothing is open any more.
    async fn until_all_has_ended(&self) {
        eventually(|| {
            let view = self.desk().view();
            let open: Vec<_> = view.active().into_iter().cloned().collect();
            if open.is_empty() { Ok(()) } else { Err(open) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_cancels_one_which_a_human_merges_is_not_lost() {
    let data = tempfile::tempdir().unwrap();
    let (house, line) = open_barred(data.path(), PATIENT).await;
    let house = house.with_minimal_mesh().await;
    let id = house.proposed("a").await;
    let head = house.change(&id).head.unwrap();
    line.bar("close_pull", ForgeError::Unavailable("told to".into()));
    let calls = line.count("close_pull");
    house.delete(&point("a")).await.unwrap();
    eventually(|| if line.count("close_pull") > calls { Ok(()) } else { Err(calls) }).await;
    house.move_main(head);
    line.unbar();
    house.until(&id, State::Merged).await;
    assert!(!house.is_there("a"), "its deletion was answered");
    let left = house.desk().view().active()[0].id.clone();
    house.pass_time();
    house.until(&left, State::Proposed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_head_than_the_recorded_one_held_is_not_taken_for_merged() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let id = house.proposed("a").await;
    let one = house.change(&id).head.unwrap();
    house.put(&point("b"), &body("b")).await.unwrap();
    let change = house.until_change(&id, |c| c.head != Some(one) && c.state == State::Draft).await;
    let mirror = house.mirror.clone();
    stop(house).await;
    // What a power failure leaves of a reference that was not synced; then somebody merges what is there.
    mirror.set_reference(&format!("refs/heads/{}", change.branch), change.head, Some(one), "lost").unwrap();
    mirror.set_reference("refs/heads/main", mirror.branch("main").unwrap(), Some(one), "push").unwrap();
    let house = open_with(data.path(), PATIENT).await;
    house.until(&id, State::Merged).await;
    assert!(house.is_there("a") && house.is_there("b"), "both were answered");
    let left = house.desk().view().active()[0].id.clone();
    // The clock of the server before was ahead.
    house.pass_time();
    house.pass_time();
    house.until(&left, State::Proposed).await;
    house.approve(&left).await;
    house.merge(&left).await.unwrap();
    house.until_all_has_ended().await;
    assert!(house.text_on_main("intents/shop/boutique/v1/prod/web/inbound/cart.yaml").unwrap().contains("/b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_ours_that_a_disk_lost_is_made_anew() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let id = house.proposed("a").await;
    let head = house.change(&id).head.unwrap();
    let objects = house.mirror.path().join("objects");
    stop(house).await;
    let text = head.to_string();
    let object = objects.join(&text[..2]).join(&text[2..]);
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "").unwrap();
    let house = open_with(data.path(), PATIENT).await;
    house.until_change(&id, |change| change.head.is_some_and(|now| now != head)).await;
    house.pass_time();
    house.pass_time();
    house.until(&id, State::Proposed).await;
    assert_eq!(house.desk().troubles(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_text_is_overwritten_like_any_other() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let main = house.mirror.branch("main").unwrap().unwrap();
    let path = house.files_on_main().into_iter().find(|path| path.contains("authorizationpolicy")).unwrap();
    let mut bytes = house.text_on_main(&path).unwrap().into_bytes();
    bytes.extend(b"# caf\xe9\n");
    let mut edits = Edits::new();
    edits.write(path, bytes);
    let tree = house.mirror.tree_with(house.mirror.commit_info(main).unwrap().tree, &edits).unwrap();
    let by = Identity { name: "Carol".into(), email: "carol@example.com".into() };
    let edited = house.mirror.commit_tree(tree, &[main], &by, 1, "by hand\n", None).unwrap();
    house.move_main(edited);
    house.until_main(|base| base.commit == Some(edited)).await;
    house.proposed("a").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_that_an_intent_says_too_is_none_any_more() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let id = house.proposed("a").await;
    let plan = house.desk().proposal(&id).unwrap();
    let file = plan.plan.files.iter().find(|file| file.path.contains("authorizationpolicy")).unwrap();
    house.push_to_main(&[(&file.path, &file.new)], &[]);
    house.until_main(|base| !base.drift.is_empty()).await;
    let digest = plan.digest.clone();
    house.until_change(&id, |c| c.state == State::Proposed && c.digest.as_ref() != Some(&digest)).await;
    house.approve(&id).await;
    house.merge(&id).await.unwrap();
    assert_eq!(house.desk().view().base.drift, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_change_shows_what_it_would_have_done_and_nothing_of_others() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let id = house.proposed("a").await;
    let paths = || -> Vec<String> {
        house.desk().proposal(&id).unwrap().plan.files.iter().map(|file| file.path.clone()).collect()
    };
    let before = paths();
    let other = house.put("projects/other", r#"{"metadata": {"name": "other"}}"#).await.unwrap().change.unwrap();
    house.pass_time();
    house.until(&other, State::Proposed).await;
    house.approve(&other).await;
    house.merge(&other).await.unwrap();
    // Its branch is right as it is, on the main that it was rendered on.
    let covers = house.change(&id).covers;
    let longer = body("a").replace(r#""name": "a""#, r#""name": "a", "description": "x""#);
    house.put(&point("a"), &longer).await.unwrap();
    house.put(&point("a"), &body("a")).await.unwrap();
    house.until_change(&id, |change| change.covers > covers).await;
    house.desk().withdraw(&id, true, ask(person("github:bob"))).await.unwrap();
    assert_eq!(paths(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_back_stops_nobody_from_looking() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), TIMING).await.with_minimal_mesh().await;
    house.pass_time();
    house.push_to_main(&[("README.md", "x\n")], &[]);
    let main = house.mirror.branch("main").unwrap();
    house.until_main(|base| base.commit == main).await;
    house.set_back();
    house.push_to_main(&[("README.md", "y\n")], &[]);
    let main = house.mirror.branch("main").unwrap();
    house.until_main(|base| base.commit == main).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_takes_writes_again_is_found_out_while_nobody_writes() {
    let (data, journal) = (tempfile::tempdir().unwrap(), MemoryJournal::new());
    let house = open_over(data.path(), journal.clone()).await;
    eventually(|| if house.parts.readiness().is_ready() { Ok(()) } else { Err(house.desk().troubles()) }).await;
    journal.fail_next(2);
    let refused = house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap_err();
    assert_eq!(refused.cause, Cause::Unavailable);
    assert!(house.desk().troubles().iter().any(|(part, _)| *part == "journal"));
    eventually(|| if house.parts.readiness().is_ready() { Ok(()) } else { Err(house.desk().troubles()) }).await;
}

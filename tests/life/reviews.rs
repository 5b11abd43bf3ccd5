//! Who approves, merges and refuses what.

use std::sync::Arc;

use meshwright::change::forge::{ForgeError, Review, Verdict};
use meshwright::change::submission::{Cause, Operation};
use meshwright::change::{Ask, Change, Forge, Meant, Person, State, Timestamp};

use crate::desk::{
    House, MINIMAL, PATIENT, TIMING, ask, cause, open, open_barred, open_with, person, resource, submission,
};

#[tokio::test(flavor = "multi_thread")]
async fn who_says_which_commit_they_looked_at_approves_and_merges_no_other() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    let seen = house.until(&id, State::Proposed).await.head.unwrap();
    house.put("projects/shop", r#"{"metadata": {"name": "shop", "description": "later"}}"#).await.unwrap();
    let now = house.until_change(&id, |change| change.head != Some(seen)).await.head.unwrap();
    house.until(&id, State::Proposed).await;
    let meant = |head: &dyn std::fmt::Display| Meant::Head(head.to_string());
    let approve = async |meant: Meant| {
        house.desk().review(&id, Verdict::Approve, Ask { meant, ..ask(person("github:bob")) }).await
    };
    let refusal = approve(meant(&seen)).await.unwrap_err();
    assert!(refusal.to_string().contains(&format!("holds commit {now} by now, not {seen}")), "{refusal}");
    assert_eq!(approve(meant(&now)).await.unwrap().state, State::Approved);
    let merge = async |meant: Meant| house.desk().merge(&id, Ask { meant, ..ask(person("github:bob")) }).await;
    assert_eq!(cause(merge(meant(&seen)).await), Cause::WrongState);
    assert_eq!(merge(meant(&now)).await.unwrap().state, State::Merged);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_requesters_own_approval_does_not_count() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    let own = house.desk().review(&id, Verdict::Approve, ask(person("github:alice"))).await;
    assert_eq!(cause(own), Cause::WrongState);
}

#[tokio::test(flavor = "multi_thread")]
async fn local_may_approve_its_own_change() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let mut posted =
        submission(vec![Operation::Put(resource("projects/one", r#"{"metadata": {"name": "one"}}"#))], true);
    posted.by = Person::local();
    let id = house.desk().submit(posted).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    let approved = house.desk().review(&id, Verdict::Approve, ask(Person::local())).await.unwrap();
    assert_eq!(approved.state, State::Approved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_change_leaves_the_proposed_view_and_keeps_the_words() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    let rejected = house
        .desk()
        .withdraw(&id, true, Ask { words: "not this week".into(), ..ask(person("github:bob")) })
        .await
        .unwrap();
    assert_eq!(rejected.state, State::Rejected);
    assert_eq!(rejected.reason.as_deref(), Some("github:bob: not this week"));
    assert!(house.desk().view().proposed.is_empty());
    house.until_no_branch_is_left().await;
}

const LATER: &str = r#"{"metadata": {"name": "one", "description": "later"}}"#;

/// A change that somebody approved on the forge itself, and to which a write of the approver came before Meshwright looked
/// again; `given` says when the approval was given.
async fn reviewed_unseen(data: &std::path::Path, given: impl Fn(&Change) -> Timestamp) -> (House, Arc<Change>) {
    let (house, line) = open_barred(data, TIMING).await;
    let one = Operation::Put(resource("projects/one", r#"{"metadata": {"name": "one"}}"#));
    let id = house.desk().submit(submission(vec![one], true)).await.unwrap().change.unwrap();
    let seen = house.until(&id, State::Proposed).await;
    line.bar("refresh", ForgeError::Unavailable("told to".into()));
    house.until_trouble(|troubles| !troubles.is_empty()).await;
    let mut late = submission(vec![Operation::Put(resource("projects/one", LATER))], true);
    late.by = person("github:bob");
    assert_eq!(house.desk().submit(late).await.unwrap().change.as_ref(), Some(&id));
    let (by, verdict, at) = (person("github:bob"), Verdict::Approve, given(&house.change(&id)));
    let review = Review { by, verdict, head: seen.head.unwrap(), at, words: String::new() };
    house.forge().review(seen.pull.unwrap(), &review).await.unwrap();
    line.unbar();
    (house, seen)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_an_approval_that_nobody_saw_yet_waits_for_the_next_change() {
    let data = tempfile::tempdir().unwrap();
    let (house, seen) = reviewed_unseen(data.path(), |change| change.unsettled).await;
    let approved = house.until(&seen.id, State::Approved).await;
    assert!(approved.sealed && approved.head == seen.head && approved.requesters == seen.requesters, "{approved:?}");
    let next = house.desk().view().active().into_iter().find(|change| change.id != seen.id).unwrap().id.clone();
    house
        .until_change(&next, |change| change.reason.as_deref().is_some_and(|why| why.contains(seen.id.as_str())))
        .await;
    assert_eq!(house.merge(&seen.id).await.unwrap().state, State::Merged);
    assert!(!house.text_on_main("topology/projects/one/_project.yaml").unwrap().contains("later"));
    house.until(&next, State::Proposed).await;
    house.desk().review(&next, Verdict::Approve, ask(person("github:carol"))).await.unwrap();
    house.merge(&next).await.unwrap();
    assert!(house.text_on_main("topology/projects/one/_project.yaml").unwrap().contains("later"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_was_given_after_something_else_was_asked_for_is_void() {
    let data = tempfile::tempdir().unwrap();
    let (house, seen) = reviewed_unseen(data.path(), |change| change.unsettled.plus(1)).await;
    let pushed =
        house.until_change(&seen.id, |change| change.head != seen.head && change.state == State::Proposed).await;
    assert!(!pushed.sealed);
    assert_eq!(pushed.reason.as_deref(), Some("needs 1 more approval"));
    assert_eq!(house.desk().view().active().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_change_is_not_merged_while_a_plugin_has_to_answer_for_it() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    house.approve(&id).await;
    // Its head is still what main would become without the plugin.
    house.push_to_main(&[("meshwright.yaml", "plugins: [{name: np, version: '1', kinds: [inbound-intents]}]\n")], &[]);
    let refused = house.merge(&id).await.unwrap_err();
    assert_eq!(refused.cause, Cause::WrongState, "{refused}");
    let blocked = house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("the plugin np is reached nowhere"), "{blocked:?}");
    house.push_to_main(&[("meshwright.yaml", "renderer: 1\n")], &[]);
    house.until(&id, State::Approved).await;
    assert_eq!(house.merge(&id).await.unwrap().state, State::Merged);
}

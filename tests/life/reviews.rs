//! Who approves, merges and refuses what.

use meshwright::change::forge::Verdict;
use meshwright::change::submission::{Cause, Operation};
use meshwright::change::{Ask, Meant, Person, State};

use crate::desk::{MINIMAL, PATIENT, ask, cause, open, open_with, person, resource, submission};

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

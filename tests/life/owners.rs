//! Whose approval a change needs besides the number: the owners that CODEOWNERS on main names.

use std::sync::Arc;

use meshwright::change::forge::{ForgeError, Verdict};
use meshwright::change::submission::{Cause, Operation};
use meshwright::change::{Change, ChangeId, Person, State};

use crate::desk::{House, PATIENT, ask, cause, open, open_barred, open_with, person, resource, submission};

const PLACE: &str = ".github/CODEOWNERS";

/// Has CODEOWNERS say that, and waits until it is known: a round that began before would propose without it.
async fn name_owners(house: &House, owners: &str) {
    house.push_to_main(&[(PLACE, owners)], &[]);
    let main = house.mirror.branch("main").unwrap();
    house.until_main(|base| base.commit == main).await;
}

/// A change of project `one` that waits for review, where `owners` is what CODEOWNERS says.
async fn proposed(house: &House, owners: &str) -> ChangeId {
    name_owners(house, owners).await;
    let id = house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    id
}

async fn approve(house: &House, id: &ChangeId, by: &str) -> Arc<Change> {
    house.desk().review(id, Verdict::Approve, ask(person(by))).await.unwrap()
}

fn reason(change: &Change) -> &str {
    change.reason.as_deref().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_has_to_approve_what_they_own_and_somebody_else_does_not_do() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = proposed(&house, "* @x\n/topology/ @Carol\n").await;
    let approved = approve(&house, &id, "github:bob").await;
    assert_eq!(approved.state, State::Proposed);
    assert_eq!(reason(&approved), "needs an approval of @carol, who owns topology/projects/one/_project.yaml");
    assert_eq!(cause(house.merge(&id).await), Cause::WrongState);
    assert_eq!(approve(&house, &id, "github:carol").await.state, State::Approved);
    assert_eq!(house.merge(&id).await.unwrap().state, State::Merged);
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_are_looked_at_again_when_main_names_others() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = proposed(&house, "* @bob\n").await;
    assert_eq!(approve(&house, &id, "github:bob").await.state, State::Approved);
    house.push_to_main(&[(PLACE, "* @carol\n")], &[]);
    let waits = house.until(&id, State::Proposed).await;
    assert!(reason(&waits).starts_with("needs an approval of @carol"), "{waits:?}");
    assert_eq!(cause(house.merge(&id).await), Cause::WrongState);
    house.push_to_main(&[], &[PLACE]);
    house.until(&id, State::Approved).await;
    house.push_to_main(&[("docs/CODEOWNERS", "* @carol\n")], &[]);
    house.until(&id, State::Proposed).await;
    let settings = house.text_on_main("meshwright.yaml").unwrap();
    house.push_to_main(&[("meshwright.yaml", &format!("{settings}codeOwners: false\n"))], &[]);
    house.until(&id, State::Approved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_grows_needs_the_owners_of_what_it_grew_by() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await;
    name_owners(&house, "/topology/projects/one/ @bob\n/topology/projects/two/ @carol\n").await;
    let put = |names: &[&str]| {
        let body = |name: &str| format!(r#"{{"metadata": {{"name": "{name}"}}}}"#);
        let put = |name: &&str| Operation::Put(resource(&format!("projects/{name}"), &body(name)));
        house.desk().submit(submission(names.iter().map(put).collect(), true))
    };
    let id = put(&["one"]).await.unwrap().change.unwrap();
    let narrow = house.until(&id, State::Proposed).await;
    assert_eq!(
        reason(&narrow),
        "needs 1 more approval; needs an approval of @bob, who owns topology/projects/one/_project.yaml"
    );
    let longer = r#"{"metadata": {"name": "one", "description": "longer"}}"#;
    let mut both = submission(vec![Operation::Put(resource("projects/one", longer))], true);
    both.operations.push(Operation::Put(resource("projects/two", r#"{"metadata": {"name": "two"}}"#)));
    assert_eq!(house.desk().submit(both).await.unwrap().change.as_ref(), Some(&id));
    house.until_change(&id, |change| change.head != narrow.head && change.state == State::Proposed).await;
    let approved = approve(&house, &id, "github:bob").await;
    assert_eq!(reason(&approved), "needs an approval of @carol, who owns topology/projects/two/_project.yaml");
    assert_eq!(approve(&house, &id, "github:carol").await.state, State::Approved);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_team_approve_for_it_and_the_forge_is_rarely_asked_who_they_are() {
    let data = tempfile::tempdir().unwrap();
    let (house, forge) = open_barred(data.path(), PATIENT).await;
    forge.gather("acme/mesh", &["github:Carol"]);
    name_owners(&house, "* @Acme/Mesh\n").await;
    let bundle = submission(vec![Operation::Put(resource("projects/one", r#"{"metadata": {"name": "one"}}"#))], true);
    let id = house.desk().submit(bundle).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    let approved = approve(&house, &id, "github:bob").await;
    assert!(reason(&approved).starts_with("needs an approval of @acme/mesh"), "{approved:?}");
    assert_eq!(approve(&house, &id, "github:carol").await.state, State::Approved);
    assert_eq!(forge.count("members"), 1);
    forge.gather("acme/mesh", &["github:dave"]);
    house.pass_time();
    house.until(&id, State::Proposed).await;
    assert_eq!(forge.count("members"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_that_the_forge_does_not_tell_approves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (house, forge) = open_barred(data.path(), PATIENT).await;
    forge.gather("acme/mesh", &["github:bob"]);
    forge.bar("members", ForgeError::Unavailable("HTTP 502".into()));
    name_owners(&house, "* @acme/mesh\n").await;
    let bundle = submission(vec![Operation::Put(resource("projects/one", r#"{"metadata": {"name": "one"}}"#))], true);
    let id = house.desk().submit(bundle).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    let approved = approve(&house, &id, "github:bob").await;
    assert_eq!(approved.state, State::Proposed);
    assert!(
        reason(&approved).contains("who is in @acme/mesh is not known: the forge did not answer: HTTP 502"),
        "{approved:?}"
    );
    forge.unbar();
    house.pass_time();
    house.until(&id, State::Approved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_approve_for_the_owners_the_change_says_what_to_do() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = proposed(&house, "* docs@example.com @acme/mesh\n").await;
    let approved = approve(&house, &id, "github:bob").await;
    assert_eq!(approved.state, State::Proposed);
    assert_eq!(
        reason(&approved),
        "no owner can approve topology/projects/one/_project.yaml: who is in @acme/mesh is not known: there are no \
         teams without a forge; let Meshwright read its members, or name another owner in CODEOWNERS on main; nobody knows which login docs@example.com has; name @login or \
         @organisation/team in CODEOWNERS on main"
    );
    let local = house.desk().review(&id, Verdict::Approve, ask(Person::local())).await.unwrap();
    assert_eq!(local.state, State::Approved, "without credentials everybody is local, the owners too");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_codeowners_that_cannot_be_read_are_warnings_and_a_file_that_cannot_holds_all_back() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = proposed(&house, "* @bob\n!x @carol\n").await;
    let plan = &house.desk().proposal(&id).unwrap().plan;
    let lines: Vec<_> = plan.findings.iter().map(|finding| (finding.rule.as_ref(), finding.place.line)).collect();
    assert_eq!(lines, [("codeowners/line", 2)]);
    house.push_to_main(&[(PLACE, &"# long\n".repeat(500_000))], &[]);
    let blocked = house.until(&id, State::Blocked).await;
    assert!(reason(&blocked).contains(".github/CODEOWNERS: the file has 3500000 bytes"), "{blocked:?}");
    house.push_to_main(&[(PLACE, "* @bob\n")], &[]);
    house.until(&id, State::Proposed).await;
}

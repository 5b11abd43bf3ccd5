//! How changes end when things go wrong on the way.

use meshwright::change::forge::{ForgeError, PullState};
use meshwright::change::submission::Cause;
use meshwright::change::{Ask, ChangeId, State};
use meshwright::config::{Config, Millis};

use crate::desk::{MINIMAL, TIMING, ask, eventually, open_barred, open_configured, person, stop};

fn at_least(count: usize, least: usize) -> Result<(), usize> {
    if count >= least { Ok(()) } else { Err(count) }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_rejects_a_change_is_believed_before_the_forge_has_heard_of_it() {
    let data = tempfile::tempdir().unwrap();
    let (house, line) = open_barred(data.path(), TIMING).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    line.bar("close_pull", ForgeError::Unavailable("told to".into()));
    let rejected = house
        .desk()
        .withdraw(&id, true, Ask { words: "not this week".into(), ..ask(person("github:bob")) })
        .await
        .unwrap();
    assert_eq!(rejected.state, State::Rejected);
    assert!(house.desk().view().proposed.is_empty());
    assert_eq!(house.our_branches().len(), 1, "it is not cleared away yet");
    line.unbar();
    house.until_no_branch_is_left().await;
    let pull = house.pull_of(&rejected).await;
    let closed = PullState::Closed { by: Some(person("github:bob")), words: "not this week".into() };
    assert_eq!(pull.state, closed, "the words are on the pull request, and whose they are");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_forge_refuses_is_told_with_a_remedy_and_not_repeated_at_every_look() {
    let data = tempfile::tempdir().unwrap();
    let (house, line) = open_barred(data.path(), TIMING).await;
    line.bar("push", ForgeError::Refused("protected branch hook declined".into()));
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    let blocked = house.until(&id, State::Blocked).await;
    let reason = blocked.reason.as_ref().unwrap();
    assert!(reason.contains("hook declined") && reason.contains("withdraw"), "{reason}");
    let looks = line.count("refresh");
    eventually(|| at_least(line.count("refresh"), looks + 40)).await;
    // However long forty looks take: each wait is twice as long as the one before.
    assert!(line.count("push") < 20, "{} pushes", line.count("push"));
    line.unbar();
    house.pass_time();
    house.until(&id, State::Proposed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_the_forge_keeps_keeps_nobody_from_anything() {
    let data = tempfile::tempdir().unwrap();
    let (house, line) = open_barred(data.path(), TIMING).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    line.bar("push", ForgeError::Refused("branches are never deleted here".into()));
    house.desk().withdraw(&id, false, ask(person("github:alice"))).await.unwrap();
    let looks = line.count("refresh");
    eventually(|| {
        assert_eq!(house.desk().troubles(), []);
        at_least(line.count("refresh"), looks + 40)
    })
    .await;
    assert!(line.count("push") < 20, "{} pushes", line.count("push"));
    line.unbar();
    house.pass_time();
    house.until_no_branch_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_long_ago_is_forgotten_and_git_still_knows_it() {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config { data: data.path().to_owned(), ..Config::default() };
    config.changes.keep = Millis(0);
    let house = open_configured(&config, TIMING).await.with_minimal_mesh().await;
    eventually(|| at_least(0, house.desk().view().changes.len())).await;
    let merge = house.mirror.commit_info(house.mirror.branch("main").unwrap().unwrap()).unwrap();
    let id = ChangeId::parse(&merge.trailer("Change-Id").unwrap()).unwrap();
    let refusal = house.desk().change(&id).unwrap_err();
    assert_eq!(refusal.cause, Cause::NotFound);
    assert!(refusal.to_string().contains(&format!("git log --grep 'Change-Id: {id}'")), "{refusal}");
    stop(house).await;
    let house = open_configured(&config, TIMING).await;
    assert!(house.desk().view().changes.is_empty(), "its pull request does not bring it back");
    assert_eq!(house.desk().view().base.tree.len(), house.desk().view().proposed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_carries_nothing_any_more_is_not_ready() {
    let data = tempfile::tempdir().unwrap();
    let (house, line) = open_barred(data.path(), TIMING).await;
    assert_eq!(house.desk().troubles(), []);
    line.break_down();
    let stopped = |(part, why): &(&str, String)| *part == "worker" && why.contains("restart");
    house.until_trouble(|troubles| troubles.iter().any(stopped)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_left_behind_while_the_server_runs_is_named_and_its_removal_helps() {
    let data = tempfile::tempdir().unwrap();
    let (house, line) = open_barred(data.path(), TIMING).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    house.approve(&id).await;
    let lock = house.mirror.path().join("refs/heads/main.lock");
    let file = std::fs::File::create(&lock).unwrap();
    let refusal = house.merge(&id).await.unwrap_err();
    assert_eq!(refusal.cause, Cause::Unavailable);
    assert!(
        refusal.to_string().contains("refs/heads/main.lock of the config repository stands in the way"),
        "{refusal}"
    );
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(120)).unwrap();
    house
        .until_trouble(
            |troubles| matches!(troubles, [("mirror", why)] if why.contains("remove that file if none runs")),
        )
        .await;
    std::fs::remove_file(&lock).unwrap();
    house.until_trouble(|troubles| troubles.is_empty()).await;
    assert_eq!(house.merge(&id).await.unwrap().state, State::Merged);
    line.bar("refresh", ForgeError::Unavailable("told to".into()));
    house.until_trouble(|troubles| matches!(troubles, [("forge", why)] if why.contains("told to"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_at_a_change_that_ended_costs_the_forge_nothing() {
    let data = tempfile::tempdir().unwrap();
    let (house, line) = open_barred(data.path(), TIMING).await;
    let house = house.with_minimal_mesh().await;
    house.until_no_branch_is_left().await;
    let id = house.desk().view().changes.keys().next().unwrap().clone();
    line.bar("find_pull", ForgeError::Unavailable("told to".into()));
    let reviews = house.desk().reviews(&id).await.unwrap();
    assert_eq!(reviews.iter().map(|review| review.by.name.as_str()).collect::<Vec<_>>(), ["github:bob"]);
    let (one, two) = (house.desk().proposal(&id).unwrap(), house.desk().proposal(&id).unwrap());
    assert!(std::sync::Arc::ptr_eq(&one, &two), "it is not planned again");
}

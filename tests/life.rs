//! The life of a change over a real journal, a real repository and the embedded forge.

#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub, reason = "all of this is a test")]

#[path = "life/adoption.rs"]
mod adoption;
#[path = "life/asking.rs"]
mod asking;
#[path = "life/desk.rs"]
mod desk;
#[path = "life/ends.rs"]
mod ends;
#[path = "life/events.rs"]
mod events;
#[path = "forge_contract/faulty.rs"]
mod faulty;
#[path = "life/humans.rs"]
mod humans;
#[path = "life/outbound.rs"]
mod outbound;
#[path = "life/owners.rs"]
mod owners;
#[path = "life/reviews.rs"]
mod reviews;
#[path = "life/sealing.rs"]
mod sealing;
#[path = "life/starting.rs"]
mod starting;
mod tls;
#[path = "life/topology.rs"]
mod topology;
#[path = "life/writes.rs"]
mod writes;

use std::sync::Arc;

use desk::{
    MINIMAL, PATIENT, TIMING, ask, cause, open, open_behind, open_configured, open_with, person, resource, stop,
    submission,
};
use faulty::{Fault, Faulty};
use meshwright::change::forge::Verdict;
use meshwright::change::submission::{Cause, Operation};
use meshwright::change::{State, Timing};
use meshwright::config::Config;
use meshwright::repo::{Edits, Identity, Mirror, TreeId};

const TG: &str = "projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/web";

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_becomes_a_pull_request_and_once_merged_its_files_are_on_main() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let receipt = house.post_bundle(MINIMAL).await.unwrap();
    let id = receipt.change.unwrap();
    let change = house.until(&id, State::Proposed).await;
    assert_eq!(house.our_branches(), std::slice::from_ref(&change.branch));
    assert_eq!(cause(house.merge(&id).await), Cause::WrongState, "nobody approved it yet");
    assert_eq!(house.approve(&id).await.state, State::Approved);
    let merged = house.merge(&id).await.unwrap();
    assert_eq!(merged.state, State::Merged);
    house.until_no_branch_is_left().await;
    let files = house.files_on_main();
    assert!(files.iter().any(|path| path.starts_with("clusters/")), "{files:?}");
    assert!(files.iter().any(|path| path.starts_with("intents/")), "{files:?}");
    let info = house.mirror.commit_info(merged.merged.unwrap()).unwrap();
    assert_eq!(info.trailer("Approved-by").as_deref(), Some("github:bob"));
    assert_eq!(house.desk().view().base.tree.len(), house.desk().view().proposed.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn posting_the_same_bundle_again_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    assert_eq!(house.post_bundle(MINIMAL).await.unwrap().change, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_writes_become_a_draft_that_is_ready_when_nothing_more_comes() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let access_point = format!("{TG}/inbound-intents/cart/clients/frontend/access-points/read");
    let body = r#"{"metadata": {"name": "read"}, "spec": {"url": ["/status/*"], "access": ["GET"]}}"#;
    let id = house.put(&access_point, body).await.unwrap().change.unwrap();
    house.until(&id, State::Draft).await;
    house.pass_time();
    house.until(&id, State::Proposed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_cancel_each_other_close_the_change() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let access_point = format!("{TG}/inbound-intents/cart/clients/frontend/access-points/read");
    let body = r#"{"metadata": {"name": "read"}, "spec": {"url": ["/status/*"], "access": ["GET"]}}"#;
    let id = house.put(&access_point, body).await.unwrap().change.unwrap();
    house.until(&id, State::Draft).await;
    assert_eq!(house.delete(&access_point).await.unwrap().change, Some(id.clone()));
    house.until(&id, State::Withdrawn).await;
    house.until_no_branch_is_left().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_write_amends_an_open_change_and_voids_its_approval_only_before_it_is_sealed() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await.with_minimal_mesh().await;
    let point = |name: &str| format!("{TG}/inbound-intents/cart/clients/frontend/access-points/{name}");
    let body = |name: &str| format!(r#"{{"metadata": {{"name": "{name}"}}, "spec": {{"url": ["/{name}"]}}}}"#);
    let id = house.put(&point("a"), &body("a")).await.unwrap().change.unwrap();
    house.pass_time();
    house.until(&id, State::Proposed).await;
    assert_eq!(house.put(&point("b"), &body("b")).await.unwrap().change, Some(id.clone()), "it amends");
    assert_ne!(house.change(&id).state, State::Proposed, "what is on its branch is not what it is about");
    house.until(&id, State::Draft).await;
    house.pass_time();
    house.until(&id, State::Proposed).await;
    let approved = house.approve(&id).await;
    assert!(approved.sealed);
    let next = house.put(&point("c"), &body("c")).await.unwrap().change.unwrap();
    assert_ne!(next, id, "what comes after a valid approval waits for the next change");
    house.until(&next, State::Journaled).await;
    house.merge(&id).await.unwrap();
    house.pass_time();
    house.until(&next, State::Proposed).await;
    house.approve(&next).await;
    house.merge(&next).await.unwrap();
    let text = house.text_on_main("intents/shop/boutique/v1/prod/web/inbound/cart.yaml").unwrap();
    for name in ["/a", "/b", "/c"] {
        assert!(text.contains(name), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_over_several_open_changes_takes_them_over() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await;
    let first = house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    // Of two that began in one millisecond nobody knows which came first.
    house.until(&first, State::Draft).await;
    let second = house.put("projects/two", r#"{"metadata": {"name": "two"}}"#).await.unwrap().change.unwrap();
    house.until(&second, State::Draft).await;
    let both = "anchor: projects\nmetadata: {name: one, description: x}\n---\nanchor: projects\nmetadata: {name: two, description: x}\n";
    assert_eq!(house.post_bundle(both).await.unwrap().change, Some(first.clone()));
    let superseded = house.until(&second, State::Superseded).await;
    assert_eq!(superseded.superseded_by, Some(first.clone()));
    let change = house.until(&first, State::Proposed).await;
    assert_eq!(house.our_branches(), std::slice::from_ref(&change.branch));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_journal_loses_nothing_that_was_merged_and_open_changes_are_taken_over() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let merged = house.desk().view().base.tree.len();
    let id = house.put("projects/more", r#"{"metadata": {"name": "more"}}"#).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    stop(house).await;
    lose_journal(data.path());
    let house = open(data.path()).await;
    assert_eq!(house.desk().view().base.tree.len(), merged);
    house.until(&id, State::Proposed).await;
    assert_eq!(house.desk().view().proposed.len(), merged + 1);
    house.approve(&id).await;
    house.merge(&id).await.unwrap();
    assert_eq!(house.desk().view().base.tree.len(), merged + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_again_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    stop(house).await;
    let house = open(data.path()).await;
    house.until(&id, State::Proposed).await;
    assert_eq!(house.our_branches().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_human_commit_on_our_branch_is_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await;
    let id = house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    let change = house.until(&id, State::Proposed).await;
    let head = change.head.unwrap();
    let info = house.mirror.commit_info(head).unwrap();
    let by = Identity { name: "Carol".into(), email: "carol@example.com".into() };
    let human = house.mirror.commit_tree(info.tree, &[head], &by, 1, "by hand\n", None).unwrap();
    house.mirror.set_reference(&format!("refs/heads/{}", change.branch), Some(head), Some(human), "push").unwrap();
    let blocked = house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("somebody else pushed"));
    assert_eq!(house.mirror.branch(&change.branch).unwrap(), Some(human));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_reaches_main_while_the_server_runs_holds_every_change_back() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let id = house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    house.push_to_main(&[("policies/names.rego", "package names\n")], &[]);
    let blocked = house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("policies/names.rego"), "{:?}", blocked.reason);
    house.push_to_main(&[], &["policies/names.rego"]);
    house.until(&id, State::Proposed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_path_is_taken_on_main_is_blocked_and_names_it() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    house.push_to_main(&[("topology/projects/one", "not a folder\n")], &[]);
    let id = house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    let blocked = house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("topology/projects/one/"), "{:?}", blocked.reason);
    assert_eq!(house.desk().troubles(), [], "the others can go on");
    house.push_to_main(&[], &["topology/projects/one"]);
    house.until(&id, State::Proposed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn main_moving_elsewhere_keeps_the_approval_and_where_it_matters_renders_again() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let point = format!("{TG}/inbound-intents/cart/clients/frontend/access-points/a");
    let body = r#"{"metadata": {"name": "a"}, "spec": {"url": ["/a"]}}"#;
    let ours = house.put(&point, body).await.unwrap().change.unwrap();
    house.until(&ours, State::Proposed).await;
    house.approve(&ours).await;
    let other = house.put("projects/other", r#"{"metadata": {"name": "other"}}"#).await.unwrap().change.unwrap();
    house.until(&other, State::Proposed).await;
    house.approve(&other).await;
    let head = house.change(&ours).head;
    house.merge(&other).await.unwrap();
    let after = house.until(&ours, State::Approved).await;
    assert_eq!(after.head, head, "it was left alone");
    house.merge(&ours).await.unwrap();
    assert!(house.files_on_main().iter().any(|path| path.contains("projects/other")));
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictions_are_refused_and_both_intents_are_named() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let path = format!("{TG}/inbound-intents/twin");
    let body = r#"{"metadata": {"name": "twin"}, "spec": {"app": "cart", "appLabel": "app=other", "serviceName": "cartservice", "port": 9999, "protocol": "HTTP", "serviceMesh": "istio"}}"#;
    let refusal =
        house.desk().submit(submission(vec![Operation::Create(resource(&path, body))], false)).await.unwrap_err();
    assert_eq!(refusal.cause, Cause::Conflict);
    let message = &refusal.obstacles[0].message;
    assert!(message.contains("inbound-intents/twin") && message.contains("inbound-intents/cart"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_of_the_topology_blocks_the_change_and_not_the_write() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let path = format!("{TG}/inbound-intents/nowhere");
    let body = r#"{"metadata": {"name": "nowhere"}, "spec": {"app": "nowhere", "appLabel": "app=nowhere", "serviceName": "nowhere", "port": 80, "protocol": "HTTP", "serviceMesh": "istio"}}"#;
    let id = house.put(&path, body).await.unwrap().change.unwrap();
    let blocked = house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("no app `nowhere`"), "{:?}", blocked.reason);
    let approval = house.desk().review(&id, Verdict::Approve, ask(person("github:bob"))).await;
    assert_eq!(cause(approval), Cause::WrongState, "approving what is blocked would seal it against its own cure");
    let as_bundle = house.desk().submit(submission(vec![Operation::Put(resource(&path, body))], true)).await;
    assert!(as_bundle.is_ok(), "it is unchanged, so there is nothing to judge");
    let group = meshwright::intent::Anchor::parse(&path).unwrap().parent().unwrap().parent().unwrap();
    assert_eq!(cause(house.desk().submit(submission(vec![Operation::Approve(group)], false)).await), Cause::Incomplete);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_plain_git_server_branches_and_main_live_there() {
    let (data, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let remote = Mirror::open_or_init(elsewhere.path(), "main").unwrap();
    let by = Identity { name: "Owner".into(), email: "owner@example.com".into() };
    let mut edits = Edits::new();
    edits.write("meshwright.yaml", "approvals: 1\n");
    let tree = remote.tree_with(TreeId::EMPTY, &edits).unwrap();
    let first = remote.commit_tree(tree, &[], &by, 1, "begin\n", None).unwrap();
    remote.set_reference("refs/heads/main", None, Some(first), "begin").unwrap();
    let mut config = Config { data: data.path().to_owned(), ..Config::default() };
    config.repository.remote = Some(elsewhere.path().to_string_lossy().into_owned());
    let house = open_configured(&config, TIMING).await;
    let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
    let change = house.until(&id, State::Proposed).await;
    assert_eq!(remote.branch(&change.branch).unwrap(), change.head);
    house.approve(&id).await;
    let merged = house.merge(&id).await.unwrap();
    assert_eq!(remote.branch("main").unwrap(), merged.merged);
    assert_eq!(remote.branch(&change.branch).unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_git_server_gets_its_first_commit_and_one_without_main_is_waited_for() {
    let elsewhere = tempfile::tempdir().unwrap();
    let remote = Mirror::open_or_init(elsewhere.path(), "main").unwrap();
    let house = async |data: &std::path::Path| {
        let mut config = Config { data: data.to_owned(), ..Config::default() };
        config.repository.remote = Some(elsewhere.path().to_string_lossy().into_owned());
        open_configured(&config, TIMING).await
    };
    let data = tempfile::tempdir().unwrap();
    let begun = house(data.path()).await.with_minimal_mesh().await;
    assert_eq!(remote.branch("main").unwrap(), begun.mirror.branch("main").unwrap());
    stop(begun).await;
    let main = remote.branch("main").unwrap();
    remote.set_reference("refs/heads/main", main, None, "test").unwrap();
    remote.set_reference("refs/heads/trunk", None, main, "test").unwrap();
    let data = tempfile::tempdir().unwrap();
    let waiting = house(data.path()).await;
    let id = waiting.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    waiting
        .until_change(&id, |change| change.reason.iter().any(|reason| reason.contains("does not have the branch")))
        .await;
    assert_eq!(remote.branch("main").unwrap(), None, "it is not for Meshwright to say what main shall be there");
    remote.set_reference("refs/heads/main", None, main, "test").unwrap();
    waiting.until(&id, State::Proposed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_and_merges_are_signed_where_a_key_is_configured() {
    let data = tempfile::tempdir().unwrap();
    let key = data.path().join("key");
    let made =
        std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
    assert!(made.unwrap().success(), "this test needs ssh-keygen");
    let mut config = Config { data: data.path().join("data"), ..Config::default() };
    config.repository.signing_key = Some(key);
    let house = open_configured(&config, TIMING).await.with_minimal_mesh().await;
    let merge = house.mirror.branch("main").unwrap().unwrap();
    let head = house.mirror.commit_info(merge).unwrap().parents[1];
    for commit in [merge, head] {
        let mut git = std::process::Command::new("git");
        let text = git
            .arg("--git-dir")
            .arg(house.mirror.path())
            .args(["cat-file", "commit", &commit.to_string()])
            .output()
            .unwrap()
            .stdout;
        assert!(String::from_utf8(text).unwrap().contains("gpgsig -----BEGIN SSH SIGNATURE-----"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generated_file_that_was_edited_by_hand_on_main_is_told_in_every_plan() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let main = house.mirror.branch("main").unwrap().unwrap();
    let path = house.files_on_main().into_iter().find(|path| path.contains("authorizationpolicy")).unwrap();
    let mut edits = Edits::new();
    edits.write(path.clone(), house.text_on_main(&path).unwrap().replace("7070", "7071"));
    let tree = house.mirror.tree_with(house.mirror.commit_info(main).unwrap().tree, &edits).unwrap();
    let by = Identity { name: "Carol".into(), email: "carol@example.com".into() };
    let edited = house.mirror.commit_tree(tree, &[main], &by, 1, "by hand\n", None).unwrap();
    house.mirror.set_reference("refs/heads/main", Some(main), Some(edited), "push").unwrap();
    let id = house.put("projects/other", r#"{"metadata": {"name": "other"}}"#).await.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    let plan = &house.desk().proposal(&id).unwrap().plan;
    let drift: Vec<_> = plan.findings.iter().filter(|finding| finding.rule == "drift").collect();
    assert!(drift.len() == 1 && drift[0].place.path == path, "{:?}", plan.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_project_is_pending_goes_with_it_and_has_changes_of_its_own_once_that_is_merged() {
    let data = tempfile::tempdir().unwrap();
    let house = open_with(data.path(), PATIENT).await;
    let project = house.put("projects/shop", r#"{"metadata": {"name": "shop"}}"#).await.unwrap().change.unwrap();
    assert_eq!(house.post_bundle(MINIMAL).await.unwrap().change.as_ref(), Some(&project), "it joins the project's");
    let change = house.until(&project, State::Proposed).await;
    let groups: Vec<_> = change.groups.iter().map(meshwright::change::Group::short).collect();
    assert_eq!(groups, ["gke", "shop", "shop/boutique/v1/prod"]);
    house.approve(&project).await;
    house.merge(&project).await.unwrap();
    let point = format!("{TG}/inbound-intents/cart/clients/frontend/access-points/a");
    let body = r#"{"metadata": {"name": "a"}, "spec": {"url": ["/a"]}}"#;
    let next = house.put(&point, body).await.unwrap().change.unwrap();
    assert_ne!(next, project);
    let groups: Vec<_> = house.change(&next).groups.iter().map(meshwright::change::Group::short).collect();
    assert_eq!(groups, ["shop/boutique/v1/prod"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_void_when_main_moves_so_that_the_change_does_something_else() {
    let data = tempfile::tempdir().unwrap();
    let house = open(data.path()).await.with_minimal_mesh().await;
    let id = house.put("projects/shop", r#"{"metadata": {"name": "shop", "description": "x"}}"#).await;
    let id = id.unwrap().change.unwrap();
    house.until(&id, State::Proposed).await;
    let approved = house.approve(&id).await;
    let path = "topology/projects/shop/_project.yaml";
    let text = house.text_on_main(path).unwrap();
    house.push_to_main(&[(path, &format!("# by hand\n{text}"))], &[]);
    let again = house.until(&id, State::Proposed).await;
    assert_ne!(again.digest, approved.digest);
    assert!(!again.sealed);
    assert_eq!(cause(house.merge(&id).await), Cause::WrongState, "what was approved is not what would be merged");
    house.approve(&id).await;
    house.merge(&id).await.unwrap();
}

/// Calls that are lost before or after their effect, about one in three; the first few, at the start, go well.
fn bad_line(seed: u64) -> Vec<Fault> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % 6
    };
    let fault = |n: u64| match n {
        0 => Fault::Before,
        1 => Fault::After,
        _ => Fault::None,
    };
    std::iter::repeat_n(Fault::None, 4).chain((0..80).map(|_| fault(random()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_bad_line_a_change_still_becomes_one_pull_request_and_one_merge() {
    let quick = Timing { settle: 0, ready_after: 10, poll: 5 };
    for seed in 0..40 {
        let data = tempfile::tempdir().unwrap();
        let config = Config { data: data.path().to_owned(), ..Config::default() };
        let house = open_behind(&config, quick, |forge| Arc::new(Faulty::new(forge, bad_line(seed)))).await;
        let id = house.post_bundle(MINIMAL).await.unwrap().change.unwrap();
        for _ in 0..2000 {
            if house.change(&id).state == State::Merged {
                break;
            }
            drop(house.desk().review(&id, Verdict::Approve, ask(person("github:bob"))).await);
            drop(house.merge(&id).await);
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let change = house.until(&id, State::Merged).await;
        house.until_no_branch_is_left().await;
        let pulls = house.mirror.references("refs/meshwright/pulls/").unwrap();
        assert_eq!(pulls.len(), 1, "seed {seed}: {pulls:?}");
        let merges = house.mirror.log(change.merged.unwrap(), None, 10, true).unwrap();
        assert_eq!(merges.len(), 2, "seed {seed}: the first commit and one merge");
    }
}

/// Removes the journal of a server that stopped.
fn lose_journal(data: &std::path::Path) {
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with("journal.db") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

//! From a write to main, and the ways in which people end it otherwise.

use meshwright::change::State;
use meshwright::change::forge::Verdict as Asked;
use meshwright::change::submission::Cause;
use meshwright::config::MergeMethod;

use crate::desk::{PATIENT, TIMING, ask, cause, eventually, person};
use crate::double::{Fault, Match, Verdict};
use crate::home::{ALL, As, Home};

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_becomes_a_pull_request_that_people_review_and_meshwright_merges() {
    for kind in ALL {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        assert!(!pull.draft && pull.body.contains("Who may call what"), "{kind:?}: {pull:#?}");
        assert_eq!(pull.labels, ["meshwright"], "{kind:?}");
        eventually(|| {
            let state = home.double.lock();
            let context = (pull.head.to_string(), "meshwright/plan".to_owned());
            let status = state.statuses.get(&context).map(|(state, _)| state.clone());
            let run = state.runs.iter().find(|run| run.head == pull.head).and_then(|run| run.conclusion.clone());
            status.or(run).filter(|conclusion| conclusion == "success").ok_or_else(|| state.statuses.clone())
        })
        .await;
        let link = home.double.lock().links[&pull.head.to_string()].clone();
        assert_eq!(link, format!("https://mesh.example/v2/changes/{id}"), "{kind:?}");
        assert_eq!(cause(home.house.merge(&id).await), Cause::WrongState, "nobody approved it yet");
        let refused = home.house.desk().review(&id, Asked::Approve, ask(person("github:bob"))).await.unwrap_err();
        assert!(refused.to_string().contains("/pull/1"), "{refused}");
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        let approved = home.house.until(&id, State::Approved).await;
        assert!(approved.sealed);
        let merged = home.house.merge(&id).await.unwrap();
        assert_eq!(merged.state, State::Merged);
        let after = home.double.lock().pulls[&pull.number].clone();
        assert_eq!((after.merged, after.open), (merged.merged, false));
        home.house.until_no_branch_is_left().await;
        assert_eq!(home.double.lock().branch(&pull.branch), None);
        let info = home.house.mirror.commit_info(merged.merged.unwrap()).unwrap();
        let by = if kind == As::GiteaUser { "gitea:bob" } else { "github:bob" };
        assert_eq!(info.trailer("Approved-by").as_deref(), Some(by), "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_main_moves_in_the_moment_of_the_merge_what_came_about_is_looked_at() {
    for (kind, settings, otherwise) in [
        (As::GitHubApp, "renderer: 1\napprovals: 1\ngitops: argocd\n", true),
        (As::GiteaUser, "renderer: 1\napprovals: 1\ngitops: argocd\n", true),
        (As::GitHubUser, "renderer: 1\napprovals: 1\n# as before\n", false),
    ] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        home.house.until(&id, State::Approved).await;
        home.double.set(|it| it.overtaken = Some(("meshwright.yaml", settings.to_owned())));
        let merged = home.house.merge(&id).await.unwrap();
        assert_eq!(merged.state, State::Merged);
        let reason = merged.reason.clone().unwrap_or_default();
        assert_eq!(reason.contains("main moved while it was merged"), otherwise, "{kind:?}: {reason}");
        assert_eq!(reason.contains("such as clusters/gke/east/shop/"), otherwise, "{kind:?}: {reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forge_that_still_compares_with_main_is_asked_again() {
    let home = Home::new(As::GiteaUser).await;
    let (id, pull) = home.proposed().await;
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    home.house.until(&id, State::Approved).await;
    let unsure = Fault::Says(405, "Please try again later");
    home.double.fault(Match("POST", "/merge"), unsure, 3);
    assert_eq!(cause(home.house.merge(&id).await), Cause::Unavailable);
    home.double.fault(Match("POST", "/merge"), unsure, 2);
    assert_eq!(home.house.merge(&id).await.unwrap().state, State::Merged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_merge_on_the_forge_is_merged() {
    for kind in [As::GitHubApp, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        let commit = home.double.merge_by_hand(pull.number, "alice").unwrap();
        let merged = home.house.until(&id, State::Merged).await;
        assert_eq!(merged.merged, Some(commit));
        home.house.until_no_branch_is_left().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_closes_a_pull_request_rejects_the_change_with_their_last_words() {
    for kind in [As::GitHubUser, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        home.double.comment(pull.number, "carol", "what about east?");
        home.double.comment(pull.number, "bob", "first a ticket");
        home.double.comment(pull.number, "bob", "Not before the freeze.");
        home.double.comment(pull.number, "carol", "ok");
        home.double.close(pull.number, "bob");
        let rejected = home.house.until(&id, State::Rejected).await;
        assert!(rejected.reason.as_ref().unwrap().ends_with("bob: Not before the freeze."), "{rejected:?}");
        home.house.until_no_branch_is_left().await;
        assert!(home.house.desk().view().proposed.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_change_back_closes_its_pull_request() {
    for kind in ALL {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        let asked = meshwright::change::Ask { words: "no @all, <b>never</b>".into(), ..ask(person("github:alice")) };
        home.house.desk().withdraw(&id, false, asked).await.unwrap();
        home.until_pull(pull.number, |pull| !pull.open).await;
        home.house.until_no_branch_is_left().await;
        let said = home.double.lock().comments.last().unwrap().body.clone();
        assert!(said.contains("never") && !said.contains("<b>") && said.contains("`@all`"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_reviews_by_people_who_may_write_count_and_only_until_they_are_dismissed() {
    for kind in [As::GitHubUser, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        home.double.review(pull.number, "carol", Verdict::Approve, "");
        home.double.review(pull.number, "stranger", Verdict::Approve, "");
        home.double.review(pull.number, "meshwright-bot", Verdict::Approve, "");
        home.double.review(pull.number, "bob", Verdict::Comment, "hm");
        if kind == As::GitHubUser {
            home.double.review(pull.number, "other[bot]", Verdict::Approve, "");
            // She asked for it.
            home.double.review(pull.number, "alice", Verdict::Approve, "my own");
        }
        home.double.review(pull.number, "bob", Verdict::RequestChanges, "east is missing");
        let waiting = home.house.until(&id, State::ChangesRequested).await;
        assert!(waiting.reason.as_ref().unwrap().contains("east is missing"));
        home.double.dismiss(pull.number, "bob");
        let proposed = home.house.until(&id, State::Proposed).await;
        assert!(proposed.reason.as_ref().unwrap().contains("1 more approval"), "{proposed:?}");
        home.double.review(pull.number, "bob", Verdict::Approve, "now");
        home.house.until(&id, State::Approved).await;
        home.double.dismiss(pull.number, "bob");
        home.house.until(&id, State::Proposed).await;
        assert_eq!(cause(home.house.merge(&id).await), Cause::WrongState);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_was_dismissed_a_moment_ago_merges_nothing() {
    let home = Home::with(As::GitHubUser, meshwright::change::Timing { poll: 3_600_000, ..TIMING }, &[]).await;
    let (id, pull) = home.proposed().await;
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    home.house.desk().happened(None);
    home.house.until(&id, State::Approved).await;
    // The list of pull requests shows nothing of it yet.
    home.double.lock().pulls.get_mut(&pull.number).unwrap().reviews[0].dismissed = true;
    assert_eq!(cause(home.house.merge(&id).await), Cause::WrongState);
    assert!(home.double.lock().pulls[&pull.number].open);
}

#[tokio::test(flavor = "multi_thread")]
async fn single_writes_are_a_draft_until_nothing_more_comes() {
    for kind in ALL {
        let home = Home::with(kind, PATIENT, &[]).await;
        let id = home.house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
        let change = home.house.until(&id, State::Draft).await;
        let pull = home.pull(&change);
        assert!(pull.draft, "{kind:?}");
        home.house.pass_time();
        home.house.until(&id, State::Proposed).await;
        assert!(!home.pull(&change).draft, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_main_requires_gate_merging() {
    for kind in [As::GitHubApp, As::GiteaUser] {
        let home = Home::new(kind).await;
        home.double.set(|settings| settings.required = vec!["ci/check".into()]);
        let (id, pull) = home.proposed().await;
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        let waiting = home.house.until(&id, State::Approved).await;
        assert!(waiting.reason.as_ref().unwrap().contains("ci/check"), "{waiting:?}");
        let refused = home.house.merge(&id).await.unwrap_err();
        assert!(refused.to_string().contains("ci/check"), "{refused}");
        home.double.set_status(pull.head, "ci/check", "failure");
        home.house.until_change(&id, |change| change.reason.as_ref().is_some_and(|it| it.contains("failed"))).await;
        home.double.set_status(pull.head, "ci/check", "success");
        home.house.until_change(&id, |change| change.state == State::Approved && change.reason.is_none()).await;
        assert_eq!(home.house.merge(&id).await.unwrap().state, State::Merged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_main_has_a_merge_queue_that_merges() {
    let home = Home::new(As::GitHubApp).await;
    home.double.set(|settings| settings.queue = true);
    let (id, pull) = home.proposed().await;
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    home.house.until(&id, State::Approved).await;
    let queued = home.house.merge(&id).await.unwrap();
    assert_eq!(queued.state, State::Merging, "{queued:?}");
    assert!(queued.reason.as_ref().unwrap().contains("queue"));
    assert!(home.double.lock().pulls[&pull.number].queued);
    home.double.run_queue();
    home.house.until(&id, State::Merged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_people_are_left_alone_and_that_is_said_until_somebody_asks_for_a_rebase() {
    for kind in ALL {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        let theirs = home.commit(&pull.branch, "NOTES.md", "mine\n");
        let blocked = home.house.until(&id, State::Blocked).await;
        assert!(blocked.reason.as_ref().unwrap().contains("/meshwright rebase"), "{blocked:?}");
        home.until_remark(pull.number, "left alone").await;
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        assert_eq!(cause(home.house.merge(&id).await), Cause::WrongState);
        assert_eq!(home.double.lock().branch(&pull.branch), Some(theirs), "{kind:?}");
        home.double.comment(pull.number, "alice", "/meshwright rebase");
        home.house.until_change(&id, |change| matches!(change.state, State::Proposed | State::Approved)).await;
        let head = home.double.lock().branch(&pull.branch).unwrap();
        assert_ne!(head, theirs);
        assert_eq!(home.double.lock().pulls.len(), 1, "it is still the same pull request");
        let kept = home.house.mirror.references("refs/meshwright/kept/").unwrap();
        assert!(kept.iter().any(|(_, commit)| *commit == theirs), "nothing of people is lost");
        home.until_remark(pull.number, "any more").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_and_after_a_loss_of_all_data_it_goes_on_with_the_same_pull_request() {
    for kind in ALL {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        home.commit(&pull.branch, "NOTES.md", "mine\n");
        home.until_remark(pull.number, "left alone").await;
        home.double.comment(pull.number, "bob", "/meshwright rebase");
        home.house.until(&id, State::Proposed).await;
        home.until_remark(pull.number, "any more").await;
        let mut home = home;
        for amnesia in [false, true] {
            home = home.restart(amnesia).await;
            home.house.until(&id, State::Proposed).await;
            assert_eq!(home.double.pulls().len(), 1, "{kind:?}");
            let comments = home.double.lock().comments.clone();
            let ours = comments.iter().filter(|comment| comment.body.starts_with("<!-- meshwright"));
            assert_eq!(ours.count(), 1, "{kind:?}: {comments:#?}");
        }
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        home.house.until(&id, State::Approved).await;
        home.house.merge(&id).await.unwrap();
        assert!(!home.house.desk().view().base.tree.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_owners_are_asked_to_review_and_one_of_them_has_to_approve() {
    let owners = [("CODEOWNERS", "* @human\n/intents/ @acme/mesh @alice\n/clusters/ @carol @acme/mesh\n")];
    for kind in [As::GitHubApp, As::GitHubUser, As::GiteaUser] {
        let home = Home::with(kind, TIMING, &owners).await;
        home.double.add_team("mesh", &["bob", "alice"]);
        let (id, pull) = home.proposed().await;
        if kind == As::GitHubApp {
            let asked = home.until_pull(pull.number, |pull| !pull.teams.is_empty()).await;
            assert_eq!((asked.teams, asked.reviewers), (vec!["mesh".into()], vec!["carol".into(), "human".into()]));
        }
        home.double.review(pull.number, "human", Verdict::Approve, "not mine");
        let waiting = home.house.until_change(&id, |it| it.reason.as_ref().is_some_and(|it| it.contains("own"))).await;
        assert_eq!(waiting.state, State::Proposed);
        assert!(waiting.reason.as_ref().unwrap().contains("@acme/mesh"), "{waiting:?}");
        assert_eq!(cause(home.house.merge(&id).await), Cause::WrongState);
        home.double.review(pull.number, "bob", Verdict::Approve, "mine");
        home.house.until(&id, State::Approved).await;
        home.house.merge(&id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_squash_and_a_rebase_are_merges_too() {
    for (kind, method) in [(As::GitHubApp, MergeMethod::Squash), (As::GiteaUser, MergeMethod::Rebase)] {
        let mut home = Home::new(kind).await;
        home.config.forge.merge_method = method;
        let home = home.restart(false).await;
        let (id, pull) = home.proposed().await;
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        home.house.until(&id, State::Approved).await;
        let merged = home.house.merge(&id).await.unwrap();
        let info = home.house.mirror.commit_info(merged.merged.unwrap()).unwrap();
        assert_eq!((merged.state, info.parents.len()), (State::Merged, 1), "{kind:?}");
        home.house.until_no_branch_is_left().await;
        assert!(!home.house.desk().view().base.tree.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_a_change_back_says_so_once_however_often_closing_fails() {
    for kind in [As::GitHubUser, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        home.double.fault(Match("PATCH", "/pulls/"), Fault::LostBefore, 3);
        home.house.desk().withdraw(&id, false, ask(person("github:alice"))).await.unwrap();
        home.until_pull(pull.number, |pull| !pull.open).await;
        let said = home.double.lock().comments.iter().filter(|it| it.by.starts_with("meshwright")).count();
        assert_eq!(said, 1, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_our_check_runs_the_newest_says_how_it_is_and_none_is_added_to() {
    let home = Home::new(As::GitHubApp).await;
    let (id, pull) = home.proposed().await;
    home.double.comment(pull.number, "bob", "/meshwright hold");
    home.house.until(&id, State::Blocked).await;
    let newest = || {
        let state = home.double.lock();
        state.runs.iter().rfind(|run| run.head == pull.head).and_then(|run| run.conclusion.clone())
    };
    eventually(|| newest().filter(|conclusion| conclusion == "action_required").ok_or(())).await;
    home.double.comment(pull.number, "bob", "/meshwright resume");
    eventually(|| newest().filter(|conclusion| conclusion == "success").ok_or(())).await;
    assert!(home.double.calls().iter().all(|call| call.method != "PATCH" || !call.path.contains("check-runs")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_may_not_write_checks_reports_by_a_status() {
    let home = Home::new(As::GitHubApp).await;
    home.double.set(|settings| settings.no_checks = true);
    let (_, pull) = home.proposed().await;
    let context = (pull.head.to_string(), "meshwright/plan".to_owned());
    eventually(|| home.double.lock().statuses.get(&context).cloned().ok_or(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_without_rulesets_is_one_without_rules() {
    let home = Home::new(As::GitHubUser).await;
    home.double.set(|settings| settings.no_rulesets = true);
    let (id, pull) = home.proposed().await;
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    home.house.until(&id, State::Approved).await;
    assert_eq!(home.house.merge(&id).await.unwrap().state, State::Merged);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_forge_does_not_let_us_see_blocks_the_change_that_needs_it_and_no_other() {
    let home = Home::new(As::GiteaUser).await;
    let (id, pull) = home.proposed().await;
    home.double.fault(Match("GET", "/pulls/1/reviews"), Fault::Says(403, "token lacks read:issue"), usize::MAX);
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    let blocked = home.house.until(&id, State::Blocked).await;
    assert!(blocked.reason.as_ref().unwrap().contains("token lacks read:issue"), "{blocked:?}");
    let other = home.house.put("projects/one", r#"{"metadata": {"name": "one"}}"#).await.unwrap().change.unwrap();
    home.house.until(&other, State::Proposed).await;
    eventually(|| if home.house.desk().troubles().is_empty() { Ok(()) } else { Err(home.house.desk().troubles()) })
        .await;
    home.double.mend();
    home.house.until(&id, State::Approved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_into_another_branch_by_now_is_not_merged_and_can_be_taken_back() {
    for kind in [As::GitHubApp, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        home.house.until(&id, State::Approved).await;
        home.double.retarget(pull.number, "elsewhere");
        let refused = home.house.merge(&id).await.unwrap_err();
        assert!(refused.to_string().contains("go into elsewhere"), "{refused}");
        home.double.merge_by_hand(pull.number, "bob").unwrap();
        home.house.until(&id, State::Merging).await;
        home.house.desk().withdraw(&id, false, ask(person("github:alice"))).await.unwrap();
        assert!(home.house.desk().view().proposed.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_check_counts_on_whichever_page_it_is() {
    for kind in [As::GitHubUser, As::GiteaUser] {
        let home = Home::new(kind).await;
        home.double.set(|settings| settings.required = vec!["the last".into()]);
        let (id, pull) = home.proposed().await;
        (0..130).for_each(|number| home.double.set_status(pull.head, &format!("ci/{number:03}"), "success"));
        home.double.set_status(pull.head, "the last", "success");
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        home.house.until_change(&id, |change| change.state == State::Approved && change.reason.is_none()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_who_cannot_be_asked_to_review_keeps_nobody_else_from_it() {
    for kind in [As::GitHubApp, As::GiteaUser] {
        let owners = "* @bob @gone @acme/mesh @acme/nobody\n";
        let home = Home::with(kind, TIMING, &[("CODEOWNERS", owners)]).await;
        home.double.add_team("mesh", &["bob"]);
        let (_, pull) = home.proposed().await;
        let asked = home.until_pull(pull.number, |pull| !pull.teams.is_empty()).await;
        assert_eq!((asked.reviewers, asked.teams), (vec!["bob".to_owned()], vec!["mesh".to_owned()]), "{kind:?}");
        // A review ends the request, and what is said anew asks nobody twice.
        home.double.lock().pulls.get_mut(&pull.number).unwrap().teams.clear();
        home.double.review(pull.number, "bob", Verdict::Comment, "hm");
        home.double.calls();
        home.double.comment(pull.number, "bob", "/meshwright hold");
        home.until_pull(pull.number, |pull| pull.draft).await;
        home.double.comment(pull.number, "bob", "/meshwright resume");
        home.until_pull(pull.number, |pull| !pull.draft).await;
        let again = home.double.calls().into_iter().filter(|call| call.path.ends_with("requested_reviewers")).count();
        assert_eq!(again, 0, "{kind:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_cannot_be_asked_to_review_do_not_use_up_what_changes_need() {
    for kind in [As::GitHubApp, As::GiteaUser] {
        let owners: String = (0..40).map(|number| format!(" @gone-{number}")).collect();
        let home = Home::with(kind, TIMING, &[("CODEOWNERS", &format!("*{owners} @bob\n"))]).await;
        let (_, pull) = home.proposed().await;
        let asked = |home: &Home| {
            let calls = home.double.calls();
            calls.iter().filter(|call| call.path.ends_with("requested_reviewers")).count()
        };
        let first = asked(&home);
        assert!((2..=12).contains(&first), "{kind:?}: {first}");
        home.double.comment(pull.number, "bob", "/meshwright hold");
        home.until_pull(pull.number, |pull| pull.draft).await;
        assert_eq!(asked(&home), 0, "{kind:?}: nobody is asked twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_queue_is_known_after_a_restart_and_when_it_is_given_back() {
    let home = Home::new(As::GitHubApp).await;
    home.double.set(|settings| settings.queue = true);
    let (id, pull) = home.proposed().await;
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    home.house.until(&id, State::Approved).await;
    home.house.merge(&id).await.unwrap();
    let home = home.restart(true).await;
    home.house.until(&id, State::Merging).await;
    // It leaves the queue, and the list of pull requests shows nothing of it.
    home.double.lock().pulls.get_mut(&pull.number).unwrap().queued = false;
    home.house.until(&id, State::Approved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_from_a_fork_is_not_ours_whatever_its_branch_is_called() {
    for kind in [As::GitHubUser, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        let theirs = home.double.open_from_fork(pull.number, "mallory");
        home.double.review(theirs, "bob", Verdict::Approve, "looks like the other one");
        home.double.comment(theirs, "bob", "/meshwright hold");
        let main = home.commit("main", "README.md", "everything was looked at\n");
        home.house.until_main(|base| base.commit == Some(main)).await;
        home.double.close(theirs, "bob");
        let main = home.commit("main", "README.md", "and again\n");
        home.house.until_main(|base| base.commit == Some(main)).await;
        let change = home.house.change(&id);
        assert_eq!((change.state, change.pull, &change.talk.hold), (State::Proposed, Some(pull.number), &None));
        // Nor is it when nothing is known.
        let home = home.restart(true).await;
        assert_eq!(home.house.until(&id, State::Proposed).await.pull, Some(pull.number));
    }
}

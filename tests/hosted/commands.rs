//! What people ask for below a pull request.

use meshwright::change::State;

use crate::desk::{MINIMAL, eventually};
use crate::double::{Fault, Match, Verdict};
use crate::home::{ALL, As, Home};

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_by_a_sign_and_in_our_one_comment() {
    for kind in ALL {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        let number = pull.number;
        let sign = |comment: u64, sign: &'static str| {
            let home = &home;
            async move {
                eventually(|| {
                    let found = home.double.lock().reactions.clone();
                    let of: Vec<_> =
                        found.iter().filter(|(id, _)| *id == comment).map(|(_, sign)| sign.clone()).collect();
                    if of == [sign] { Ok(()) } else { Err(found) }
                })
                .await;
            }
        };
        sign(home.double.comment(number, "bob", "/meshwright help"), "+1").await;
        home.until_remark(number, "/meshwright explain FILE").await;
        sign(home.double.comment(number, "bob", "Nice!\n/meshwright frobnicate"), "-1").await;
        home.until_remark(number, "`frobnicate` is not known").await;
        sign(home.double.comment(number, "bob", "/meshwright plan"), "+1").await;
        home.until_remark(number, "may call").await;
        let change = home.house.change(&id);
        let changed = home.house.desk().proposal(&id).unwrap();
        let file = changed.plan.files.iter().map(|file| &file.path).find(|path| path.starts_with("clusters/")).unwrap();
        sign(home.double.comment(number, "bob", &format!("/meshwright explain {file}")), "+1").await;
        home.until_remark(number, "inbound-intents/").await;
        sign(home.double.comment(number, "bob", "/meshwright explain README.md"), "+1").await;
        home.until_remark(number, "is not changed here").await;

        let outsider = home.double.comment(number, "carol", "/meshwright hold because I say so");
        sign(home.double.comment(number, "bob", "/meshwright hold until Monday"), "+1").await;
        let signs = home.double.lock().reactions.clone();
        assert!(signs.iter().all(|(comment, _)| *comment != outsider), "carol may not write, and costs us no write");
        assert!(!format!("{:?}", home.house.change(&id).talk.hold).contains("I say so"), "carol may not write");
        let held = home.house.until(&id, State::Blocked).await;
        assert!(held.reason.as_ref().unwrap().contains("until Monday"), "{held:?}");
        home.until_pull(number, |pull| pull.draft).await;
        home.until_remark(number, "held up").await;
        sign(home.double.comment(number, "alice", "/meshwright resume"), "+1").await;
        home.house.until(&id, State::Proposed).await;
        home.until_pull(number, |pull| !pull.draft).await;
        sign(home.double.comment(number, "alice", "/meshwright revert"), "-1").await;
        home.until_remark(number, "not merged").await;
        assert_eq!(home.house.change(&id).branch, change.branch);
        assert_eq!(home.double.pulls().len(), 1);
    }
}

/// A page of the longest texts that there can be, in the longest form that JSON has for them.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_us_blind_or_deaf_by_writing_much() {
    for kind in [As::GitHubUser, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        let much = "\u{1}".repeat(65_535);
        for _ in 0..99 {
            let theirs = home.double.open_from_fork(pull.number, "mallory");
            home.double.lock().pulls.get_mut(&theirs).unwrap().body.clone_from(&much);
        }
        for _ in 0..150 {
            home.double.comment(pull.number, "mallory", &much);
        }
        home.double.comment(pull.number, "bob", "/meshwright hold");
        home.house.until(&id, State::Blocked).await;
        home.double.close(pull.number, "bob");
        home.house.until(&id, State::Rejected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_cannot_be_answered_keeps_nobody_from_being_heard() {
    let home = Home::new(As::GitHubUser).await;
    let (_, pull) = home.proposed().await;
    home.double.fault(Match("POST", "/issues/comments/1/reactions"), Fault::Says(403, "locked"), usize::MAX);
    assert_eq!(home.double.comment(pull.number, "bob", "/meshwright help"), 1);
    home.until_remark(pull.number, "/meshwright explain FILE").await;
    let next = home.double.comment(pull.number, "bob", "/meshwright plan");
    eventually(|| home.double.lock().reactions.iter().any(|(id, _)| *id == next).then_some(()).ok_or(())).await;
    eventually(|| if home.house.desk().troubles().is_empty() { Ok(()) } else { Err(home.house.desk().troubles()) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_programs_say_is_not_read_again_and_again() {
    let home = Home::new(As::GitHubUser).await;
    let (_, pull) = home.proposed().await;
    let say = |times: u64| {
        for _ in 0..times {
            home.double.comment(pull.number, "ci[bot]", "passed");
        }
    };
    say(150);
    // Two hours later.
    for _ in 0..7200 {
        home.double.lock().tick();
    }
    home.house.pass_time();
    home.house.pass_time();
    say(1);
    eventually(|| {
        home.double.calls();
        std::thread::sleep(std::time::Duration::from_millis(400));
        let calls = home.double.calls();
        let count = |end: &str| calls.iter().filter(|call| call.path.ends_with(end)).count();
        // A page of comments for each look, and not two.
        let looks = (count("/issues/comments"), count("/pulls"));
        if looks.1 > 1 && looks.0 <= looks.1 + 1 { Ok(()) } else { Err(looks) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebase_renders_again_on_the_newest_main() {
    let home = Home::new(As::GitHubApp).await;
    let (id, pull) = home.proposed().await;
    let main = home.commit("main", "README.md", "elsewhere\n");
    home.house.until_main(|base| base.commit == Some(main)).await;
    assert_eq!(home.house.change(&id).head, Some(pull.head), "what does not concern it does not move it");
    home.double.comment(pull.number, "bob", "/meshwright rebase");
    let change = home.house.until_change(&id, |change| change.base == Some(main)).await;
    assert_ne!(change.head, Some(pull.head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_pull_request_is_reverted_by_another_one_once() {
    for kind in [As::GitHubApp, As::GiteaUser] {
        let home = Home::new(kind).await;
        let (id, pull) = home.proposed().await;
        home.double.review(pull.number, "bob", Verdict::Approve, "fine");
        home.house.until(&id, State::Approved).await;
        home.house.merge(&id).await.unwrap();
        home.house.until_no_branch_is_left().await;
        home.double.comment(pull.number, "bob", "/meshwright revert");
        home.until_remark(pull.number, "proposes the inverse").await;
        let second = home.until_pull(2, |pull| pull.open && !pull.draft).await;
        assert_eq!(home.double.pulls().len(), 2);
        // Its requester is bob, so that another has to approve.
        home.double.review(2, "human", Verdict::Approve, "");
        let change = home.house.desk().view().active()[0].clone();
        assert_eq!(change.branch, second.branch);
        home.house.until(&change.id, State::Approved).await;
        home.house.merge(&change.id).await.unwrap();
        assert!(home.house.desk().view().base.tree.is_empty());
        let files = home.house.files_on_main();
        assert!(files.iter().all(|path| !path.starts_with("clusters/") || path.contains("/configmap-")), "{files:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_again_since_is_not_reverted_blindly() {
    let home = Home::new(As::GitHubUser).await;
    let (id, pull) = home.proposed().await;
    home.double.review(pull.number, "bob", Verdict::Approve, "fine");
    home.house.until(&id, State::Approved).await;
    home.house.merge(&id).await.unwrap();
    let changed = MINIMAL.replace("7070", "7071");
    assert_ne!(changed, MINIMAL);
    let next = home.house.post_bundle(&changed).await.unwrap().change.unwrap();
    home.house.until(&next, State::Proposed).await;
    home.double.review(2, "bob", Verdict::Approve, "fine");
    home.house.until(&next, State::Approved).await;
    home.house.merge(&next).await.unwrap();
    home.double.comment(pull.number, "bob", "/meshwright revert");
    home.until_remark(pull.number, "was changed again since").await;
    assert_eq!(home.double.pulls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_by_a_call_whose_answer_was_lost_is_undone_too() {
    let home = Home::new(As::GitHubApp).await;
    let (id, pull) = home.proposed().await;
    home.double.fault(Match("", "convertPullRequestToDraft"), Fault::LostAfter, usize::MAX);
    home.double.comment(pull.number, "bob", "/meshwright hold");
    home.until_pull(pull.number, |pull| pull.draft).await;
    home.double.comment(pull.number, "bob", "/meshwright resume");
    home.until_pull(pull.number, |pull| !pull.draft).await;
    home.house.until(&id, State::Proposed).await;
}

//! What only the embedded forge can get into: processes that died half-way, and humans with git.

use std::sync::Arc;

use meshwright::change::Forge;
use meshwright::change::forge::{Merged, Pull, PullState, Verdict};
use meshwright::repo::{CommitId, Mirror};

use crate::promises::{alice, at, merged, review, text};
use crate::stage::{Plain, Stage, bot, embedded, git, scratch};

const BRANCH: &str = "meshwright/shop-0123456789ab";
const FIRST: &str = "refs/meshwright/pulls/1";

async fn opened(stage: &Plain) -> (CommitId, CommitId, Pull) {
    let main = stage.human_commit("main", "README", "hello");
    let head = stage.commit(Some(main), "a", "1");
    stage.forge().push(BRANCH, None, head).await.unwrap();
    (main, head, stage.forge().open_pull(BRANCH, &text("one")).await.unwrap())
}

/// The first half of a merge, as the forge does it.
fn move_main(mirror: &Mirror, main: CommitId, head: CommitId) -> CommitId {
    let tree = mirror.commit_info(head).unwrap().tree;
    let commit = mirror.commit_tree(tree, &[main, head], &bot(), 1_700_000_000, "merge", None).unwrap();
    mirror.set_reference("refs/heads/main", Some(main), Some(commit), "merge").unwrap();
    commit
}

#[tokio::test]
async fn a_merge_that_died_before_it_was_noted_is_found_on_main() {
    for look in 0..5 {
        let stage = Plain::alone();
        let (main, head, _) = opened(&stage).await;
        let commit = move_main(&stage.mirror, main, head);
        stage.human_commit("main", "b", "later");
        let forge = stage.restarted();
        match look {
            0 => assert_eq!(forge.merge(1, at(main, head), "merge").await, Ok(Merged::By(commit))),
            1 => drop(forge.edit_pull(1, &text("late")).await.unwrap_err()),
            2 => drop(forge.close_pull(1, None, "late").await.unwrap_err()),
            3 => drop(forge.open_pull(BRANCH, &text("late")).await),
            _ => drop(forge.open_pulls().await.unwrap()),
        }
        let stored = git(stage.mirror.path(), &["show", &format!("{FIRST}:pull.json")]);
        assert!(stored.contains("\"state\": \"merged\"") && stored.contains(&commit.to_string()), "{look}: {stored}");
    }
}

#[tokio::test]
async fn a_merge_that_died_before_main_moved_is_made_again() {
    let stage = Plain::alone();
    let (main, head, _) = opened(&stage).await;
    let tree = stage.mirror.commit_info(head).unwrap().tree;
    let orphan = stage.mirror.commit_tree(tree, &[main, head], &bot(), 1, "merge", None).unwrap();
    let commit = merged(&stage.restarted(), 1, at(main, head), "merge").await;
    assert_ne!(commit, orphan);
    assert_eq!(stage.mirror.branch("main").unwrap(), Some(commit));
}

#[tokio::test]
async fn the_branch_that_dies_with_a_merge_does_not_hide_it() {
    let stage = Plain::alone();
    let (main, head, pull) = opened(&stage).await;
    let commit = move_main(&stage.mirror, main, head);
    stage.human_push(BRANCH, None);
    let found = stage.restarted().find_pull(BRANCH).await.unwrap().unwrap();
    assert_eq!(found, Pull { state: PullState::Merged { commit }, ..pull });
}

#[tokio::test]
async fn main_that_merely_moves_on_merges_nothing() {
    let stage = Plain::alone();
    let (main, head, pull) = opened(&stage).await;
    // A branch that is where main is, and later behind it.
    stage.forge().push("meshwright/empty", None, main).await.unwrap();
    stage.forge().open_pull("meshwright/empty", &text("nothing yet")).await.unwrap();
    stage.human_commit("main", "b", "1");
    assert_eq!(stage.restarted().open_pulls().await.unwrap()[1].state, PullState::Open);
    // A human moves main to the head without a merge: there is nothing left to merge but to say so.
    stage.human_push("main", Some(head));
    assert_eq!(stage.restarted().find_pull(BRANCH).await.unwrap(), Some(pull));
    let commit = merged(&stage.forge(), 1, at(head, head), "merge").await;
    assert_eq!(stage.mirror.commit_info(commit).unwrap().parents, [head, head]);
}

#[tokio::test]
async fn what_a_human_left_in_the_place_of_a_pull_request_is_passed_over() {
    let stage = Plain::alone();
    let (main, _, first) = opened(&stage).await;
    let set = |name: &str, new| stage.mirror.set_reference(name, stage.mirror.reference(name).unwrap(), new, "x");
    // Next in line, far ahead, and no number at all.
    set("refs/meshwright/pulls/2", Some(main)).unwrap();
    set("refs/meshwright/pulls/17", Some(stage.commit(None, "pull.json", "{"))).unwrap();
    set("refs/meshwright/pulls/017", Some(main)).unwrap();
    set("refs/meshwright/pulls/x/y", Some(main)).unwrap();
    for (forge, number) in [(stage.forge(), 3), (stage.restarted(), 18)] {
        let branch = format!("meshwright/{number}");
        forge.push(&branch, None, stage.commit(Some(main), "n", &branch)).await.unwrap();
        assert_eq!(forge.open_pull(&branch, &text("next")).await.unwrap().number, number);
        assert_eq!(forge.find_pull(BRANCH).await.unwrap().as_ref(), Some(&first));
        assert_eq!(forge.open_pulls().await.unwrap()[0], first);
        assert!(forge.edit_pull(2, &text("no")).await.is_err());
    }
    // A pull request that a human removed is gone, and its number with it.
    set(FIRST, None).unwrap();
    assert_eq!(stage.forge().find_pull(BRANCH).await, Ok(None));
    assert_eq!(stage.forge().open_pull(BRANCH, &text("anew")).await.unwrap().number, 19);
}

#[tokio::test]
async fn git_tells_the_story_of_a_pull_request() {
    let stage = Plain::alone();
    let (_, head, _) = opened(&stage).await;
    let forge = stage.forge();
    forge.edit_pull(1, &text("two")).await.unwrap();
    forge.review(1, &review(head, Verdict::Approve, "fine")).await.unwrap();
    forge.close_pull(1, Some(&alice()), "never mind").await.unwrap();
    let story = git(stage.mirror.path(), &["log", "--format=%an: %s", "--reverse", FIRST]);
    let lines: Vec<_> = story.lines().collect();
    assert_eq!(
        lines,
        [
            "Meshwright: Open pull request 1: one",
            "Meshwright: Edit pull request 1: two",
            "github:alice: Review pull request 1: two",
            "github:alice: Close pull request 1: two",
        ]
    );
    assert_eq!(git(stage.mirror.path(), &["show", &format!("{FIRST}:body.md")]), "Body of two");
    let json = git(stage.mirror.path(), &["show", &format!("{FIRST}:pull.json")]);
    assert!(json.contains("\"state\": \"closed\"") && json.contains("\"words\": \"never mind\""), "{json}");
    git(stage.mirror.path(), &["fsck", "--strict"]);
}

#[tokio::test]
async fn a_hostile_name_is_no_line_of_a_commit() {
    let stage = Plain::alone();
    let (_, head, _) = opened(&stage).await;
    for name in ["a <b>\ncommitter x", "<>", ""] {
        let mut review = review(head, Verdict::Approve, name);
        review.by.name = name.into();
        stage.forge().review(1, &review).await.unwrap();
    }
    assert_eq!(stage.restarted().open_pulls().await.unwrap()[0].reviews.len(), 3);
    let authors = git(stage.mirror.path(), &["log", "--format=%an", FIRST]);
    assert_eq!(authors.lines().collect::<Vec<_>>(), ["Meshwright", "Meshwright", "a bcommitter x", "Meshwright"]);
}

#[tokio::test]
async fn a_clone_of_the_mirror_has_the_pull_requests() {
    let stage = Plain::alone();
    opened(&stage).await;
    let copy = scratch();
    let (from, to) = (stage.mirror.path().to_str().unwrap(), copy.path().join("copy"));
    git(copy.path(), &["clone", "--quiet", "--mirror", from, to.to_str().unwrap()]);
    let forge = embedded(&Mirror::open(to).unwrap(), None);
    assert_eq!(forge.open_pulls().await.unwrap(), stage.forge().open_pulls().await.unwrap());
}

#[tokio::test]
async fn another_branch_can_be_the_one_to_merge_into() {
    let stage = Plain::alone();
    let trunk = stage.human_commit("trunk", "README", "hello");
    let forge = embedded(&stage.mirror, None).with_main("trunk");
    assert_eq!(forge.refresh_all().await, Ok(Some(trunk)));
    let head = stage.commit(Some(trunk), "a", "1");
    forge.push(BRANCH, None, head).await.unwrap();
    forge.open_pull(BRANCH, &text("one")).await.unwrap();
    let commit = merged(&(Arc::new(forge) as Arc<dyn Forge>), 1, at(trunk, head), "merge").await;
    assert_eq!(stage.mirror.branch("trunk").unwrap(), Some(commit));
    assert_eq!(stage.mirror.branch("main").unwrap(), None);
}

#[tokio::test]
async fn one_pull_request_among_many_is_found_again_after_a_restart() {
    let stage = Plain::alone();
    let (_, _, pull) = opened(&stage).await;
    // Closed ones: their commits are the same but for the number.
    let branch = |number: u64| format!("meshwright/old-{number}");
    for number in 2..202_u64 {
        let json = format!(
            r#"{{"number": {number}, "branch": "{}", "head": "{}", "title": "old", "draft": false,
                "state": "closed", "by": null, "words": "", "reviews": []}}"#,
            branch(number),
            pull.head
        );
        let tip = stage.commit(None, "pull.json", &json);
        stage.mirror.set_reference(&format!("refs/meshwright/pulls/{number}"), None, Some(tip), "old").unwrap();
    }
    let forge = stage.restarted();
    assert_eq!(forge.find_pull(BRANCH).await.unwrap(), Some(pull));
    for number in 100..120 {
        assert_eq!(forge.find_pull(&branch(number)).await.unwrap().map(|pull| pull.number), Some(number));
    }
    assert_eq!(forge.open_pulls().await.unwrap().len(), 1);
}

//! The contract of a forge, a sentence each.

use std::sync::Arc;

use meshwright::change::forge::{Ends, ForgeError, Pull, PullState, PullText, Review, Verdict};
use meshwright::change::{Forge, Person, Timestamp};
use meshwright::repo::{CommitId, Files as _};

use crate::stage::Stage;

const BRANCH: &str = "meshwright/shop-0123456789ab";

pub(crate) fn text(title: &str) -> PullText {
    PullText { title: title.into(), body: format!("Body of {title}"), draft: false }
}

pub(crate) fn alice() -> Person {
    Person { name: "github:alice".into(), logins: vec![] }
}

pub(crate) fn at(main: CommitId, head: CommitId) -> Ends {
    Ends { main: Some(main), head }
}

pub(crate) fn review(head: CommitId, verdict: Verdict, words: &str) -> Review {
    Review { by: alice(), verdict, head, at: Timestamp(1_700_000_000_123), words: words.into() }
}

/// Main with a file, and a branch that adds `a` to it.
async fn branched(stage: &impl Stage) -> (Arc<dyn Forge>, CommitId, CommitId) {
    let main = stage.human_commit("main", "README", "hello");
    let forge = stage.forge();
    assert_eq!(forge.refresh().await, Ok(Some(main)));
    let head = stage.commit(Some(main), "a", "1");
    forge.push(BRANCH, None, Some(head)).await.unwrap();
    (forge, main, head)
}

async fn opened(stage: &impl Stage) -> (Arc<dyn Forge>, CommitId, CommitId, Pull) {
    let (forge, main, head) = branched(stage).await;
    let pull = forge.open_pull(BRANCH, &text("one")).await.unwrap();
    (forge, main, head, pull)
}

fn is_refused<T: std::fmt::Debug>(result: Result<T, ForgeError>) -> String {
    match result {
        Err(ForgeError::Refused(words)) => words,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn an_empty_repository_has_no_main_and_no_pulls(stage: &impl Stage) {
    let forge = stage.forge();
    assert_eq!(forge.refresh().await, Ok(None));
    assert_eq!(forge.branch("main").await, Ok(None));
    assert_eq!(forge.pulls().await, Ok(vec![]));
    assert_eq!(forge.find_pull(BRANCH).await, Ok(None));
}

pub(crate) async fn refresh_brings_main_and_our_branches_into_the_mirror(stage: &impl Stage) {
    let main = stage.human_commit("main", "a", "1");
    let ours = stage.human_commit(BRANCH, "a", "2");
    let forge = stage.forge();
    for _ in 0..2 {
        assert_eq!(forge.refresh().await, Ok(Some(main)));
    }
    assert_eq!(stage.mirror().snapshot(main).unwrap().read("a").unwrap().unwrap(), b"1");
    assert_eq!(stage.mirror().snapshot(ours).unwrap().read("a").unwrap().unwrap(), b"2");
    assert_eq!(stage.mirror().branch(BRANCH).unwrap(), Some(ours));
    let newer = stage.human_commit("main", "a", "3");
    stage.human_push(BRANCH, None);
    assert_eq!(forge.refresh().await, Ok(Some(newer)));
    assert_eq!(stage.mirror().branch("main").unwrap(), Some(newer));
    assert_eq!(stage.mirror().branch(BRANCH).unwrap(), None);
}

pub(crate) async fn a_push_creates_moves_and_removes_a_branch_and_is_safe_to_repeat(stage: &impl Stage) {
    let forge = stage.forge();
    let one = stage.commit(None, "a", "1");
    let two = stage.commit(None, "a", "2");
    for (expected, new) in [(None, Some(one)), (Some(one), Some(two)), (Some(two), None), (None, None)] {
        for _ in 0..2 {
            forge.push(BRANCH, expected, new).await.unwrap();
            assert_eq!(forge.branch(BRANCH).await, Ok(new));
        }
    }
}

pub(crate) async fn a_push_of_a_branch_that_is_elsewhere_does_nothing(stage: &impl Stage) {
    let forge = stage.forge();
    let [one, two, three] = ["1", "2", "3"].map(|content| stage.commit(None, "a", content));
    forge.push(BRANCH, None, Some(one)).await.unwrap();
    for (expected, new) in [(None, Some(two)), (Some(two), Some(three)), (Some(two), None)] {
        assert_eq!(forge.push(BRANCH, expected, new).await, Err(ForgeError::Moved(BRANCH.into())));
        assert_eq!(forge.branch(BRANCH).await, Ok(Some(one)));
    }
    let human = stage.human_commit(BRANCH, "a", "human");
    assert_eq!(forge.push(BRANCH, Some(one), Some(two)).await, Err(ForgeError::Moved(BRANCH.into())));
    assert_eq!(forge.branch(BRANCH).await, Ok(Some(human)));
}

pub(crate) async fn what_is_opened_twice_is_one_pull_request(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let PullText { title, body, draft } = text("one");
    let (number, branch) = (pull.number, BRANCH.to_owned());
    assert_eq!(
        Pull { url: String::new(), ..pull.clone() },
        Pull { number, branch, head, title, body, draft, state: PullState::Open, reviews: vec![], url: String::new() }
    );
    assert_eq!(forge.open_pull(BRANCH, &text("two")).await, Ok(pull.clone()));
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(pull.clone())));
    assert_eq!(forge.pulls().await, Ok(vec![pull]));
}

pub(crate) async fn a_pull_request_needs_a_branch(stage: &impl Stage) {
    let forge = stage.forge();
    stage.human_commit("main", "a", "1");
    for branch in [BRANCH, "not a branch", ""] {
        is_refused(forge.open_pull(branch, &text("one")).await);
    }
    assert_eq!(forge.pulls().await, Ok(vec![]));
}

pub(crate) async fn racing_opens_give_one_pull_request(stage: &impl Stage) {
    let (forge, main, _) = branched(stage).await;
    let other = stage.commit(Some(main), "b", "1");
    forge.push("meshwright/other", None, Some(other)).await.unwrap();
    // Two processes with four tasks for each branch.
    let forges = [forge.clone(), stage.restarted()];
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let forge = Arc::clone(&forges[task % 2]);
            let branch = if task / 2 % 2 == 0 { BRANCH } else { "meshwright/other" };
            tokio::spawn(async move {
                for _ in 0..20 {
                    match forge.open_pull(branch, &text(&format!("by {task}"))).await {
                        Ok(pull) => return (branch, pull),
                        Err(ForgeError::Unavailable(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                panic!("{branch} was never opened");
            })
        })
        .collect();
    let mut given = Vec::new();
    for task in tasks {
        given.push(task.await.unwrap());
    }
    for forge in forges {
        let pulls = forge.pulls().await.unwrap();
        assert_eq!(pulls.len(), 2, "{pulls:#?}");
        for (branch, pull) in &given {
            assert_eq!(pull.branch, *branch);
            assert!(pulls.contains(pull));
        }
    }
}

pub(crate) async fn the_newest_pull_request_of_a_branch_is_found(stage: &impl Stage) {
    let (forge, _, _, first) = opened(stage).await;
    forge.close_pull(first.number, None, "").await.unwrap();
    let second = forge.open_pull(BRANCH, &text("two")).await.unwrap();
    assert!(second.number > first.number);
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap(), second);
    forge.close_pull(second.number, None, "").await.unwrap();
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap().number, second.number);
    assert_eq!(forge.find_pull("meshwright/shop").await, Ok(None));
}

pub(crate) async fn pulls_are_ours_and_come_oldest_first(stage: &impl Stage) {
    let (forge, main, head, _) = opened(stage).await;
    forge.push("feature", None, Some(head)).await.unwrap();
    forge.open_pull("feature", &text("theirs")).await.unwrap();
    for number in 0..12 {
        let (branch, head) = (format!("meshwright/{number}"), stage.commit(Some(main), "n", &number.to_string()));
        forge.push(&branch, None, Some(head)).await.unwrap();
        let pull = forge.open_pull(&branch, &text(&branch)).await.unwrap();
        if number % 3 == 0 {
            forge.close_pull(pull.number, None, "").await.unwrap();
        }
    }
    let found: Vec<_> = forge.pulls().await.unwrap().into_iter().map(|pull| pull.branch).collect();
    let all = std::iter::once(BRANCH.to_owned()).chain((0..12).map(|number| format!("meshwright/{number}")));
    assert_eq!(found, all.collect::<Vec<_>>());
}

pub(crate) async fn an_edit_changes_what_is_said_and_is_safe_to_repeat(stage: &impl Stage) {
    let (forge, _, _, pull) = opened(stage).await;
    let new = PullText { title: "new".into(), body: "new body".into(), draft: true };
    for _ in 0..2 {
        let edited = forge.edit_pull(pull.number, &new).await.unwrap();
        let PullText { title, body, draft } = new.clone();
        assert_eq!(edited, Pull { title, body, draft, ..pull.clone() });
        assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(edited)));
    }
    forge.close_pull(pull.number, None, "").await.unwrap();
    is_refused(forge.edit_pull(pull.number, &text("late")).await);
}

pub(crate) async fn the_head_of_an_open_pull_request_is_that_of_its_branch(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let next = stage.commit(Some(head), "a", "2");
    forge.push(BRANCH, Some(head), Some(next)).await.unwrap();
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap().head, next);
    let human = stage.human_commit(BRANCH, "a", "3");
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap(), Pull { head: human, ..pull.clone() });
    assert_eq!(forge.pulls().await.unwrap(), [Pull { head: human, ..pull }]);
}

pub(crate) async fn closing_keeps_words_and_head_and_is_safe_to_repeat(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    forge.close_pull(pull.number, Some(&alice()), "No.\n\nNever.").await.unwrap();
    let closed = forge.find_pull(BRANCH).await.unwrap().unwrap();
    let state = PullState::Closed { by: Some(alice()), words: "No.\n\nNever.".into() };
    assert_eq!(closed, Pull { state, ..pull });
    forge.close_pull(closed.number, None, "again").await.unwrap();
    forge.push(BRANCH, Some(head), None).await.unwrap();
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(closed)));
}

pub(crate) async fn what_does_not_exist_is_not_found(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let number = pull.number + 1;
    let missing = ForgeError::NotFound(number);
    assert_eq!(forge.edit_pull(number, &text("one")).await, Err(missing.clone()));
    assert_eq!(forge.close_pull(number, None, "").await, Err(missing.clone()));
    assert_eq!(forge.merge(number, at(main, head), "merge").await, Err(missing.clone()));
    assert_eq!(forge.review(number, &review(head, Verdict::Approve, "")).await, Err(missing));
}

pub(crate) async fn a_merge_joins_main_and_head_and_is_safe_to_repeat(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let commit = forge.merge(pull.number, at(main, head), "Merge it\n\nChange-Id: x").await.unwrap();
    assert_eq!(forge.refresh().await, Ok(Some(commit)));
    let info = stage.mirror().commit_info(commit).unwrap();
    assert_eq!((info.parents, info.message.trim_end()), (vec![main, head], "Merge it\n\nChange-Id: x"));
    assert_eq!(forge.merge(pull.number, at(main, head), "again").await, Ok(commit));
    assert_eq!(forge.branch("main").await, Ok(Some(commit)));
    let merged = Pull { state: PullState::Merged { commit }, ..pull };
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(merged.clone())));
    // The branch may go, and the head stays.
    forge.push(BRANCH, Some(head), None).await.unwrap();
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(merged)));
    assert_eq!(forge.merge(1, at(main, head), "again").await, Ok(commit));
    is_refused(forge.merge(1, at(main, main), "at another head").await);
}

pub(crate) async fn a_merge_into_an_empty_repository_makes_main(stage: &impl Stage) {
    let forge = stage.forge();
    let head = stage.commit(None, "a", "1");
    forge.push(BRANCH, None, Some(head)).await.unwrap();
    let pull = forge.open_pull(BRANCH, &text("first")).await.unwrap();
    let commit = forge.merge(pull.number, Ends { main: None, head }, "first").await.unwrap();
    assert_eq!(forge.refresh().await, Ok(Some(commit)));
    assert_eq!(stage.mirror().snapshot(commit).unwrap().read("a").unwrap().unwrap(), b"1");
    assert_eq!(forge.merge(pull.number, Ends { main: None, head }, "first").await, Ok(commit));
}

pub(crate) async fn a_merge_at_another_head_does_nothing(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let human = stage.human_commit(BRANCH, "a", "human");
    assert_eq!(forge.merge(pull.number, at(main, head), "merge").await, Err(ForgeError::Moved(BRANCH.into())));
    assert_eq!(forge.branch("main").await, Ok(Some(main)));
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap().state, PullState::Open);
    forge.merge(pull.number, at(main, human), "merge").await.unwrap();
}

pub(crate) async fn a_merge_keeps_what_main_got_elsewhere(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let human = stage.human_commit("main", "b", "human");
    let moved = Err(ForgeError::Moved("main".into()));
    assert_eq!(
        forge.merge(pull.number, at(main, head), "merge").await,
        moved,
        "who verified it did so on another main"
    );
    let commit = forge.merge(pull.number, at(human, head), "merge").await.unwrap();
    forge.refresh().await.unwrap();
    assert_eq!(stage.mirror().commit_info(commit).unwrap().parents, [human, head]);
    let files = stage.mirror().snapshot(commit).unwrap().read_all("").unwrap();
    let files: Vec<_> =
        files.into_iter().map(|(path, content)| (path, String::from_utf8(content.unwrap()).unwrap())).collect();
    let expected = [("README", "hello"), ("a", "1"), ("b", "human")].map(|(path, text)| (path.into(), text.into()));
    assert_eq!(files, expected);
}

pub(crate) async fn a_merge_over_a_path_that_main_changed_is_refused(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let human = stage.human_commit("main", "a", "human");
    let words = is_refused(forge.merge(pull.number, at(human, head), "merge").await);
    assert!(words.contains('a'), "{words}");
    assert_eq!(forge.branch("main").await, Ok(Some(human)));
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(pull)));
}

pub(crate) async fn drafts_and_closed_pull_requests_are_not_merged(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    forge.edit_pull(pull.number, &PullText { draft: true, ..text("one") }).await.unwrap();
    is_refused(forge.merge(pull.number, at(main, head), "merge").await);
    forge.close_pull(pull.number, None, "").await.unwrap();
    is_refused(forge.merge(pull.number, at(main, head), "merge").await);
    assert_eq!(forge.branch("main").await, Ok(Some(main)));
}

pub(crate) async fn what_is_merged_cannot_be_closed_or_edited(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    forge.merge(pull.number, at(main, head), "merge").await.unwrap();
    is_refused(forge.close_pull(pull.number, None, "").await);
    is_refused(forge.edit_pull(pull.number, &text("late")).await);
    is_refused(forge.review(pull.number, &review(head, Verdict::Approve, "late")).await);
}

pub(crate) async fn racing_merges_all_arrive_once(stage: &impl Stage) {
    let (forge, main, _) = branched(stage).await;
    let forges = [forge.clone(), stage.restarted()];
    let mut tasks = Vec::new();
    for task in 0..6 {
        let (branch, head) = (format!("meshwright/{task}"), stage.commit(Some(main), &format!("f{task}"), "1"));
        forge.push(&branch, None, Some(head)).await.unwrap();
        let number = forge.open_pull(&branch, &text(&branch)).await.unwrap().number;
        // Each is asked for by both processes.
        for forge in forges.iter().map(Arc::clone) {
            tasks.push(tokio::spawn(async move {
                for _ in 0..40 {
                    let Ok(main) = forge.refresh().await else { continue };
                    match forge.merge(number, Ends { main, head }, "merge").await {
                        Ok(commit) => return (number, commit),
                        Err(ForgeError::Moved(name)) => assert_eq!(name, "main"),
                        Err(ForgeError::Unavailable(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                panic!("{number} was never merged");
            }));
        }
    }
    let mut merged = Vec::new();
    for task in tasks {
        merged.push(task.await.unwrap());
    }
    merged.sort_unstable();
    merged.dedup();
    let end = forge.refresh().await.unwrap().unwrap();
    let history = stage.mirror().log(end, Some(main), 100, true).unwrap();
    let mut commits: Vec<_> = history.iter().map(|commit| commit.id).collect();
    commits.sort_unstable();
    let mut expected: Vec<_> = merged.iter().map(|(_, commit)| *commit).collect();
    expected.sort_unstable();
    assert_eq!((merged.len(), commits), (6, expected));
}

pub(crate) async fn reviews_come_in_order_and_are_safe_to_repeat(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let reviews = [
        review(head, Verdict::RequestChanges, "first"),
        review(head, Verdict::Approve, "then"),
        Review { by: Person::local(), ..review(head, Verdict::Approve, "") },
    ];
    for review in &reviews {
        for _ in 0..2 {
            forge.review(pull.number, review).await.unwrap();
        }
    }
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap(), Pull { reviews: reviews.into(), ..pull });
}

pub(crate) async fn a_review_of_other_content_is_refused(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let next = stage.commit(Some(head), "a", "2");
    forge.push(BRANCH, Some(head), Some(next)).await.unwrap();
    let words = is_refused(forge.review(pull.number, &review(head, Verdict::Approve, "")).await);
    assert!(words.contains("look again"), "{words}");
    forge.close_pull(pull.number, None, "").await.unwrap();
    is_refused(forge.review(pull.number, &review(next, Verdict::Approve, "")).await);
    assert!(forge.find_pull(BRANCH).await.unwrap().unwrap().reviews.is_empty());
}

pub(crate) async fn bodies_may_be_long_and_in_any_script(stage: &impl Stage) {
    let (forge, _, _, pull) = opened(stage).await;
    for body in ["", "\n\n", "größe 日本語 🦀 \u{202e}x\u{0}\u{7}\r\n", &"ü".repeat(65_535)] {
        let new = PullText { title: format!("<b>\"{}\" 🦀", body.len()), body: body.into(), draft: false };
        forge.edit_pull(pull.number, &new).await.unwrap();
        let found = forge.find_pull(BRANCH).await.unwrap().unwrap();
        assert_eq!((found.title, found.body), (new.title, new.body));
    }
    is_refused(forge.edit_pull(pull.number, &PullText { body: "x".repeat(65_536), ..text("one") }).await);
    is_refused(forge.open_pull(BRANCH, &PullText { body: "x".repeat(65_536), ..text("one") }).await);
}

pub(crate) async fn all_survives_a_restart(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    forge.review(pull.number, &review(head, Verdict::Approve, "fine")).await.unwrap();
    for (branch, closed) in [("meshwright/closed", true), ("meshwright/merged", false)] {
        let head = stage.commit(Some(main), branch, "1");
        forge.push(branch, None, Some(head)).await.unwrap();
        let number = forge.open_pull(branch, &text(branch)).await.unwrap().number;
        if closed {
            forge.close_pull(number, Some(&alice()), "no").await.unwrap();
        } else {
            forge.merge(number, at(main, head), "merge").await.unwrap();
        }
    }
    let restarted = stage.restarted();
    assert_eq!(restarted.refresh().await, forge.refresh().await);
    assert_eq!(restarted.pulls().await.unwrap(), forge.pulls().await.unwrap());
    assert_eq!(restarted.find_pull(BRANCH).await.unwrap(), forge.find_pull(BRANCH).await.unwrap());
    let ends = Ends { main: forge.refresh().await.unwrap(), head };
    restarted.merge(pull.number, ends, "merge").await.unwrap();
    assert!(matches!(forge.find_pull(BRANCH).await.unwrap().unwrap().state, PullState::Merged { .. }));
}

pub(crate) async fn a_forge_that_does_not_answer_is_unavailable_and_comes_back(stage: &impl Stage) {
    let (forge, main, head) = branched(stage).await;
    stage.break_it();
    for _ in 0..2 {
        let result = forge.open_pull(BRANCH, &text("one")).await;
        assert!(matches!(result, Err(ForgeError::Unavailable(_))), "{result:?}");
    }
    stage.mend();
    assert_eq!(forge.find_pull(BRANCH).await, Ok(None));
    let pull = forge.open_pull(BRANCH, &text("one")).await.unwrap();
    forge.merge(pull.number, at(main, head), "merge").await.unwrap();
}

pub(crate) async fn a_branch_that_a_human_deletes_leaves_its_pull_request_open(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    stage.human();
    stage.human_push(BRANCH, None);
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(pull.clone())));
    assert_eq!(stage.restarted().find_pull(BRANCH).await, Ok(Some(pull.clone())));
    assert_eq!(forge.merge(pull.number, at(main, head), "merge").await, Err(ForgeError::Moved(BRANCH.into())));
    assert_eq!(forge.branch("main").await, Ok(Some(main)));
    forge.push(BRANCH, None, Some(head)).await.unwrap();
    forge.merge(pull.number, at(main, head), "merge").await.unwrap();
}

pub(crate) async fn what_a_human_merges_is_merged(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let between = stage.human_commit("main", "b", "human");
    let human = stage.human();
    let tree = |commit| human.commit_info(commit).unwrap().tree;
    let joined = human.merge_trees(tree(main), tree(between), tree(head)).unwrap();
    let commit = human.commit_tree(joined, &[between, head], &crate::stage::bot(), 0, "by hand", None).unwrap();
    stage.human_push("main", Some(commit));
    stage.human_push(BRANCH, None);
    stage.human_commit("main", "c", "later");
    let merged = Pull { state: PullState::Merged { commit }, ..pull };
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(merged.clone())));
    assert_eq!(stage.restarted().pulls().await, Ok(vec![merged]));
}

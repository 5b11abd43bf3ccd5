//! The contract of a forge, a sentence each.

use std::sync::Arc;

use meshwright::change::forge::{Ends, ForgeError, Merged, Pull, PullState, PullText, Review, Verdict};
use meshwright::change::{Forge, Person, Timestamp};
use meshwright::repo::{CommitId, Files as _};

use crate::stage::Stage;

pub(crate) const BRANCH: &str = "meshwright/shop-0123456789ab";

pub(crate) fn text(title: &str) -> PullText {
    PullText { title: title.into(), body: format!("Body of {title}"), draft: false, reviewers: [].into() }
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
    assert_eq!(forge.refresh_all().await, Ok(Some(main)));
    let head = stage.commit(Some(main), "a", "1");
    let head = forge.push(BRANCH, None, head).await.unwrap();
    (forge, main, head)
}

pub(crate) async fn opened(stage: &impl Stage) -> (Arc<dyn Forge>, CommitId, CommitId, Pull) {
    let (forge, main, head) = branched(stage).await;
    let pull = forge.open_pull(BRANCH, &text("one")).await.unwrap();
    (forge, main, head, pull)
}

/// Looks at the forge, and says where main is.
pub(crate) async fn look(forge: &Arc<dyn Forge>) -> Option<CommitId> {
    forge.refresh_all().await.unwrap()
}

/// What is found of `BRANCH` by a look.
pub(crate) async fn seen(forge: &Arc<dyn Forge>) -> Option<Pull> {
    look(forge).await;
    forge.find_pull(BRANCH).await.unwrap()
}

/// Merges, and says by which commit.
pub(crate) async fn merged(forge: &Arc<dyn Forge>, number: u64, ends: Ends, message: &str) -> CommitId {
    match forge.merge(number, ends, message).await.unwrap() {
        Merged::By(commit) => commit,
        Merged::Queued => panic!("main has no queue"),
    }
}

pub(crate) fn is_refused<T: std::fmt::Debug>(result: Result<T, ForgeError>) -> String {
    match result {
        Err(ForgeError::Refused(words)) => words,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn an_empty_repository_has_no_main_and_no_pulls(stage: &impl Stage) {
    let forge = stage.forge();
    assert_eq!(forge.refresh_all().await, Ok(None));
    assert_eq!(forge.branch("main").await, Ok(None));
    assert_eq!(forge.open_pulls().await, Ok(vec![]));
    assert_eq!(forge.find_pull(BRANCH).await, Ok(None));
}

pub(crate) async fn refresh_brings_main_and_our_branches_into_the_mirror(stage: &impl Stage) {
    let main = stage.human_commit("main", "a", "1");
    let ours = stage.human_commit(BRANCH, "a", "2");
    let forge = stage.forge();
    for _ in 0..2 {
        assert_eq!(forge.refresh_all().await, Ok(Some(main)));
    }
    assert_eq!(stage.mirror().snapshot(main).unwrap().read("a").unwrap().unwrap(), b"1");
    assert_eq!(stage.mirror().snapshot(ours).unwrap().read("a").unwrap().unwrap(), b"2");
    assert_eq!(stage.mirror().branch(BRANCH).unwrap(), Some(ours));
    let newer = stage.human_commit("main", "a", "3");
    stage.human_push(BRANCH, None);
    assert_eq!(forge.refresh_all().await, Ok(Some(newer)));
    assert_eq!(stage.mirror().branch("main").unwrap(), Some(newer));
    assert_eq!(stage.mirror().branch(BRANCH).unwrap(), None);
}

pub(crate) async fn a_push_creates_moves_and_removes_a_branch_and_is_safe_to_repeat(stage: &impl Stage) {
    let forge = stage.forge();
    let one = stage.commit(None, "a", "1");
    let two = stage.commit(None, "a", "2");
    for (expected, new) in [(None, one), (Some(one), two)] {
        for _ in 0..2 {
            assert_eq!(forge.push(BRANCH, expected, new).await, Ok(new));
            assert_eq!(forge.branch(BRANCH).await, Ok(Some(new)));
        }
    }
    for _ in 0..2 {
        forge.remove(BRANCH, two).await.unwrap();
        assert_eq!(forge.branch(BRANCH).await, Ok(None));
    }
}

pub(crate) async fn a_push_of_a_branch_that_is_elsewhere_does_nothing(stage: &impl Stage) {
    let forge = stage.forge();
    let [one, two, three] = ["1", "2", "3"].map(|content| stage.commit(None, "a", content));
    forge.push(BRANCH, None, one).await.unwrap();
    let moved = ForgeError::Moved(BRANCH.into());
    for (expected, new) in [(None, two), (Some(two), three)] {
        assert_eq!(forge.push(BRANCH, expected, new).await, Err(moved.clone()));
        assert_eq!(forge.branch(BRANCH).await, Ok(Some(one)));
    }
    assert_eq!(forge.remove(BRANCH, two).await, Err(moved.clone()));
    assert_eq!(forge.branch(BRANCH).await, Ok(Some(one)));
    let human = stage.human_commit(BRANCH, "a", "human");
    assert_eq!(forge.push(BRANCH, Some(one), two).await, Err(moved.clone()));
    assert_eq!(forge.remove(BRANCH, one).await, Err(moved));
    look(&forge).await;
    assert_eq!(forge.branch(BRANCH).await, Ok(Some(human)));
}

pub(crate) async fn what_is_opened_twice_is_one_pull_request(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let PullText { title, body, draft, .. } = text("one");
    let (number, branch, state) = (pull.number, BRANCH.to_owned(), PullState::Open);
    let (reviews, queued, url) = (vec![], false, pull.url.clone());
    assert_eq!(pull, Pull { number, branch, head, title, body, draft, state, reviews, queued, url });
    assert_eq!(forge.open_pull(BRANCH, &text("two")).await, Ok(pull.clone()));
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(pull.clone())));
    assert_eq!(forge.open_pulls().await, Ok(vec![pull]));
}

pub(crate) async fn a_pull_request_needs_a_branch(stage: &impl Stage) {
    let forge = stage.forge();
    stage.human_commit("main", "a", "1");
    for branch in [BRANCH, "not a branch", ""] {
        is_refused(forge.open_pull(branch, &text("one")).await);
    }
    assert_eq!(forge.open_pulls().await, Ok(vec![]));
}

pub(crate) async fn racing_opens_give_one_pull_request(stage: &impl Stage) {
    let (forge, main, _) = branched(stage).await;
    let other = stage.commit(Some(main), "b", "1");
    forge.push("meshwright/other", None, other).await.unwrap();
    // Two processes with four tasks for each branch.
    let forges = [forge.clone(), stage.restarted()];
    look(&forges[1]).await;
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
        look(&forge).await;
        let pulls = forge.open_pulls().await.unwrap();
        assert_eq!(pulls.len(), 2, "{pulls:#?}");
        for (branch, pull) in &given {
            assert_eq!(pull.branch, *branch);
            assert!(pulls.contains(pull), "{pulls:#?} {pull:#?}");
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

pub(crate) async fn open_pulls_are_ours_and_come_oldest_first(stage: &impl Stage) {
    let (forge, main, head, _) = opened(stage).await;
    forge.push("feature", None, head).await.unwrap();
    forge.open_pull("feature", &text("theirs")).await.unwrap();
    for number in 0..12 {
        let (branch, head) = (format!("meshwright/{number}"), stage.commit(Some(main), "n", &number.to_string()));
        forge.push(&branch, None, head).await.unwrap();
        let pull = forge.open_pull(&branch, &text(&branch)).await.unwrap();
        if number % 3 == 0 {
            forge.close_pull(pull.number, None, "").await.unwrap();
        }
    }
    let open = (0..12).filter(|number| number % 3 != 0).map(|number| format!("meshwright/{number}"));
    let expected: Vec<_> = std::iter::once(BRANCH.to_owned()).chain(open).collect();
    for forge in [forge, stage.restarted()] {
        look(&forge).await;
        let found: Vec<_> = forge.open_pulls().await.unwrap().into_iter().map(|pull| pull.branch).collect();
        assert_eq!(found, expected);
    }
}

pub(crate) async fn an_edit_changes_what_is_said_and_is_safe_to_repeat(stage: &impl Stage) {
    let (forge, _, _, pull) = opened(stage).await;
    let new = PullText { title: "new".into(), body: "new body".into(), draft: true, reviewers: [].into() };
    for _ in 0..2 {
        let edited = forge.edit_pull(pull.number, &new).await.unwrap();
        let PullText { title, body, draft, .. } = new.clone();
        assert_eq!(edited, Pull { title, body, draft, ..pull.clone() });
        assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(edited)));
    }
    forge.close_pull(pull.number, None, "").await.unwrap();
    is_refused(forge.edit_pull(pull.number, &text("late")).await);
}

pub(crate) async fn the_head_of_an_open_pull_request_is_that_of_its_branch(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let next = stage.commit(Some(head), "a", "2");
    let next = forge.push(BRANCH, Some(head), next).await.unwrap();
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap().head, next);
    let human = stage.human_commit(BRANCH, "a", "3");
    assert_eq!(seen(&forge).await.unwrap(), Pull { head: human, ..pull.clone() });
    assert_eq!(forge.open_pulls().await.unwrap(), [Pull { head: human, ..pull }]);
}

pub(crate) async fn closing_keeps_words_and_head_and_is_safe_to_repeat(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    forge.close_pull(pull.number, Some(&alice()), "No.\n\nNever.").await.unwrap();
    let closed = forge.find_pull(BRANCH).await.unwrap().unwrap();
    // Where people sign in, who closes through us is not signed in there.
    let by = (!stage.is_hosted()).then(alice);
    let state = PullState::Closed { by, words: "No.\n\nNever.".into() };
    assert_eq!(closed, Pull { state, ..pull });
    forge.close_pull(closed.number, None, "again").await.unwrap();
    forge.remove(BRANCH, head).await.unwrap();
    assert_eq!(seen(&forge).await, Some(closed.clone()));
    assert_eq!(seen(&stage.restarted()).await, Some(closed));
}

pub(crate) async fn what_does_not_exist_is_not_found(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let number = pull.number + 1;
    let missing = ForgeError::NotFound(number);
    assert_eq!(forge.edit_pull(number, &text("one")).await, Err(missing.clone()));
    assert_eq!(forge.close_pull(number, None, "").await, Err(missing.clone()));
    assert_eq!(forge.merge(number, at(main, head), "merge").await, Err(missing.clone()));
    if !stage.is_hosted() {
        assert_eq!(forge.review(number, &review(head, Verdict::Approve, "")).await, Err(missing));
    }
}

pub(crate) async fn a_merge_joins_main_and_head_and_is_safe_to_repeat(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let commit = merged(&forge, pull.number, at(main, head), "Merge it\n\nChange-Id: x").await;
    assert_eq!(look(&forge).await, Some(commit));
    let info = stage.mirror().commit_info(commit).unwrap();
    assert_eq!((info.parents, info.message.trim_end()), (vec![main, head], "Merge it\n\nChange-Id: x"));
    assert_eq!(forge.merge(pull.number, at(main, head), "again").await, Ok(Merged::By(commit)));
    assert_eq!(forge.branch("main").await, Ok(Some(commit)));
    let after = Pull { state: PullState::Merged { commit }, ..pull };
    assert_eq!(forge.find_pull(BRANCH).await, Ok(Some(after.clone())));
    // The branch may go, and the head stays.
    forge.remove(BRANCH, head).await.unwrap();
    assert_eq!(seen(&forge).await, Some(after));
    assert_eq!(forge.merge(1, at(main, head), "again").await, Ok(Merged::By(commit)));
    is_refused(forge.merge(1, at(main, main), "at another head").await);
}

pub(crate) async fn a_merge_into_an_empty_repository_makes_main(stage: &impl Stage) {
    let forge = stage.forge();
    let head = stage.commit(None, "a", "1");
    forge.push(BRANCH, None, head).await.unwrap();
    if stage.is_hosted() {
        // There a pull request needs something to be merged into.
        is_refused(forge.open_pull(BRANCH, &text("first")).await);
        return;
    }
    let pull = forge.open_pull(BRANCH, &text("first")).await.unwrap();
    let ends = Ends { main: None, head };
    let commit = merged(&forge, pull.number, ends, "first").await;
    assert_eq!(look(&forge).await, Some(commit));
    assert_eq!(stage.mirror().snapshot(commit).unwrap().read("a").unwrap().unwrap(), b"1");
    assert_eq!(merged(&forge, pull.number, ends, "first").await, commit);
}

pub(crate) async fn a_merge_at_another_head_does_nothing(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    let human = stage.human_commit(BRANCH, "a", "human");
    assert_eq!(forge.merge(pull.number, at(main, head), "merge").await, Err(ForgeError::Moved(BRANCH.into())));
    assert_eq!(look(&forge).await, Some(main));
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
    let commit = merged(&forge, pull.number, at(human, head), "merge").await;
    look(&forge).await;
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
    is_refused(forge.merge(pull.number, at(human, head), "merge").await);
    assert_eq!(look(&forge).await, Some(human));
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
        let head = forge.push(&branch, None, head).await.unwrap();
        let number = forge.open_pull(&branch, &text(&branch)).await.unwrap().number;
        // Each is asked for by both processes.
        for forge in forges.iter().map(Arc::clone) {
            tasks.push(tokio::spawn(async move {
                for _ in 0..40 {
                    let Ok(main) = forge.refresh_all().await else { continue };
                    match forge.merge(number, Ends { main, head }, "merge").await {
                        Ok(Merged::By(commit)) => return (number, commit),
                        Ok(Merged::Queued) => panic!("main has no queue"),
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
    let end = look(&forge).await.unwrap();
    let history = stage.mirror().log(end, Some(main), 100, true).unwrap();
    let mut commits: Vec<_> = history.iter().map(|commit| commit.id).collect();
    commits.sort_unstable();
    let mut expected: Vec<_> = merged.iter().map(|(_, commit)| *commit).collect();
    expected.sort_unstable();
    assert_eq!((merged.len(), commits), (6, expected));
}

pub(crate) async fn bodies_may_be_long_and_in_any_script(stage: &impl Stage) {
    let (forge, _, _, pull) = opened(stage).await;
    for body in ["", "\n\n", "größe 日本語 🦀 \u{202e}x\u{0}\u{7}\r\n", &"ü".repeat(65_535)] {
        let new = PullText { title: format!("<b>\"{}\" 🦀", body.len()), body: body.into(), ..text("x") };
        forge.edit_pull(pull.number, &new).await.unwrap();
        let found = forge.find_pull(BRANCH).await.unwrap().unwrap();
        assert_eq!((found.title, found.body), (new.title, new.body));
    }
    is_refused(forge.edit_pull(pull.number, &PullText { body: "x".repeat(65_536), ..text("one") }).await);
    is_refused(forge.open_pull(BRANCH, &PullText { body: "x".repeat(65_536), ..text("one") }).await);
}

pub(crate) async fn all_survives_a_restart(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    stage.give(&pull, Verdict::Approve, "fine").await;
    for (branch, closed) in [("meshwright/closed", true), ("meshwright/merged", false)] {
        let head = stage.commit(Some(main), branch, "1");
        let head = forge.push(branch, None, head).await.unwrap();
        let number = forge.open_pull(branch, &text(branch)).await.unwrap().number;
        if closed {
            forge.close_pull(number, Some(&alice()), "no").await.unwrap();
        } else {
            forge.merge(number, at(main, head), "merge").await.unwrap();
        }
    }
    let restarted = stage.restarted();
    assert_eq!(look(&restarted).await, look(&forge).await);
    assert_eq!(restarted.open_pulls().await.unwrap().len(), 1);
    for branch in [BRANCH, "meshwright/closed", "meshwright/merged"] {
        assert_eq!(restarted.find_pull(branch).await.unwrap(), forge.find_pull(branch).await.unwrap(), "{branch}");
    }
    let ends = Ends { main: look(&forge).await, head };
    restarted.merge(pull.number, ends, "merge").await.unwrap();
    assert!(matches!(seen(&forge).await.unwrap().state, PullState::Merged { .. }));
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

//! What every forge promises of what people do past Meshwright, a sentence each.

use meshwright::change::forge::{ForgeError, Pull, PullState, Verdict};

use crate::promises::{BRANCH, at, is_refused, look, opened, review, seen};
use crate::stage::Stage;

pub(crate) async fn reviews_come_in_order(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let given = [(Verdict::RequestChanges, "first"), (Verdict::Approve, "then")];
    for (verdict, words) in given {
        stage.give(&pull, verdict, words).await;
    }
    let found = seen(&forge).await.unwrap();
    let said = found.reviews.iter().map(|review| (review.verdict, review.words.as_str(), review.head));
    assert_eq!(said.collect::<Vec<_>>(), given.map(|(verdict, words)| (verdict, words, head)));
    assert!(found.reviews.iter().all(|review| review.by.name.ends_with(":alice")), "{found:#?}");
    assert_eq!(Pull { reviews: vec![], ..found.clone() }, pull);
    assert_eq!(seen(&stage.restarted()).await, Some(found));
}

pub(crate) async fn a_review_is_recorded_once_or_refused_where_it_is_given_elsewhere(stage: &impl Stage) {
    let (forge, _, head, pull) = opened(stage).await;
    let one = review(head, Verdict::Approve, "one");
    if stage.is_hosted() {
        let words = is_refused(forge.review(pull.number, &one).await);
        assert!(words.contains("on the forge itself"), "{words}");
        assert!(pull.url.ends_with(&format!("/pull/{}", pull.number)), "{}", pull.url);
        return;
    }
    for _ in 0..2 {
        forge.review(pull.number, &one).await.unwrap();
    }
    let next = stage.commit(Some(head), "a", "2");
    forge.push(BRANCH, Some(head), next).await.unwrap();
    let words = is_refused(forge.review(pull.number, &review(head, Verdict::Approve, "")).await);
    assert!(words.contains("look again"), "{words}");
    forge.close_pull(pull.number, None, "").await.unwrap();
    is_refused(forge.review(pull.number, &review(next, Verdict::Approve, "")).await);
    assert_eq!(forge.find_pull(BRANCH).await.unwrap().unwrap().reviews, [one]);
}

pub(crate) async fn a_branch_that_a_human_deletes_is_not_merged(stage: &impl Stage) {
    let (forge, main, head, pull) = opened(stage).await;
    stage.human();
    stage.human_push(BRANCH, None);
    for forge in [forge.clone(), stage.restarted()] {
        let found = seen(&forge).await.unwrap();
        let state = match (stage.is_hosted(), &found.state) {
            // A pull request without its branch is closed there, by whoever removed the branch.
            (true, PullState::Closed { by: Some(by), .. }) if by.name.ends_with(":human") => found.state.clone(),
            _ => PullState::Open,
        };
        assert_eq!(found, Pull { state, ..pull.clone() });
    }
    if !stage.is_hosted() {
        assert_eq!(forge.merge(pull.number, at(main, head), "merge").await, Err(ForgeError::Moved(BRANCH.into())));
        forge.push(BRANCH, None, head).await.unwrap();
        forge.merge(pull.number, at(main, head), "merge").await.unwrap();
    } else {
        is_refused(forge.merge(pull.number, at(main, head), "merge").await);
        assert_eq!(look(&forge).await, Some(main));
    }
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
    for forge in [forge, stage.restarted()] {
        assert_eq!(seen(&forge).await, Some(merged.clone()));
        assert_eq!(forge.open_pulls().await, Ok(vec![]));
    }
}

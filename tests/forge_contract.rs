//! What every forge promises to the life of a change, and how far that carries when calls fail.
//!
//! `promises.rs` holds the contract, one sentence each, for any forge that has a `Stage`; `faulty.rs` makes calls of any
//! forge fail before or after their effect.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is a test")]

#[path = "double/mod.rs"]
mod double;
#[path = "forge_contract/embedded.rs"]
mod embedded;
#[path = "forge_contract/faulty.rs"]
mod faulty;
#[path = "forge_contract/people.rs"]
mod people;
#[path = "forge_contract/promises.rs"]
mod promises;
#[path = "forge_contract/schedules.rs"]
mod schedules;
#[path = "forge_contract/served.rs"]
mod served;
#[path = "forge_contract/stage.rs"]
mod stage;

macro_rules! on_stage {
    ($name:ident, $stage:expr, $($room:ident::$promise:ident,)*) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    crate::$room::$promise(&$stage).await;
                }
            )*
        }
    };
}

/// One test for each promise and each stage.
macro_rules! contract {
    ($($room:ident::$promise:ident,)*) => {
        on_stage!(in_the_repository_itself, crate::stage::Plain::alone(), $($room::$promise,)*);
        on_stage!(with_a_plain_remote, crate::stage::Plain::with_remote(), $($room::$promise,)*);
        on_stage!(on_github, crate::served::Served::github(), $($room::$promise,)*);
        on_stage!(on_github_as_an_app, crate::served::Served::github_app(), $($room::$promise,)*);
        on_stage!(on_github_that_makes_commits, crate::served::Served::github_making(), $($room::$promise,)*);
        on_stage!(on_gitea, crate::served::Served::gitea(), $($room::$promise,)*);
    };
}

contract![
    promises::an_empty_repository_has_no_main_and_no_pulls,
    promises::refresh_brings_main_and_our_branches_into_the_mirror,
    promises::a_push_creates_moves_and_removes_a_branch_and_is_safe_to_repeat,
    promises::a_push_of_a_branch_that_is_elsewhere_does_nothing,
    promises::what_is_opened_twice_is_one_pull_request,
    promises::a_pull_request_needs_a_branch,
    promises::racing_opens_give_one_pull_request,
    promises::the_newest_pull_request_of_a_branch_is_found,
    promises::open_pulls_are_ours_and_come_oldest_first,
    promises::an_edit_changes_what_is_said_and_is_safe_to_repeat,
    promises::the_head_of_an_open_pull_request_is_that_of_its_branch,
    promises::closing_keeps_words_and_head_and_is_safe_to_repeat,
    promises::what_does_not_exist_is_not_found,
    promises::a_merge_joins_main_and_head_and_is_safe_to_repeat,
    promises::a_merge_into_an_empty_repository_makes_main,
    promises::a_merge_at_another_head_does_nothing,
    promises::a_merge_keeps_what_main_got_elsewhere,
    promises::a_merge_over_a_path_that_main_changed_is_refused,
    promises::drafts_and_closed_pull_requests_are_not_merged,
    promises::what_is_merged_cannot_be_closed_or_edited,
    promises::racing_merges_all_arrive_once,
    people::reviews_come_in_order,
    people::a_review_is_recorded_once_or_refused_where_it_is_given_elsewhere,
    promises::bodies_may_be_long_and_in_any_script,
    promises::all_survives_a_restart,
    promises::a_forge_that_does_not_answer_is_unavailable_and_comes_back,
    people::a_branch_that_a_human_deletes_is_not_merged,
    people::what_a_human_merges_is_merged,
];

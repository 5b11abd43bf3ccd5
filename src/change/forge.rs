//! What the life of a change needs of a forge: branches, pull requests, reviews, merging.
//!
//! A forge is remote. A call that fails may have had its effect all the same, so nothing is concluded from a failure:
//! the state is read back. Whatever is asked for twice happens once.
//!
//! Looking is apart from asking, because a forge bounds how often it is asked: `refresh` and `refresh_pulls` look, and every other question is
//! answered by what that look found, by what our own calls came to since, or by something newer. No call is repeated
//! here: who asks looks again, and tries again.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::codeowners::Owner;
use super::id::Timestamp;
use super::person::Person;
use crate::repo::CommitId;

/// Why a forge did not do what it was asked, or did not say that it did.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// A branch is not where it was expected: somebody else moved it. Nothing was done.
    #[error("{0} moved")]
    Moved(String),
    /// There is no such pull request. Nothing was done.
    #[error("there is no pull request {0}")]
    NotFound(u64),
    /// The forge refuses, and would refuse again: not mergeable, closed, not allowed. Nothing was done.
    #[error("{0}")]
    Refused(String),
    /// No answer, or one that says nothing about the effect. It may or may not have happened; ask again later.
    #[error("the forge did not answer: {0}")]
    Unavailable(String),
    /// The forge takes no more of such requests before this moment, or it would break a limit of its own. Nothing was done.
    #[error("the forge takes no more requests for now: its limit is used up until {0}")]
    Later(Timestamp),
}

/// What a forge has beside branches and pull requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Abilities {
    /// A comment of ours and a report on a commit are seen there by people.
    pub remarks: bool,
    /// Reviews are given there, by people who are signed in there, and not through Meshwright.
    pub reviews: bool,
}

/// What became of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PullState {
    /// It can be reviewed and merged.
    Open,
    /// It is on main, by this commit.
    Merged {
        /// The merge commit.
        commit: CommitId,
    },
    /// Somebody closed it.
    Closed {
        /// Who; none when it was Meshwright.
        by: Option<Person>,
        /// Their words.
        words: String,
    },
}

/// What a reviewer said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It may be merged.
    Approve,
    /// It may not, as it is.
    RequestChanges,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The reviewer.
    pub by: Person,
    /// What they said.
    pub verdict: Verdict,
    /// The commit they looked at.
    pub head: CommitId,
    /// When.
    pub at: Timestamp,
    /// Their words.
    pub words: String,
}

/// A pull request, as the forge says it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// The branch it wants merged.
    pub branch: String,
    /// The commit of that branch; of a pull request that is not open, the last one.
    pub head: CommitId,
    /// Its title.
    pub title: String,
    /// Its body, in Markdown.
    pub body: String,
    /// Whether it is not ready for review.
    pub draft: bool,
    /// What became of it.
    #[serde(flatten)]
    pub state: PullState,
    /// Its reviews, oldest first: those of people who may review there, without the ones that were dismissed.
    pub reviews: Vec<Review>,
    /// Whether it waits in a merge queue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub queued: bool,
    /// Where a human sees it; empty where there is no such place.
    pub url: String,
}

/// What a pull request says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PullText {
    /// The title.
    pub title: String,
    /// The body, in Markdown, below 65,536 characters.
    pub body: String,
    /// Whether it is not ready for review.
    pub draft: bool,
    /// Who shall be asked to review it, where somebody can be asked.
    pub reviewers: BTreeSet<Owner>,
}

/// How far a merge came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// It is on main, by this commit.
    By(CommitId),
    /// It waits in the merge queue of main, which merges it or gives it back.
    Queued,
}

/// What Meshwright found out about a commit, for whoever reads the pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing stands in the way of a review.
    pub passed: bool,
    /// One line.
    pub title: String,
    /// Markdown of at most 65,535 characters.
    pub summary: String,
    /// What is said of files, the most important first.
    pub annotations: Vec<Annotation>,
    /// Where all of it can be seen; none where nobody knows how readers reach this server.
    pub url: Option<String>,
}

/// What is said of a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    /// The path of the file in the config repository.
    pub path: String,
    /// The line, from 1 on.
    pub line: u32,
    /// Whether it blocks.
    pub failure: bool,
    /// What is wrong and what to do.
    pub message: String,
}

/// A check of the config repository that has to pass before main takes a commit, and has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// Its name, as the rule has it.
    pub name: String,
    /// Whether it failed; else it has not ended, or has not begun.
    pub failed: bool,
}

/// Something that a person wrote below a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number, which grows.
    pub id: u64,
    /// The number of the pull request.
    pub pull: u64,
    /// Who wrote it.
    pub by: Person,
    /// What.
    pub words: String,
    /// When.
    pub at: Timestamp,
}

/// What was written since a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// What people wrote below our pull requests, oldest first.
    pub comments: Vec<Comment>,
    /// When the newest of all was written that the forge showed, whoever wrote it and wherever: what came before need not
    /// be asked for again.
    pub up_to: Timestamp,
}

/// A short answer to a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// It is done.
    Done,
    /// It cannot be done, or they may not ask for it.
    Refused,
}

/// What a merge joins: main and a head, each as it was when somebody looked whether they may be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Main; none in an empty repository.
    pub main: Option<CommitId>,
    /// The head of the pull request.
    pub head: CommitId,
}

/// Requests that create or change something and that a forge may still be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Within this minute.
    pub minute: usize,
    /// Within this hour.
    pub hour: usize,
}

/// Where pull requests live. See the module's words on failures, and on what answers are made of.
#[async_trait]
pub trait Forge: Send + Sync {
    /// What it has beside branches and pull requests.
    fn abilities(&self) -> Abilities;

    /// Whether that is the login which we act under, as far as that is known.
    fn is_own(&self, login: &str) -> bool;

    /// How many requests that create or change something it may still be sent; none where that is not bounded.
    fn left(&self) -> Option<Left>;

    /// Brings main and our branches into the mirror, and says where main is; none in an empty repository.
    async fn refresh(&self) -> Result<Option<CommitId>, ForgeError>;

    /// Looks at the pull requests, after the branches.
    async fn refresh_pulls(&self) -> Result<(), ForgeError>;

    /// Looks at both.
    async fn refresh_all(&self) -> Result<Option<CommitId>, ForgeError> {
        let main = self.refresh().await?;
        self.refresh_pulls().await?;
        Ok(main)
    }

    /// Where a branch is; none when it is not there. Its commits are in the mirror afterwards.
    async fn branch(&self, name: &str) -> Result<Option<CommitId>, ForgeError>;

    /// Moves a branch from `expected` (none: it must not be there) to `new`, whose objects are in the mirror, and says where
    /// it is then: at `new`, or at a commit of the same parents, tree and message that the forge made of it. A branch that is
    /// at `new` already is a success.
    async fn push(&self, branch: &str, expected: Option<CommitId>, new: CommitId) -> Result<CommitId, ForgeError>;

    /// Removes a branch that is at `expected`; one that is gone is a success.
    async fn remove(&self, branch: &str, expected: CommitId) -> Result<(), ForgeError>;

    /// Every open pull request of a branch below `meshwright/`, oldest first, without its reviews.
    async fn open_pulls(&self) -> Result<Vec<Pull>, ForgeError>;

    /// The newest pull request of a branch, whatever became of it. The commits of its head are in the mirror afterwards,
    /// where they are left anywhere.
    async fn find_pull(&self, branch: &str) -> Result<Option<Pull>, ForgeError>;

    /// Opens a pull request, or gives the open one of that branch.
    async fn open_pull(&self, branch: &str, text: &PullText) -> Result<Pull, ForgeError>;

    /// Changes what an open pull request says.
    async fn edit_pull(&self, number: u64, text: &PullText) -> Result<Pull, ForgeError>;

    /// Closes a pull request with some words; one that is closed already is a success.
    async fn close_pull(&self, number: u64, by: Option<&Person>, words: &str) -> Result<(), ForgeError>;

    /// Merges a pull request into main if both are where `ends` says, or has it merged by the queue of main. One that was
    /// merged at that head already is a success. A forge that cannot guard main itself looks where it is right before.
    async fn merge(&self, number: u64, ends: Ends, message: &str) -> Result<Merged, ForgeError>;

    /// Who is in a team, `organisation/team` in any case: their logins with the forge's prefix, such as `github:alice`,
    /// those in teams below it too.
    async fn members(&self, team: &str) -> Result<BTreeSet<String>, ForgeError>;

    /// Records a review, where reviews are given through Meshwright. Forges with reviews of their own refuse.
    async fn review(&self, number: u64, review: &Review) -> Result<(), ForgeError>;

    /// The checks that main requires of a commit and that have not passed.
    async fn unmet(&self, head: CommitId) -> Result<Vec<Unmet>, ForgeError>;

    /// Has the one comment of ours below a pull request say this. Only where it has remarks.
    async fn remark(&self, number: u64, words: &str) -> Result<(), ForgeError>;

    /// Has the one report of ours on the head of a pull request say this. Only where it has remarks.
    async fn report(&self, head: CommitId, report: &Report) -> Result<(), ForgeError>;

    /// What people wrote since a moment. Only where it has remarks.
    async fn comments(&self, since: Timestamp) -> Result<Heard, ForgeError>;

    /// Answers a comment by a sign. Only where it has remarks.
    async fn react(&self, comment: u64, reaction: Reaction) -> Result<(), ForgeError>;

    /// Has the next question about the pull request of a branch asked anew: what an earlier look found does not do.
    fn forget(&self, branch: &str);

    /// Whether somebody who is signed in there may write to the config repository.
    async fn may_write(&self, person: &Person) -> Result<bool, ForgeError>;
}

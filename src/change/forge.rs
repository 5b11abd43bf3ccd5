//! What the life of a change needs of a forge: branches, pull requests, reviews, merging.
//!
//! A forge is remote. A call that fails may have had its effect all the same, so nothing is concluded from a failure:
//! the state is read back. Whatever is asked for twice happens once.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

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
    /// Its reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Where a human sees it; empty where there is no such place.
    pub url: String,
}

/// What a pull request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullText {
    /// The title.
    pub title: String,
    /// The body, in Markdown, below 65,536 characters.
    pub body: String,
    /// Whether it is not ready for review.
    pub draft: bool,
}

/// What a merge joins: main and a head, each as it was when somebody looked whether they may be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Main; none in an empty repository.
    pub main: Option<CommitId>,
    /// The head of the pull request.
    pub head: CommitId,
}

/// Where pull requests live. See the module's words on failures.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Brings main and our branches into the mirror, and says where main is; none in an empty repository.
    async fn refresh(&self) -> Result<Option<CommitId>, ForgeError>;

    /// Where a branch is on the forge now; none when it is not there. Its commits are in the mirror afterwards.
    async fn branch(&self, name: &str) -> Result<Option<CommitId>, ForgeError>;

    /// Moves a branch from `expected` (none: it must not be there) to `new` (none: remove it), whose objects are in the
    /// mirror. A branch that is at `new` already is a success.
    async fn push(&self, branch: &str, expected: Option<CommitId>, new: Option<CommitId>) -> Result<(), ForgeError>;

    /// Every pull request of a branch below `meshwright/`, oldest first, whatever became of it.
    async fn pulls(&self) -> Result<Vec<Pull>, ForgeError>;

    /// The newest pull request of a branch, whatever became of it. The commits of its head are in the mirror afterwards,
    /// where they are left anywhere.
    async fn find_pull(&self, branch: &str) -> Result<Option<Pull>, ForgeError>;

    /// Opens a pull request, or gives the open one of that branch.
    async fn open_pull(&self, branch: &str, text: &PullText) -> Result<Pull, ForgeError>;

    /// Changes what an open pull request says.
    async fn edit_pull(&self, number: u64, text: &PullText) -> Result<Pull, ForgeError>;

    /// Closes a pull request with some words; one that is closed already is a success.
    async fn close_pull(&self, number: u64, by: Option<&Person>, words: &str) -> Result<(), ForgeError>;

    /// Merges a pull request into main if both are where `ends` says, and says by which commit. One that was merged at
    /// that head already is a success. A forge that cannot guard main itself looks where it is right before.
    async fn merge(&self, number: u64, ends: Ends, message: &str) -> Result<CommitId, ForgeError>;

    /// Who is in a team, `organisation/team` in any case: their logins with the forge's prefix, such as `github:alice`,
    /// those in teams below it too. None where the forge has no teams.
    async fn members(&self, team: &str) -> Result<Option<BTreeSet<String>>, ForgeError>;

    /// Records a review, where reviews are given through Meshwright. Forges with reviews of their own refuse.
    async fn review(&self, number: u64, review: &Review) -> Result<(), ForgeError>;
}

//! In what forges differ.

use async_trait::async_trait;

use super::api::Api;
use super::item::{Account, Item};
use crate::change::forge::{Ends, ForgeError, Merged, PullText, Report, Unmet};
use crate::repo::CommitId;

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::forge) enum Opinion {
    Approves,
    Objects,
    /// What they said before does not count any more.
    Dismissed,
    /// Nothing that counts.
    None,
}

/// How a pull request becomes part of main.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeMethod {
    /// By a commit that has both.
    #[default]
    Merge,
    /// By one commit that does the same.
    Squash,
    /// By the same commit on top of main.
    Rebase,
}

impl MergeMethod {
    /// The word that forges have for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

/// A commit that is to be made by the forge, from one that is in the mirror.
#[derive(Debug, Clone)]
pub(in crate::forge) struct Remake {
    pub(in crate::forge) parent: CommitId,
    pub(in crate::forge) message: String,
    /// Every path that changes, with its new content; none where it goes.
    pub(in crate::forge) changes: Vec<(String, Option<Vec<u8>>)>,
}

/// One kind of forge. What fails means the same as in the calls of [`Api`].
#[async_trait]
pub(in crate::forge) trait Dialect: Send + Sync {
    /// What logins of it begin with, such as `github`.
    fn prefix(&self) -> &'static str;

    /// Where a page of the list of pull requests is: of all, the one that changed last first; or of those that are open.
    fn list(&self, api: &Api, only_open: bool, page: u32) -> String;

    /// The pull requests of a branch into main, whatever became of them.
    async fn of_branch(&self, api: &Api, branch: &str, main: &str) -> Result<Vec<Item>, ForgeError>;

    /// The title without the sign of a draft, where a title has one.
    fn title<'a>(&self, item: &'a Item) -> &'a str;

    /// Opens a pull request; none when there is one of that branch.
    async fn open(&self, api: &Api, branch: &str, main: &str, text: &PullText) -> Result<Option<Item>, ForgeError>;

    /// Has a pull request say this, and be a draft or not; only what differs is sent.
    async fn edit(&self, api: &Api, item: &Item, text: &PullText) -> Result<Item, ForgeError>;

    /// Gives a pull request labels that it lacks.
    async fn label(&self, api: &Api, number: u64, labels: &[&str]) -> Result<(), ForgeError>;

    /// What the state of a review means.
    fn opinion(&self, state: &str, dismissed: bool) -> Opinion;

    /// Who closed a pull request.
    async fn closer(&self, api: &Api, number: u64) -> Result<Option<String>, ForgeError>;

    /// Whether a pull request waits in the merge queue of main.
    async fn queued(&self, api: &Api, item: &Item, main: &str) -> Result<bool, ForgeError>;

    /// Merges what was found open at these ends, or has the queue of main do so.
    async fn merge(&self, api: &Api, item: &Item, ends: Ends, main: &str, message: &str) -> Result<Merged, ForgeError>;

    /// The checks that main requires of a commit and that have not passed.
    async fn unmet(&self, api: &Api, main: &str, head: CommitId) -> Result<Vec<Unmet>, ForgeError>;

    /// Has our one report on a commit say this, with a link to more.
    async fn report(&self, api: &Api, head: CommitId, report: &Report) -> Result<(), ForgeError>;

    /// The logins of a team of an organisation.
    async fn members(&self, api: &Api, organisation: &str, team: &str) -> Result<Vec<Account>, ForgeError>;

    /// Has the forge make a commit of the same content and moves the branch there from `expected`.
    async fn remake(
        &self,
        api: &Api,
        branch: &str,
        expected: Option<CommitId>,
        commit: Remake,
    ) -> Result<CommitId, ForgeError>;

    /// Whether commits are made by the forge rather than pushed.
    fn remakes(&self) -> bool;
}

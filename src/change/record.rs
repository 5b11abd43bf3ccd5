//! What is known of a change.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::id::{ChangeId, Group, Timestamp};
use super::person::Person;
use super::rollout::Rollout;
use super::talk::{Remark, Talk};
use crate::repo::CommitId;

/// How far a change has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Accepted; its newest writes are not on its branch yet.
    Journaled,
    /// Committed on its branch; no pull request yet.
    Planned,
    /// A pull request that is not ready for review.
    Draft,
    /// Waiting for review.
    Proposed,
    /// A reviewer asked for changes.
    ChangesRequested,
    /// Approved at its present content.
    Approved,
    /// Being merged.
    Merging,
    /// On main.
    Merged,
    /// Cannot go on; the reason says why and what to do.
    Blocked,
    /// A human closed its pull request.
    Rejected,
    /// Another change took its writes over.
    Superseded,
    /// Taken back, or its writes cancelled each other.
    Withdrawn,
}

impl State {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Journaled => "journaled",
            Self::Planned => "planned",
            Self::Draft => "draft",
            Self::Proposed => "proposed",
            Self::ChangesRequested => "changes-requested",
            Self::Approved => "approved",
            Self::Merging => "merging",
            Self::Merged => "merged",
            Self::Blocked => "blocked",
            Self::Rejected => "rejected",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Every state.
    pub const ALL: [Self; 12] = [
        Self::Journaled,
        Self::Planned,
        Self::Draft,
        Self::Proposed,
        Self::ChangesRequested,
        Self::Approved,
        Self::Merging,
        Self::Merged,
        Self::Blocked,
        Self::Rejected,
        Self::Superseded,
        Self::Withdrawn,
    ];

    /// The state of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing more happens to it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Merged | Self::Rejected | Self::Superseded | Self::Withdrawn)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A change: a plan on its way from the journal to main.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its identity.
    pub id: ChangeId,
    /// The groups it owns. Of several open changes that own one of them, the first is proposed and the others wait.
    pub groups: BTreeSet<Group>,
    /// Its branch, below `meshwright/`.
    pub branch: String,
    /// How far it has come.
    pub state: State,
    /// Why it is there, when that needs saying: what blocks it, a reviewer's words, what superseded it.
    pub reason: Option<String>,
    /// When its first write was accepted.
    pub created: Timestamp,
    /// When its last write was accepted.
    pub last_write: Timestamp,
    /// When the first write was accepted that `head` does not hold.
    #[serde(default)]
    pub unsettled: Timestamp,
    /// Whether it was said to be complete: a bundle, `approve` or `instantiate`.
    pub ready: bool,
    /// Whether its last writes were said to be complete, so that nothing more has to settle.
    #[serde(default)]
    pub complete: bool,
    /// Whether a valid approval stands: later writes wait for the next change of its groups.
    pub sealed: bool,
    /// Who asked.
    pub requesters: BTreeSet<Person>,
    /// The number of its pull request.
    pub pull: Option<u64>,
    /// The commit that was last pushed to its branch.
    pub head: Option<CommitId>,
    /// The commit of main that `head` was rendered on: its parent.
    pub base: Option<CommitId>,
    /// The digest of what `head` changes.
    pub digest: Option<String>,
    /// The last write that `head` holds.
    pub covers: u64,
    /// The projects whose intents stand in the files that `head` changes: pods, and so policies, may be shared.
    #[serde(default)]
    pub touches: BTreeSet<String>,
    /// The last of the writes that were found to cancel each other, while its pull request is closed for that.
    #[serde(default)]
    pub cancelled: Option<u64>,
    /// The last write there was when it last took the writes of another change over. Those may be older than writes that
    /// `head` held already, so that only a later `covers` says anything of what `head` holds.
    #[serde(default)]
    pub absorbed: u64,
    /// The commit that put it on main.
    pub merged: Option<CommitId>,
    /// How far it has come on clusters since it was merged; none until somebody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Since when the commit that put it on main is not there any more.
    #[serde(default)]
    pub astray: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub ended: Option<Timestamp>,
    /// Whether a pull request or branch of it may still have to be cleared away, though it is final.
    #[serde(default)]
    pub untidy: bool,
    /// The changes that must end first, because they hold earlier writes of its groups.
    #[serde(default)]
    pub after: BTreeSet<ChangeId>,
    /// The changes that hold what it lacks, while it is blocked.
    #[serde(default)]
    pub needs: BTreeSet<ChangeId>,
    /// Who ended it through Meshwright, for the pull request to say.
    #[serde(default)]
    pub closing: Option<Remark>,
    /// The change that took its writes over.
    pub superseded_by: Option<ChangeId>,
    /// What was said about it on the forge.
    #[serde(default)]
    pub talk: Talk,
}

impl Change {
    /// A new change.
    #[must_use]
    pub fn new(id: ChangeId, groups: BTreeSet<Group>, at: Timestamp) -> Self {
        let slug = largest_first(&groups).next().map(slug).unwrap_or_default();
        Self {
            branch: format!("meshwright/{slug}-{id}"),
            id,
            groups,
            state: State::Journaled,
            reason: None,
            created: at,
            last_write: at,
            unsettled: at,
            ready: false,
            complete: false,
            sealed: false,
            requesters: BTreeSet::new(),
            pull: None,
            head: None,
            base: None,
            digest: None,
            covers: 0,
            touches: BTreeSet::new(),
            cancelled: None,
            absorbed: 0,
            merged: None,
            rollout: None,
            astray: None,
            ended: None,
            untidy: false,
            after: BTreeSet::new(),
            needs: BTreeSet::new(),
            closing: None,
            superseded_by: None,
            talk: Talk::default(),
        }
    }

    /// The same change, ended.
    #[must_use]
    pub fn ended(&self, state: State, at: Timestamp, reason: Option<String>) -> Self {
        // What somebody let be pushed over is theirs again.
        let talk = Talk { overwrites: None, ..self.talk.clone() };
        let needs = BTreeSet::new();
        Self { state, reason, ended: Some(at), sealed: false, needs, untidy: true, talk, ..self.clone() }
    }

    /// Whether its head holds its writes up to this one.
    #[must_use]
    pub fn holds(&self, seq: u64) -> bool {
        seq <= self.covers && self.absorbed < self.covers
    }

    /// The last write that a commit holds, as far as that is recorded; none when it is another than the head.
    #[must_use]
    pub fn held_by(&self, commit: CommitId) -> Option<u64> {
        (self.head == Some(commit)).then_some(self.covers)
    }

    /// Its groups, deployment intent groups before projects before the rest.
    pub fn main_groups(&self) -> impl Iterator<Item = &Group> {
        largest_first(&self.groups)
    }

    /// The projects whose groups it owns or whose files it changes; `None` stands for what lies in no project.
    #[must_use]
    pub fn projects(&self) -> BTreeSet<Option<&str>> {
        let touched = self.touches.iter().map(|project| Some(project.as_str()));
        self.groups.iter().map(Group::project).chain(touched).collect()
    }
}

/// Deployment intent groups before projects before the rest: those say most about a change.
fn largest_first(groups: &BTreeSet<Group>) -> impl Iterator<Item = &Group> {
    let mut sorted: Vec<&Group> = groups.iter().collect();
    sorted.sort_by_key(|group| (group.project().is_none(), std::cmp::Reverse(group.as_str().matches('/').count())));
    sorted.into_iter()
}

/// The last name of a group in a form that Git accepts in a branch name.
fn slug(group: &Group) -> String {
    let name = group.as_str().rsplit('/').next().unwrap_or_default();
    let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let slug: String = name.chars().map(safe).take(40).collect();
    slug.trim_matches('-').to_owned()
}

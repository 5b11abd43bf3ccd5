//! What is asked of the intake, and its answers.

use serde::{Deserialize, Serialize};

use super::id::ChangeId;
use super::person::Person;
use crate::finding::Finding;
use crate::intent::posted::Keys;
use crate::intent::{Anchor, Bundle, Resource};

/// One thing that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Create a resource that does not exist.
    Create(Resource),
    /// Create or replace a resource.
    Put(Resource),
    /// Remove a resource that has nothing below it.
    Delete(Anchor),
    /// The set of a deployment intent group is complete: ready for review.
    Approve(Anchor),
    /// The same, and undo a terminate.
    Instantiate(Anchor),
    /// Take the manifests of a deployment intent group away, keep its intents.
    Terminate(Anchor),
}

impl Operation {
    /// The resource it is about.
    #[must_use]
    pub fn anchor(&self) -> &Anchor {
        match self {
            Self::Create(resource) | Self::Put(resource) => resource.anchor(),
            Self::Delete(anchor) | Self::Approve(anchor) | Self::Instantiate(anchor) | Self::Terminate(anchor) => {
                anchor
            }
        }
    }
}

/// What must hold of a single resource before it is written (RFC 9110, section 13).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// `If-Match`: it exists with one of these entity tags; an empty list stands for `*`.
    Match(Vec<String>),
    /// `If-None-Match: *`: it does not exist.
    Absent,
}

/// An `Idempotency-Key` with the digest of what came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The key.
    pub key: String,
    /// Digest of method, path and body.
    pub digest: String,
}

/// Operations that are accepted together or not at all.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The operations, in any order.
    pub operations: Vec<Operation>,
    /// Whether it is a bundle: judged with its topology, one change, ready at once.
    pub bundle: bool,
    /// Of a bundle: everything below this resource that the bundle does not name is removed too.
    pub prune: Option<Anchor>,
    /// What must hold of the one resource that is written.
    pub precondition: Precondition,
    /// Gives the first answer again when it is seen again.
    pub idempotency: Option<Idempotency>,
    /// Who asks.
    pub by: Person,
    /// The private keys of the resources that came with one; they are sealed before anything is accepted.
    pub keys: Keys,
}

impl Submission {
    /// A bundle that `by` posts, without private keys; with `prune`, everything below its base that it does not name is
    /// removed too.
    ///
    /// # Errors
    /// Why nothing can be pruned.
    pub fn of_bundle(bundle: Bundle, prune: bool, by: Person) -> Result<Self, &'static str> {
        let base = bundle.base.as_deref().and_then(|base| Anchor::parse(base).ok());
        let prune = match (prune, base) {
            (false, _) => None,
            (true, Some(base)) => Some(base),
            (true, None) => {
                return Err(
                    "prune removes what stands under the base and is not in the bundle: begin it with `base: …`",
                );
            }
        };
        let operations = bundle.documents.into_iter().map(|posted| Operation::Put(posted.resource)).collect();
        Ok(Self {
            operations,
            bundle: true,
            prune,
            precondition: Precondition::None,
            idempotency: None,
            by,
            keys: Keys::default(),
        })
    }

    /// Whether nothing more is to be waited for: a bundle, or a group that is said to be complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.bundle || self.completed().next().is_some()
    }

    /// The groups that are said to be complete.
    pub fn completed(&self) -> impl Iterator<Item = &Anchor> {
        self.operations.iter().filter_map(|operation| match operation {
            Operation::Approve(anchor) | Operation::Instantiate(anchor) => Some(anchor),
            _ => None,
        })
    }
}

/// What became of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was replaced.
    Replaced,
    /// It already said that.
    Unchanged,
    /// It is gone.
    Deleted,
    /// A lifecycle call was accepted.
    Accepted,
}

/// What was done, durably.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The change that the writes belong to; none when nothing had to be written and nothing is pending.
    pub change: Option<ChangeId>,
    /// What became of each resource, in the order in which they were judged: those of a bundle parents first, what is pruned
    /// last.
    pub outcomes: Vec<(Anchor, Outcome)>,
    /// What the caller should know.
    #[serde(default)]
    pub warnings: Vec<Finding>,
}

/// Why nothing was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The resource, or any parent of it, does not exist.
    NotFound,
    /// The name is taken.
    Exists,
    /// Something lives below it.
    HasChildren,
    /// It contradicts another intent.
    Conflict,
    /// The file on main that it belongs into cannot be read, so that nobody knows what is there.
    Unreadable,
    /// A rule is violated.
    Invalid,
    /// A bundle or an `approve` whose topology is not complete.
    Incomplete,
    /// The precondition does not hold.
    Precondition,
    /// The idempotency key came with something else before.
    KeyReused,
    /// The change is not in a state that allows it.
    WrongState,
    /// Whoever asks may not do it.
    Forbidden,
    /// A part of the server could not be used now; the message says why, and is for the log alone.
    Unavailable,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// The operation it is about, by its place in the submission.
    pub operation: usize,
    /// The resource it is about, as text.
    pub subject: String,
    /// JSON pointer into its body.
    pub pointer: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// A refusal: nothing was accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .obstacles.iter().map(|o| o.message.as_str()).collect::<Vec<_>>().join("; "))]
pub struct Refusal {
    /// Why, in one word.
    pub cause: Cause,
    /// All that stands in the way.
    pub obstacles: Vec<Obstacle>,
}

impl Refusal {
    /// A refusal with one obstacle.
    #[must_use]
    pub fn new(cause: Cause, subject: impl Into<String>, message: impl Into<String>) -> Self {
        let obstacle =
            Obstacle { operation: 0, subject: subject.into(), pointer: String::new(), message: message.into() };
        Self { cause, obstacles: vec![obstacle] }
    }
}

//! What the life of a change needs of durable storage.

use std::collections::BTreeSet;

use super::announcement::Waiting;
use super::id::{ChangeId, Timestamp};
use super::record::Change;
use super::write::Write;

/// Why the journal could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the journal cannot be {what}: {cause}")]
pub struct JournalError {
    /// `opened`, `read` or `written`.
    pub what: &'static str,
    /// The cause, for the log.
    pub cause: String,
}

/// The first answer to a write that bore an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who asked; keys of different callers never meet.
    pub caller: String,
    /// The key.
    pub key: String,
    /// Digest of method, path and body.
    pub digest: String,
    /// The receipt, as JSON.
    pub receipt: String,
    /// When it was given.
    pub at: Timestamp,
}

/// A webhook that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, behind the name of the forge that sent it.
    pub id: String,
    /// When it came.
    pub at: Timestamp,
}

/// One thing to remember, or to forget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A write was accepted.
    Write(Write),
    /// A change came to be or went on: replaces what was remembered of it.
    Change(Box<Change>),
    /// The writes of a change up to this one are on main or given up.
    Forget(ChangeId, u64),
    /// A change is over and need not be remembered.
    Drop(ChangeId),
    /// The writes of the first change after this one now belong to the second.
    Move(ChangeId, ChangeId, u64),
    /// An answer was given.
    Answer(Answer),
    /// Answers given before this moment may be forgotten.
    Expire(Timestamp),
    /// A webhook came in.
    Delivery(Delivery),
    /// Webhooks that came in before this moment may be forgotten.
    ExpireDeliveries(Timestamp),
    /// Sinks have yet to be told of something.
    Announce(Waiting),
    /// A sink has taken the announcement of this number; when none is left to take it, it is forgotten.
    Taken(String, u64),
    /// Announcements up to this number are given up.
    DropAnnounced(u64),
    /// No other sinks than these have yet to take anything.
    Sinks(BTreeSet<String>),
}

impl Entry {
    /// Whether it is about sinks alone, and not about what is accepted.
    #[must_use]
    pub fn is_announcing(&self) -> bool {
        matches!(self, Self::Announce(_) | Self::Taken(..) | Self::DropAnnounced(_) | Self::Sinks(_))
    }
}

/// All that a journal remembers.
#[derive(Debug, Default)]
pub struct Contents {
    /// Writes in the order of their places.
    pub writes: Vec<Write>,
    /// Changes in the order of their creation.
    pub changes: Vec<Change>,
    /// Answers.
    pub answers: Vec<Answer>,
    /// Webhooks that came in.
    pub deliveries: Vec<Delivery>,
    /// Announcements that were not taken by all, in the order of their numbers.
    pub waiting: Vec<Waiting>,
    /// The highest number that was ever given to an announcement.
    pub last_announcement: u64,
    /// The highest place that was ever given to a write.
    pub last_seq: u64,
}

/// Durable storage of what is not merged yet.
///
/// Calls block, and come from one thread at a time.
pub trait Journal: Send {
    /// Everything that is remembered.
    ///
    /// # Errors
    /// When it cannot be read, or holds what this version cannot read.
    fn load(&mut self) -> Result<Contents, JournalError>;

    /// Remembers all of `entries`, in order, or none of them; when this returns, they survive a crash.
    ///
    /// # Errors
    /// When nothing was remembered.
    fn append(&mut self, entries: &[Entry]) -> Result<(), JournalError>;

    /// Writes what says nothing, to see whether it can be written.
    ///
    /// # Errors
    /// When it cannot.
    fn probe(&mut self) -> Result<(), JournalError>;
}

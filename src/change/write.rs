//! One accepted write.

use std::sync::Arc;

use super::id::{ChangeId, Timestamp};
use super::person::Person;
use crate::intent::{Anchor, Resource};

/// What a write does to the resource it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Creates or replaces it.
    Put(Arc<Resource>),
    /// Removes it.
    Delete,
    /// Takes the manifests of a deployment intent group away and keeps its intents.
    Terminate,
    /// Undoes that.
    Instantiate,
}

/// A write that was accepted and is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Its place in the journal, from 1.
    pub seq: u64,
    /// When it was accepted.
    pub at: Timestamp,
    /// The change it belongs to.
    pub change: ChangeId,
    /// The resource it is about.
    pub anchor: Anchor,
    /// What it does.
    pub verb: Verb,
    /// Who asked.
    pub requester: Person,
}

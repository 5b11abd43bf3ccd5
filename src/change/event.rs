//! What listeners are told.

use std::collections::BTreeMap;

use super::id::{ChangeId, Timestamp};
use super::journal::Entry;
use super::ledger::Ledger;
use super::record::{Change, State};

/// A change came into another state, or for another reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// Its place in the stream, from 1; starts anew with the server.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The change.
    pub change: ChangeId,
    /// Its state.
    pub state: State,
    /// Why, when that needs saying.
    pub reason: Option<String>,
}

impl Event {
    /// What is told of a change; it has no place yet.
    pub(super) fn of(change: &Change, at: Timestamp) -> Self {
        Self { seq: 0, at, change: change.id.clone(), state: change.state, reason: change.reason.clone() }
    }
}

/// Every change that came into another state, or is there for another reason, with the state that it was in before.
pub(super) fn happened<'a>(before: &Ledger, entries: &'a [Entry]) -> Vec<(Option<State>, &'a Change)> {
    let mut latest: BTreeMap<&ChangeId, &Change> = BTreeMap::new();
    let mut happened = vec![];
    for entry in entries {
        let Entry::Change(change) = entry else { continue };
        let known = latest.insert(&change.id, change).or_else(|| before.changes.get(&change.id).map(|c| &**c));
        if known.is_none_or(|known| (known.state, &known.reason) != (change.state, &change.reason)) {
            happened.push((known.map(|known| known.state), &**change));
        }
    }
    happened
}

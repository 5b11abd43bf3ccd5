//! Taking over a change that is not remembered.

use std::sync::Arc;

use super::Ledger;
use crate::change::journal::Entry;
use crate::change::person::Person;
use crate::change::record::Change;
use crate::change::write::{Verb, Write};
use crate::intent::Anchor;

impl Ledger {
    /// Remembers a change that the forge knows, as its commit tells of it; one that is remembered already stays as it is.
    pub fn take_over(&mut self, change: Change, writes: Vec<(Anchor, Verb)>) -> Vec<Entry> {
        if self.changes.contains_key(&change.id) {
            return vec![];
        }
        let by = change.requesters.first().cloned().unwrap_or_else(Person::local);
        let (id, at) = (change.id.clone(), change.created);
        let covers = self.last_seq + writes.len() as u64;
        let mut entries = vec![self.update(Change { covers, ..change })];
        for (anchor, verb) in writes {
            self.last_seq += 1;
            let write = Write { seq: self.last_seq, at, change: id.clone(), anchor, verb, requester: by.clone() };
            entries.push(Entry::Write(write.clone()));
            self.writes.entry(id.clone()).or_default().push_back(Arc::new(write));
        }
        self.replay();
        entries
    }
}

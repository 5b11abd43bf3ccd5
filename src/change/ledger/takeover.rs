//! Taking over a change that is not remembered.

use std::sync::Arc;

use super::Ledger;
use crate::change::journal::Entry;
use crate::change::person::Person;
use crate::change::record::Change;
use crate::change::write::{Verb, Write};
use crate::intent::Anchor;

impl Ledger {
    /// Remembers changes that the forge knows, as their commits tell of them; what is remembered already stays as it is.
    pub fn take_over(&mut self, adopted: impl IntoIterator<Item = (Change, Vec<(Anchor, Verb)>)>) -> Vec<Entry> {
        let mut entries = vec![];
        for (change, writes) in adopted {
            if self.changes.contains_key(&change.id) {
                continue;
            }
            let by = change.requesters.first().cloned().unwrap_or_else(Person::local);
            let (id, at) = (change.id.clone(), change.created);
            let covers = self.last_seq + writes.len() as u64;
            entries.push(self.update(Change { covers, ..change }));
            for (anchor, verb) in writes {
                self.last_seq += 1;
                let write = Write { seq: self.last_seq, at, change: id.clone(), anchor, verb, requester: by.clone() };
                entries.push(Entry::Write(write.clone()));
                self.writes.entry(id.clone()).or_default().push_back(Arc::new(write));
            }
        }
        if !entries.is_empty() {
            self.replay();
        }
        entries
    }
}

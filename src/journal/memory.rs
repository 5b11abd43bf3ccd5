//! A journal that does not outlive the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::change::announcement::Waiting;
use crate::change::journal::{Answer, Contents, Delivery, Entry, Journal, JournalError};
use crate::change::{Change, ChangeId, Timestamp, Write};

/// A journal in memory, for tests and benchmarks.
///
/// A clone shares the contents: what a new process would find of a journal in a file.
#[derive(Debug, Clone, Default)]
pub struct MemoryJournal(Arc<Mutex<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    writes: BTreeMap<u64, Write>,
    /// With the place in which each was first remembered.
    changes: BTreeMap<ChangeId, (usize, Change)>,
    branches: BTreeMap<String, ChangeId>,
    /// By caller and key.
    answers: BTreeMap<(String, String), Answer>,
    deliveries: BTreeMap<String, Timestamp>,
    /// What sinks have yet to take, by number.
    waiting: BTreeMap<u64, Waiting>,
    last_announcement: u64,
    last_seq: u64,
    next_place: usize,
    failures: usize,
}

impl MemoryJournal {
    /// An empty journal.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the next `count` appends fail; they remember nothing.
    pub fn fail_next(&self, count: usize) {
        self.with(|shared| shared.failures = count);
    }

    fn with<T>(&self, work: impl FnOnce(&mut Shared) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Journal for MemoryJournal {
    fn load(&mut self) -> Result<Contents, JournalError> {
        self.with(|shared| {
            let mut changes: Vec<_> = shared.changes.values().collect();
            changes.sort_by_key(|(place, change)| (change.created, *place));
            let changes = changes.into_iter().map(|(_, change)| change.clone());
            Ok(Contents {
                writes: shared.writes.values().cloned().collect(),
                changes: changes.collect(),
                answers: shared.answers.values().cloned().collect(),
                deliveries: shared.deliveries.iter().map(|(id, at)| Delivery { id: id.clone(), at: *at }).collect(),
                waiting: shared.waiting.values().cloned().collect(),
                last_announcement: shared.last_announcement,
                last_seq: shared.last_seq,
            })
        })
    }

    fn probe(&mut self) -> Result<(), JournalError> {
        self.with(Shared::fail)
    }

    fn append(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        self.with(|shared| {
            shared.fail()?;
            let mut undo = Vec::new();
            let counters = (shared.last_seq, shared.last_announcement);
            for entry in entries {
                if let Err(cause) = shared.apply(entry, &mut undo) {
                    undo.into_iter().rev().for_each(|step| shared.undo(step));
                    (shared.last_seq, shared.last_announcement) = counters;
                    return Err(written(cause));
                }
            }
            Ok(())
        })
    }
}

fn written(cause: String) -> JournalError {
    JournalError { what: "written", cause }
}

/// How an entry is taken back when a later one of its batch cannot be remembered.
enum Undo {
    Write(u64),
    Change(ChangeId, Option<Box<(usize, Change)>>),
    Forgotten(Vec<Write>),
    Moved(ChangeId, Vec<u64>),
    Answer((String, String)),
    Expired(Vec<((String, String), Answer)>),
    Delivery(String),
    ExpiredDeliveries(Vec<(String, Timestamp)>),
    /// What was there, or nothing, under each number.
    Waiting(Vec<(u64, Option<Waiting>)>),
}

impl Shared {
    /// Fails as often as it was told to.
    fn fail(&mut self) -> Result<(), JournalError> {
        if self.failures == 0 {
            return Ok(());
        }
        self.failures -= 1;
        Err(written("told to fail".to_owned()))
    }

    fn apply(&mut self, entry: &Entry, undo: &mut Vec<Undo>) -> Result<(), String> {
        match entry {
            Entry::Write(write) => {
                if write.seq == 0 || i64::try_from(write.seq).is_err() || self.writes.contains_key(&write.seq) {
                    return Err(format!("{} is taken or no place in a journal", write.seq));
                }
                self.writes.insert(write.seq, write.clone());
                self.last_seq = self.last_seq.max(write.seq);
                undo.push(Undo::Write(write.seq));
            }
            Entry::Change(change) => undo.push(self.remember(change)?),
            Entry::Drop(change) => {
                let old = self.replace(change, None);
                undo.push(Undo::Change(change.clone(), old.map(Box::new)));
            }
            Entry::Forget(change, up_to) => {
                let gone = self.writes.extract_if(..=*up_to, |_, write| write.change == *change);
                undo.push(Undo::Forgotten(gone.map(|(_, write)| write).collect()));
            }
            Entry::Move(from, to, after) => {
                let moved = self.writes.values_mut().filter(|write| write.change == *from && write.seq > *after);
                let places = moved.map(|write| {
                    write.change = to.clone();
                    write.seq
                });
                undo.push(Undo::Moved(from.clone(), places.collect()));
            }
            Entry::Answer(answer) => {
                let key = (answer.caller.clone(), answer.key.clone());
                if self.answers.contains_key(&key) {
                    return Err(format!("key {} of {} was answered before", answer.key, answer.caller));
                }
                self.answers.insert(key.clone(), answer.clone());
                undo.push(Undo::Answer(key));
            }
            Entry::Expire(before) => {
                undo.push(Undo::Expired(self.answers.extract_if(.., |_, answer| answer.at < *before).collect()));
            }
            Entry::Delivery(Delivery { id, at }) => {
                if self.deliveries.contains_key(id) {
                    return Err(format!("{id} came in before"));
                }
                self.deliveries.insert(id.clone(), *at);
                undo.push(Undo::Delivery(id.clone()));
            }
            Entry::ExpireDeliveries(before) => {
                let gone = self.deliveries.extract_if(.., |_, at| *at < *before).collect();
                undo.push(Undo::ExpiredDeliveries(gone));
            }
            Entry::Announce(waiting) => {
                let number = waiting.announcement.number;
                if number == 0 || i64::try_from(number).is_err() || self.waiting.contains_key(&number) {
                    return Err(format!("{number} is taken or no place in a journal"));
                }
                self.waiting.insert(number, waiting.clone());
                self.last_announcement = self.last_announcement.max(number);
                undo.push(Undo::Waiting(vec![(number, None)]));
            }
            Entry::Taken(sink, number) => undo.push(self.await_less(*number..=*number, |name| name != sink)),
            Entry::DropAnnounced(up_to) => undo.push(self.await_less(0..=*up_to, |_| false)),
            Entry::Sinks(names) => undo.push(self.await_less(0..=u64::MAX, |name| names.contains(name))),
        }
        Ok(())
    }

    /// Leaves of those that await what has these numbers only who is to be kept.
    fn await_less(&mut self, numbers: std::ops::RangeInclusive<u64>, keep: impl Fn(&String) -> bool) -> Undo {
        let before: Vec<_> = self.waiting.range(numbers).map(|(number, it)| (*number, Some(it.clone()))).collect();
        for (number, _) in &before {
            let left = self.waiting.get_mut(number).is_some_and(|waiting| {
                waiting.awaited_by.retain(&keep);
                !waiting.awaited_by.is_empty()
            });
            if !left {
                self.waiting.remove(number);
            }
        }
        Undo::Waiting(before)
    }

    fn remember(&mut self, change: &Change) -> Result<Undo, String> {
        if self.branches.get(&change.branch).is_some_and(|owner| *owner != change.id) {
            return Err(format!("{} is the branch of another change", change.branch));
        }
        let place = self.changes.get(&change.id).map_or(self.next_place, |(place, _)| *place);
        self.next_place = self.next_place.max(place + 1);
        let old = self.replace(&change.id, Some((place, change.clone())));
        Ok(Undo::Change(change.id.clone(), old.map(Box::new)))
    }

    /// Puts a change, or nothing, in the place of what is known of it, and gives that.
    fn replace(&mut self, id: &ChangeId, new: Option<(usize, Change)>) -> Option<(usize, Change)> {
        let old = self.changes.remove(id);
        if let Some((_, old)) = &old {
            self.branches.remove(&old.branch);
        }
        if let Some((place, new)) = new {
            self.branches.insert(new.branch.clone(), id.clone());
            self.changes.insert(id.clone(), (place, new));
        }
        old
    }

    fn undo(&mut self, step: Undo) {
        match step {
            Undo::Write(seq) => drop(self.writes.remove(&seq)),
            Undo::Change(id, old) => drop(self.replace(&id, old.map(|old| *old))),
            Undo::Forgotten(writes) => self.writes.extend(writes.into_iter().map(|write| (write.seq, write))),
            Undo::Moved(from, places) => {
                for place in places {
                    if let Some(write) = self.writes.get_mut(&place) {
                        write.change = from.clone();
                    }
                }
            }
            Undo::Answer(key) => drop(self.answers.remove(&key)),
            Undo::Expired(answers) => self.answers.extend(answers),
            Undo::Delivery(id) => drop(self.deliveries.remove(&id)),
            Undo::ExpiredDeliveries(deliveries) => self.deliveries.extend(deliveries),
            Undo::Waiting(before) => {
                for (number, waiting) in before {
                    self.waiting.remove(&number);
                    self.waiting.extend(waiting.map(|waiting| (number, waiting)));
                }
            }
        }
    }
}

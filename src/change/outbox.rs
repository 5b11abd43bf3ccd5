//! What sinks have yet to take, as the journal has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::announcement::{Announcement, Happened, Health, Stamp, Waiting};
use super::id::Timestamp;
use super::journal::Entry;

/// The most events that wait, and their most bytes.
const MOST: usize = 100_000;
const MOST_BYTES: usize = 64 << 20;
/// How long an event waits, in milliseconds: seven days.
const LIFE: i64 = 604_800_000;
/// How far behind old ones are dropped, in milliseconds, so that it is said once an hour at most.
const SLACK: i64 = 3_600_000;

/// What became of one attempt to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attempt {
    /// The sink has the event.
    Taken,
    /// The sink says that the request is wrong.
    Refused,
    /// The sink did not answer, or not now.
    Failed,
}

impl Attempt {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Taken, Self::Refused, Self::Failed];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What is counted of a sink.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// The events that it has yet to take.
    pub waiting: usize,
    /// The attempts since the start, by what became of them.
    pub attempts: BTreeMap<Attempt, u64>,
}

/// What is counted of all sinks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tallies {
    /// By the name of the sink.
    pub sinks: BTreeMap<String, Tally>,
    /// The events that were dropped since the start, because they were too old or too many.
    pub dropped: u64,
}

/// What a sink has not seen yet.
#[derive(Debug, Default)]
pub struct News {
    /// The events, in their order.
    pub events: Vec<Arc<Announcement>>,
    /// The highest number that was given, to whomever it was for.
    pub last: u64,
    /// The number below which nothing waits any more.
    pub floor: u64,
}

/// How much may wait.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    most: usize,
    bytes: usize,
    life: i64,
    slack: i64,
}

/// What is asked of the outbox beside what happens to changes.
pub(super) enum Post {
    /// The parts are like this.
    Parts(Vec<Health>),
    /// A sink has taken an event.
    Taken(String, u64),
    /// These are the sinks from now on.
    Sinks(BTreeSet<String>),
    /// Time has gone by.
    Sweep,
}

/// The events that sinks have yet to take. The one writer makes them durable; whoever delivers looks here.
pub struct Outbox {
    state: Mutex<Content>,
    changed: watch::Sender<()>,
    source: String,
    bounds: Bounds,
}

#[derive(Default)]
struct Content {
    waiting: BTreeMap<u64, Waiting>,
    bytes: usize,
    last: u64,
    /// Whatever has a lower number was dropped, or taken.
    floor: u64,
    tallies: Tallies,
}

impl Outbox {
    /// What a journal remembers, announced by `source`, a URI reference. There are no sinks until some are set.
    #[must_use]
    pub fn restore(waiting: Vec<Waiting>, last: u64, source: String) -> Self {
        let bounds = Bounds { most: MOST, bytes: MOST_BYTES, life: LIFE, slack: SLACK };
        let mut content = Content { last, ..Content::default() };
        waiting.into_iter().for_each(|waiting| content.insert(waiting));
        Self { state: Mutex::new(content), changed: watch::Sender::new(()), source, bounds }
    }

    /// What a sink has yet to take, apart from what has a number up to `after`.
    #[must_use]
    pub fn news(&self, sink: &str, after: u64) -> News {
        let content = self.content();
        let later = content.waiting.range(after.saturating_add(1)..).map(|(_, waiting)| waiting);
        let own = later.filter(|waiting| waiting.awaited_by.contains(sink));
        let events = own.map(|waiting| waiting.announcement.clone()).collect();
        News { events, last: content.last, floor: content.floor }
    }

    /// Tells when something else waits.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Counts what became of an attempt.
    pub fn count(&self, sink: &str, attempt: Attempt) {
        if let Some(tally) = self.content().tallies.sinks.get_mut(sink) {
            *tally.attempts.entry(attempt).or_default() += 1;
        }
    }

    /// What is counted.
    #[must_use]
    pub fn tallies(&self) -> Tallies {
        self.content().tallies.clone()
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to write for what happened to changes, each with the state it had before, and for what is asked. Nothing is so
    /// before it is written.
    pub(super) fn entries(&self, happened: &[Happened<'_>], posts: Vec<Post>, at: Timestamp) -> Vec<Entry> {
        let content = self.content();
        let mut sinks: BTreeSet<String> = content.tallies.sinks.keys().cloned().collect();
        if posts.is_empty() && (sinks.is_empty() || happened.is_empty()) {
            return vec![];
        }
        let mut entries = vec![];
        let mut reports = vec![];
        for post in posts {
            match post {
                Post::Parts(parts) => reports.push(parts),
                Post::Taken(sink, number) => entries.push(Entry::Taken(sink, number)),
                Post::Sinks(names) => {
                    if names != sinks || content.waiting.values().any(|it| !it.awaited_by.is_subset(&names)) {
                        entries.push(Entry::Sinks(names.clone()));
                    }
                    sinks = names;
                }
                Post::Sweep => {}
            }
        }
        let mut new = vec![];
        if !sinks.is_empty() {
            let mut number = content.last;
            let mut stamp = || {
                number += 1;
                Stamp { source: &self.source, number, at }
            };
            new.extend(happened.iter().map(|it| stamp().change(*it)));
            new.extend(reports.iter().map(|parts| stamp().readiness(parts)));
        }
        let bytes = new.iter().map(|announcement| announcement.document.len()).sum();
        entries.extend(content.too_much(&self.bounds, new.len(), bytes, at).map(Entry::DropAnnounced));
        entries.extend(new.into_iter().map(|announcement| {
            Entry::Announce(Waiting { announcement: announcement.into(), awaited_by: sinks.clone() })
        }));
        entries
    }

    /// What was written is so.
    pub(super) fn apply(&self, entries: &[Entry]) {
        let mut content = self.content();
        let mut moved = false;
        for entry in entries {
            moved |= content.apply(entry);
        }
        drop(content);
        if moved {
            self.changed.send_replace(());
        }
    }
}

impl Content {
    /// The number up to which events must go, if so many come that are so long.
    fn too_much(&self, bounds: &Bounds, count: usize, bytes: usize, now: Timestamp) -> Option<u64> {
        let mut up_to = None;
        let (mut count, mut bytes) = (self.waiting.len() + count, self.bytes + bytes);
        // A tenth more than there must, so that it is not done for each.
        let least = |most: usize| most - most / 10;
        let full = count > bounds.most || bytes > bounds.bytes;
        let oldest = self.waiting.values().next().map_or(now, |waiting| waiting.announcement.at);
        let old = oldest < now.plus(-bounds.life - bounds.slack);
        for (number, Waiting { announcement, .. }) in &self.waiting {
            let aged = old && announcement.at < now.plus(-bounds.life);
            let surplus = full && (count > least(bounds.most) || bytes > least(bounds.bytes));
            if !aged && !surplus {
                break;
            }
            up_to = Some(*number);
            count -= 1;
            bytes -= announcement.document.len();
        }
        up_to
    }

    /// Whether whoever delivers has to look.
    fn apply(&mut self, entry: &Entry) -> bool {
        match entry {
            Entry::Announce(waiting) => self.insert(waiting.clone()),
            Entry::Taken(sink, number) => {
                if let Some(mut waiting) = self.remove(*number) {
                    waiting.awaited_by.remove(sink);
                    self.insert(waiting);
                }
                return false;
            }
            Entry::DropAnnounced(up_to) => self.drop_up_to(*up_to),
            Entry::Sinks(names) => {
                self.tallies.sinks.retain(|name, _| names.contains(name));
                for name in names {
                    self.tallies.sinks.entry(name.clone()).or_default();
                }
                let foreign = self.waiting.iter().filter(|(_, waiting)| !waiting.awaited_by.is_subset(names));
                for number in foreign.map(|(number, _)| *number).collect::<Vec<_>>() {
                    if let Some(mut waiting) = self.remove(number) {
                        waiting.awaited_by.retain(|sink| names.contains(sink));
                        self.insert(waiting);
                    }
                }
                // What was there before anybody asked for it was not counted.
                for (name, tally) in &mut self.tallies.sinks {
                    tally.waiting = self.waiting.values().filter(|waiting| waiting.awaited_by.contains(name)).count();
                }
            }
            _ => return false,
        }
        true
    }

    fn insert(&mut self, waiting: Waiting) {
        let number = waiting.announcement.number;
        self.last = self.last.max(number);
        if waiting.awaited_by.is_empty() {
            return;
        }
        for sink in &waiting.awaited_by {
            if let Some(tally) = self.tallies.sinks.get_mut(sink) {
                tally.waiting += 1;
            }
        }
        self.bytes += waiting.announcement.document.len();
        self.waiting.insert(number, waiting);
    }

    fn remove(&mut self, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.remove(&number)?;
        for sink in &waiting.awaited_by {
            if let Some(tally) = self.tallies.sinks.get_mut(sink) {
                tally.waiting = tally.waiting.saturating_sub(1);
            }
        }
        self.bytes -= waiting.announcement.document.len();
        Some(waiting)
    }

    fn drop_up_to(&mut self, up_to: u64) {
        let numbers: Vec<u64> = self.waiting.range(..=up_to).map(|(number, _)| *number).collect();
        let gone: Vec<Waiting> = numbers.into_iter().filter_map(|number| self.remove(number)).collect();
        let sinks: BTreeSet<&str> = gone.iter().flat_map(|it| it.awaited_by.iter().map(String::as_str)).collect();
        tracing::error!(events = gone.len(), ?sinks, "events were dropped that these sinks did not take for too long");
        self.tallies.dropped += gone.len() as u64;
        self.floor = up_to.saturating_add(1);
    }
}

#[cfg(test)]
#[path = "outbox/tests.rs"]
mod tests;

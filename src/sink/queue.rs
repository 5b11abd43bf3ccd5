//! What one sink is sent next, and when.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use crate::change::Timestamp;
use crate::change::announcement::Announcement;
use crate::change::outbox::{Attempt, News};
use crate::change::patience::pause;

/// The first pause after a failure and the longest, in milliseconds.
const FIRST: i64 = 1000;
const LONGEST: i64 = 300_000;
/// The same after a refusal, which somebody has to do something about.
const FIRST_REFUSED: i64 = 30_000;
const LONGEST_REFUSED: i64 = 3_600_000;
/// How long a sink that failed rests at least and at most before it is sent again what failed.
const REST: i64 = 1000;
const LONGEST_REST: i64 = 60_000;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// To send this, and to say what became of it.
    Send(Arc<Announcement>),
    /// To wait for so many milliseconds, or until something else comes.
    Wait(Option<i64>),
}

/// What waits for one sink, by subject: of each, one event is on its way at most, the oldest.
#[derive(Default)]
pub(super) struct Queue {
    subjects: HashMap<String, Line>,
    /// Those whose first event was not sent in vain, by its number.
    fresh: BTreeMap<u64, String>,
    /// Those whose first event was, by the moment from which on it is sent again.
    failed: BTreeSet<(Timestamp, String)>,
    /// The highest number of what is known.
    last: u64,
    /// Whatever has a lower number waits no more.
    floor: u64,
    /// How many attempts failed in a row, and when the last one did.
    row: u32,
    failed_at: Timestamp,
    /// Until when the sink wishes not to be asked, and how long that was when it said so, in milliseconds.
    quiet: Timestamp,
    wish: i64,
}

#[derive(Default)]
struct Line {
    events: VecDeque<Arc<Announcement>>,
    /// How often its first event was sent in vain.
    failures: u32,
    /// When it is sent again; none while it is on its way.
    due: Option<Timestamp>,
    on_its_way: bool,
}

impl Queue {
    /// The highest number of what is known.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// How many attempts failed in a row.
    pub(super) fn row(&self) -> u32 {
        self.row
    }

    /// Takes in what else waits.
    pub(super) fn take_in(&mut self, News { events, last, floor }: News) {
        self.last = last;
        if self.floor < floor {
            self.floor = floor;
            for line in self.subjects.values_mut() {
                line.events.retain(|event| event.number >= floor || line.on_its_way);
            }
            self.subjects.retain(|_, line| !line.events.is_empty());
            self.sort();
        }
        for event in events {
            let line = self.subjects.entry(event.subject.clone()).or_default();
            if line.events.is_empty() {
                self.fresh.insert(event.number, event.subject.clone());
            }
            line.events.push_back(event);
        }
    }

    /// Forgets what failed before: the sink is another.
    pub(super) fn forgive(&mut self) {
        (self.row, self.quiet, self.wish) = (0, Timestamp::default(), 0);
        for line in self.subjects.values_mut() {
            (line.failures, line.due) = (0, None);
        }
        self.sort();
    }

    /// Puts all subjects of which nothing is on its way where they belong.
    fn sort(&mut self) {
        self.fresh.clear();
        self.failed.clear();
        for (subject, line) in self.subjects.iter().filter(|(_, line)| !line.on_its_way) {
            match (line.due, line.events.front()) {
                (Some(due), _) => _ = self.failed.insert((due, subject.clone())),
                (None, Some(first)) => _ = self.fresh.insert(first.number, subject.clone()),
                (None, None) => {}
            }
        }
    }

    /// What to send, and to answer for by [`Queue::note`]. What never failed comes first, however much fails.
    pub(super) fn next(&mut self, now: Timestamp) -> Next {
        // One failure may be the event's own; after more of them the sink is asked less often.
        let quiet = self.until(self.quiet, now);
        let breath = if self.row > 1 { self.until(self.failed_at.plus(REST), now).max(quiet) } else { quiet };
        if breath == 0
            && let Some((_, subject)) = self.fresh.pop_first()
        {
            return self.begin(&subject);
        }
        let rest = if self.row > 1 { pause(self.row - 2, REST, LONGEST_REST, self.failed_at) } else { 0 };
        let rest = self.until(self.failed_at.plus(rest), now).max(quiet);
        let wait = self.failed.first().map(|(due, _)| self.until(*due, now).max(rest));
        if wait == Some(0)
            && let Some((_, subject)) = self.failed.pop_first()
        {
            return self.begin(&subject);
        }
        let fresh = (!self.fresh.is_empty()).then_some(breath);
        Next::Wait(wait.into_iter().chain(fresh).min())
    }

    /// How long it is until a moment; a clock that was set back has nobody wait.
    fn until(&self, due: Timestamp, now: Timestamp) -> i64 {
        if now < self.failed_at { 0 } else { due.0.saturating_sub(now.0).max(0) }
    }

    /// The sink wishes not to be asked for so long, in milliseconds. What it wished before holds on where that ends later; by
    /// a clock that was set back it is no longer than when it was said.
    fn hush(&mut self, wish: i64, now: Timestamp) {
        let left = self.quiet.0.saturating_sub(now.0).min(self.wish);
        if left <= wish {
            self.wish = wish;
        }
        self.quiet = now.plus(left.max(wish));
    }

    fn begin(&mut self, subject: &str) -> Next {
        let Some(line) = self.subjects.get_mut(subject) else { return Next::Wait(Some(0)) };
        let Some(first) = line.events.front().cloned() else { return Next::Wait(Some(0)) };
        line.on_its_way = true;
        line.due = None;
        Next::Send(first)
    }

    /// An event that was sent came to this; `wish` is how long the sink wishes not to be asked, in milliseconds. Gives how
    /// often it was sent in vain.
    pub(super) fn note(&mut self, event: &Announcement, attempt: Attempt, wish: i64, now: Timestamp) -> u32 {
        let subject = &event.subject;
        let (first, longest) = match attempt {
            Attempt::Taken => (0, 0),
            Attempt::Refused => (FIRST_REFUSED, LONGEST_REFUSED),
            Attempt::Failed => (FIRST, LONGEST),
        };
        if attempt == Attempt::Taken {
            self.row = 0;
        } else {
            self.row = self.row.saturating_add(1);
            self.failed_at = now;
            self.hush(wish, now);
        }
        let Some(line) = self.subjects.get_mut(subject) else { return 0 };
        line.on_its_way = false;
        let failures = if attempt == Attempt::Taken { 0 } else { line.failures.saturating_add(1) };
        let gone = attempt == Attempt::Taken || event.number < self.floor;
        if gone && line.events.front().is_some_and(|front| front.number == event.number) {
            line.events.pop_front();
        }
        line.events.retain(|event| event.number >= self.floor);
        line.failures = if gone { 0 } else { failures };
        match line.events.front() {
            None => _ = self.subjects.remove(subject),
            Some(front) if gone => _ = self.fresh.insert(front.number, subject.clone()),
            Some(_) => {
                let due = now.plus(pause(failures - 1, first, longest, now));
                line.due = Some(due);
                self.failed.insert((due, subject.clone()));
            }
        }
        failures
    }
}

#[cfg(test)]
#[path = "queue/tests.rs"]
mod tests;

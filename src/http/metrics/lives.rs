//! How long changes take, and what waits.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::histogram::{self, head, seconds};
use crate::change::id::{ChangeId, Timestamp};
use crate::change::{Change, Event, Ledger, State, Times};

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
/// Upper bounds of the buckets, in milliseconds: machines take seconds, reviewers days.
const BOUNDS: [u64; 11] = [
    SECOND,
    5 * SECOND,
    15 * SECOND,
    MINUTE,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    8 * HOUR,
    24 * HOUR,
    72 * HOUR,
    168 * HOUR,
];

/// The time from the first write of a change to its states.
pub(super) struct Lives {
    proposed: Times,
    merged: Times,
    live: Times,
    /// The changes that were live when they were looked at last, once counting has begun.
    lived: Option<HashSet<ChangeId>>,
    /// The changes that were proposed and have not ended: a change may be proposed again and again.
    known: HashSet<ChangeId>,
}

impl Default for Lives {
    fn default() -> Self {
        let [proposed, merged, live] = std::array::from_fn(|_| Times::new(&BOUNDS));
        Self { proposed, merged, live, lived: None, known: HashSet::new() }
    }
}

impl Lives {
    /// Changes that have a pull request when counting begins were proposed before, and how fast is not counted twice.
    pub(super) fn begin(&mut self, ledger: &Ledger) {
        self.known
            .extend(ledger.active().iter().filter(|change| change.pull.is_some()).map(|change| change.id.clone()));
        self.lived = Some(live(ledger).map(|(change, _)| change.id.clone()).collect());
    }

    /// Looks which changes became live: nobody is told of that when it happens, because they stay merged.
    pub(super) fn look(&mut self, ledger: &Ledger) {
        let Some(lived) = &mut self.lived else { return };
        lived.retain(|id| ledger.changes.contains_key(id));
        for (change, at) in live(ledger) {
            if lived.insert(change.id.clone()) {
                self.live.observe(since(change.created, at));
            }
        }
    }

    pub(super) fn came(&mut self, event: &Event, change: &Change) {
        let took = since(change.created, event.at);
        match event.state {
            State::Proposed if self.known.insert(event.change.clone()) => self.proposed.observe(took),
            State::Merged => self.merged.observe(took),
            _ => {}
        }
        if event.state.is_final() {
            self.known.remove(&event.change);
        }
    }

    pub(super) fn write(&self, out: &mut String) -> std::fmt::Result {
        let name = "meshwright_change_seconds";
        head(out, name, "histogram", "Time from the first write of a change to its state, since the server started.")?;
        histogram::write(out, &self.proposed, name, "to=\"proposed\"")?;
        histogram::write(out, &self.merged, name, "to=\"merged\"")?;
        histogram::write(out, &self.live, name, "to=\"live\"")
    }
}

/// The changes that are live at every place that they touched, and since when.
fn live(ledger: &Ledger) -> impl Iterator<Item = (&Change, Timestamp)> {
    ledger.changes.values().filter_map(|change| Some((&**change, change.rollout.as_ref()?.live?)))
}

/// The writes that are accepted and not on main, and for how long the oldest of them that is on no branch yet has waited.
pub(super) fn write_waiting(out: &mut String, ledger: &Ledger, now: Timestamp) -> std::fmt::Result {
    let active = ledger.active();
    let writes: usize = active.iter().map(|change| ledger.writes(&change.id).count()).sum();
    head(out, "meshwright_writes_waiting", "gauge", "Writes that were accepted and are not on main.")?;
    writeln!(out, "meshwright_writes_waiting {writes}")?;
    let unwritten = |change: &Change| ledger.writes(&change.id).find(|write| write.seq > change.covers).map(|it| it.at);
    let oldest = active.iter().filter_map(|change| unwritten(change)).min().map_or(0, |at| since(at, now));
    let words = "How long the oldest accepted write has waited that is on no branch yet.";
    head(out, "meshwright_oldest_write_seconds", "gauge", words)?;
    writeln!(out, "meshwright_oldest_write_seconds {}", seconds(oldest))
}

/// Milliseconds between two moments; 0 where a clock was set back.
fn since(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.0.saturating_sub(from.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::change::Rollout;
    use crate::change::journal::Contents;

    #[test]
    fn what_was_proposed_before_counting_began_is_not_counted_as_slow() {
        let mut change = Change::new(ChangeId::new(&[], Timestamp(1), 1), BTreeSet::new(), Timestamp(1));
        (change.state, change.pull) = (State::Blocked, Some(7));
        let contents = Contents { changes: vec![change.clone()], ..Contents::default() };
        let ledger = Ledger::restore(Arc::default(), contents);
        let again =
            Event { seq: 1, at: Timestamp(9_000_000), change: change.id.clone(), state: State::Proposed, reason: None };
        for (begun, count) in [(true, 0), (false, 1)] {
            let mut lives = Lives::default();
            if begun {
                lives.begin(&ledger);
            }
            lives.came(&again, &change);
            let mut text = String::new();
            lives.write(&mut text).unwrap();
            assert!(text.contains(&format!("_count{{to=\"proposed\"}} {count}\n")), "{text}");
        }
    }

    #[test]
    fn a_change_is_live_once_and_what_was_live_before_counting_began_does_not_count() {
        let ledger = |live: &[(&str, i64)]| {
            let change = |(id, at): &(&str, i64)| {
                let rollout = Some(Rollout { places: vec![], live: (*at > 0).then_some(Timestamp(*at)) });
                let id = ChangeId::parse(id).unwrap();
                Change { rollout, state: State::Merged, ..Change::new(id, BTreeSet::new(), Timestamp(1_000)) }
            };
            let changes = live.iter().map(change).collect();
            Ledger::restore(Arc::default(), Contents { changes, ..Contents::default() })
        };
        let text = |lives: &Lives| {
            let mut text = String::new();
            lives.write(&mut text).unwrap();
            text
        };
        let mut lives = Lives::default();
        lives.look(&ledger(&[("aaaaaaaaaaaa", 9_000)]));
        assert!(text(&lives).contains("_count{to=\"live\"} 0\n"), "counting has not begun");
        lives.begin(&ledger(&[("aaaaaaaaaaaa", 9_000), ("bbbbbbbbbbbb", 0)]));
        for _ in 0..2 {
            lives.look(&ledger(&[("aaaaaaaaaaaa", 9_000), ("bbbbbbbbbbbb", 61_000), ("cccccccccccc", 0)]));
            let text = text(&lives);
            for line in ["_sum{to=\"live\"} 60", "_count{to=\"live\"} 1", "_bucket{to=\"live\",le=\"60\"} 1"] {
                assert!(text.contains(&format!("meshwright_change_seconds{line}\n")), "{text}");
            }
        }
        lives.look(&ledger(&[]));
        assert!(lives.lived.unwrap().is_empty(), "nothing is remembered of what is forgotten");
    }

    #[test]
    fn a_change_counts_once_however_often_it_is_proposed() {
        let mut lives = Lives::default();
        let change = Change::new(ChangeId::new(&[], Timestamp(1), 1), BTreeSet::new(), Timestamp(1_000));
        for (state, at) in
            [(State::Proposed, 3_000), (State::Blocked, 4_000), (State::Proposed, 90_000), (State::Merged, 61_000)]
        {
            let event = Event { seq: 1, at: Timestamp(at), change: change.id.clone(), state, reason: None };
            lives.came(&event, &change);
        }
        let mut text = String::new();
        lives.write(&mut text).unwrap();
        for line in ["_sum{to=\"proposed\"} 2", "_count{to=\"proposed\"} 1", "_bucket{to=\"merged\",le=\"60\"} 1"] {
            assert!(text.contains(&format!("meshwright_change_seconds{line}\n")), "{text}");
        }
        assert!(lives.known.is_empty());
    }
}

//! How long changes are remembered that ended.

use super::id::{ChangeId, Timestamp};
use super::ledger::Ledger;
use super::record::Change;

/// How long changes are remembered that ended. Afterwards only Git knows them: what was merged stands on main, with the
/// trailers that name the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// For so many milliseconds after they ended.
    pub keep: i64,
    /// At most so many of them, the newest.
    pub most: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep: 30 * 86_400_000, most: 5000 }
    }
}

impl Retention {
    /// Whether a change ended so long ago that it is forgotten.
    #[must_use]
    pub fn is_over(&self, change: &Change, now: Timestamp) -> bool {
        ended(change).plus(self.keep) < now
    }

    /// The changes to forget now, at most `batch` of them.
    #[must_use]
    pub fn over(&self, ledger: &Ledger, now: Timestamp, batch: usize) -> Vec<ChangeId> {
        let done = |change: &&Change| change.state.is_final() && !change.untidy;
        let mut done: Vec<&Change> = ledger.changes.values().map(|change| &**change).filter(done).collect();
        let surplus = done.len().saturating_sub(self.most);
        done.sort_by_key(|change| ended(change));
        let over = done.iter().enumerate().take_while(|(n, change)| *n < surplus || self.is_over(change, now));
        over.take(batch).map(|(_, change)| change.id.clone()).collect()
    }
}

/// When a final change ended, as far as it is known.
fn ended(change: &Change) -> Timestamp {
    change.ended.unwrap_or(change.last_write)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::State;

    fn id(n: i64) -> ChangeId {
        ChangeId::parse(&format!("{n:012x}")).unwrap()
    }

    /// Changes that ended at these moments, each in the order of its number.
    fn ledger(moments: &[i64]) -> Ledger {
        let mut ledger = Ledger::default();
        for (n, at) in (1..).zip(moments) {
            let change = Change::new(id(n), [].into(), Timestamp(0)).ended(State::Merged, Timestamp(*at), None);
            drop(ledger.update(Change { untidy: false, ..change }));
        }
        ledger
    }

    #[test]
    fn what_ended_long_ago_is_forgotten_the_oldest_first() {
        let retention = Retention { keep: 100, most: 10 };
        let ledger = ledger(&[30, 10, 20, 500]);
        assert_eq!(retention.over(&ledger, Timestamp(110), 9), []);
        assert_eq!(retention.over(&ledger, Timestamp(125), 9), [id(2), id(3)]);
        assert_eq!(retention.over(&ledger, Timestamp(125), 1), [id(2)]);
    }

    #[test]
    fn of_too_many_the_newest_are_kept() {
        let retention = Retention { keep: 1000, most: 2 };
        assert_eq!(retention.over(&ledger(&[30, 10, 20, 500]), Timestamp(501), 9), [id(2), id(3)]);
    }

    #[test]
    fn what_is_open_or_not_cleared_away_is_never_forgotten() {
        let retention = Retention { keep: 0, most: 0 };
        let mut ledger = ledger(&[1]);
        let open = Change::new(id(7), [].into(), Timestamp(0));
        let untidy = Change::new(id(8), [].into(), Timestamp(0)).ended(State::Rejected, Timestamp(0), None);
        drop((ledger.update(open), ledger.update(untidy)));
        assert_eq!(retention.over(&ledger, Timestamp(9), 9), [id(1)]);
        assert_eq!(ledger.forget(&[id(1), id(7), id(8)]).len(), 1);
        assert_eq!(ledger.changes.len(), 2);
    }
}

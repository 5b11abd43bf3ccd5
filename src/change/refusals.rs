//! What the forge refused for good: asked again later and later, unless there is something new to ask.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::id::{ChangeId, Timestamp};
use crate::repo::CommitId;

/// The longest that a refused request waits before it is repeated, in milliseconds: five minutes.
const LONGEST: i64 = 300_000;

/// What was asked for: the last write that was in it, and the main it stood on.
pub(super) type Asked = (u64, Option<CommitId>);

#[derive(Debug, Clone, Copy)]
struct Refused {
    asked: Asked,
    wait: i64,
    until: Timestamp,
}

/// The refusals that stand, by change.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<ChangeId, Refused>>);

impl Refusals {
    /// When the same may be asked for again, if it was refused.
    pub(super) fn until(&self, id: &ChangeId, asked: Asked) -> Option<Timestamp> {
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.get(id).filter(|refused| refused.asked == asked).map(|refused| refused.until)
    }

    /// Notes that it was refused now, and says when it may be asked for again: twice as late as the last time, from
    /// `first` milliseconds on.
    pub(super) fn note(&self, id: &ChangeId, asked: Asked, now: Timestamp, first: i64) -> Timestamp {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let again = refusals.get(id).filter(|refused| refused.asked == asked);
        let wait = again.map_or(first, |refused| refused.wait.saturating_mul(2)).min(LONGEST);
        let until = now.plus(wait);
        refusals.insert(id.clone(), Refused { asked, wait, until });
        until
    }

    /// It went through, it ended, or somebody asks anew.
    pub(super) fn forget(&self, id: &ChangeId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_asked_for_later_and_later_and_something_else_at_once() {
        let (refusals, id) = (Refusals::default(), ChangeId::parse("0123456789ab").unwrap());
        let same = (7, None);
        assert_eq!(refusals.until(&id, same), None);
        let waits: Vec<i64> = (0..9).map(|_| refusals.note(&id, same, Timestamp(0), 5000).0).collect();
        assert_eq!(waits, [5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000]);
        assert_eq!(refusals.until(&id, same), Some(Timestamp(300_000)));
        for other in [(8, None), (7, Some(CommitId::from([1; 20])))] {
            assert_eq!(refusals.until(&id, other), None, "a new write and another main are something new");
        }
        assert_eq!(refusals.note(&id, (8, None), Timestamp(0), 5000), Timestamp(5000));
        refusals.forget(&id);
        assert_eq!(refusals.until(&id, (8, None)), None);
    }
}

//! How long to wait before what failed is tried again: longer and longer, and never for all at the same moment.

use std::sync::atomic::{AtomicU32, Ordering};

use super::id::Timestamp;

/// The first pause, in milliseconds.
const FIRST: i64 = 1000;

/// The one place from where a failed call to the forge is repeated. It counts rounds that failed in a row.
#[derive(Debug, Default)]
pub(super) struct Patience(AtomicU32);

impl Patience {
    /// A round ended; gives the moment of the next one if it failed, at most `longest` milliseconds from `now`.
    pub(super) fn note(&self, failed: bool, now: Timestamp, longest: i64) -> Option<Timestamp> {
        if !failed {
            self.0.store(0, Ordering::Relaxed);
            return None;
        }
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        Some(now.plus(pause(before, FIRST, longest, now)))
    }
}

/// How long to wait after a failure at `now`, in milliseconds, if so many came before it in a row: from `first` on, twice as
/// long each time, and at most `longest`.
#[must_use]
pub fn pause(before: u32, first: i64, longest: i64, now: Timestamp) -> i64 {
    let pause = first.saturating_mul(1 << before.min(20)).min(longest.max(1));
    // Whoever failed at the same moment has another clock, so that its last digits spread the next attempts.
    let spread = (pause / 4).max(1);
    pause - now.0.rem_euclid(spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_doubles_the_pause_and_a_success_ends_it() {
        let patience = Patience::default();
        let mut pause = |failed| patience.note(failed, Timestamp(0), 5000).map(|at| at.0);
        assert_eq!(
            [true, true, true, true, false, true].map(&mut pause),
            [Some(1000), Some(2000), Some(4000), Some(5000), None, Some(1000)]
        );
    }

    #[test]
    fn pauses_differ_by_up_to_a_quarter() {
        let pauses = (0..1000)
            .map(|now| Patience::default().note(true, Timestamp(now), 5000).map(|at| at.0 - now).unwrap_or_default());
        let (least, most) = pauses.fold((i64::MAX, 0), |(least, most), pause| (pause.min(least), pause.max(most)));
        assert_eq!((least, most), (751, 1000));
    }
}

//! Leaving a plugin alone that fails again and again.

use super::fault::Fault;
use crate::change::Timestamp;
use crate::change::patience::pause;

/// After how many calls in a row that failed it is left alone for a while.
const AFTER: u32 = 3;

/// The first and the longest pause, in milliseconds.
pub(super) const FIRST_PAUSE: i64 = 1000;
pub(super) const LONGEST_PAUSE: i64 = 60_000;

/// How many calls of a plugin failed in a row.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// When the last of them was counted.
    counted: Option<Timestamp>,
    last: Option<(Fault, Timestamp)>,
}

impl Breaker {
    /// A call ended at `now`.
    pub(super) fn note(&mut self, fault: Option<&Fault>, begun: Timestamp, now: Timestamp) {
        match fault {
            None => *self = Self::default(),
            Some(fault) => {
                // Calls that fail together, as when a connection is lost, are one failure; unless the clock was set back.
                if self.counted.is_none_or(|counted| begun >= counted || counted > now) {
                    self.failures = self.failures.saturating_add(1);
                    self.counted = Some(now);
                }
                let rest = pause(self.failures.saturating_sub(AFTER), FIRST_PAUSE, LONGEST_PAUSE, now);
                self.last = Some((fault.clone(), now.plus(rest)));
            }
        }
    }

    /// A look at the plugin went well after one that did not: what that shows to be over is over, until a call fails again.
    pub(super) fn looked_well(&mut self) {
        self.last = self.last.take().filter(|(fault, _)| !fault.reason.ends_with_a_look());
    }

    /// Why it is not called now, and until when; none where it is.
    pub(super) fn open(&self, now: Timestamp) -> Option<(&Fault, Timestamp)> {
        let (fault, until) = self.last.as_ref().filter(|_| self.failures >= AFTER)?;
        (!is_due(*until, now)).then_some((fault, *until))
    }
}

/// Whether a moment is here, or so far away that the clock was set back.
pub(super) fn is_due(at: Timestamp, now: Timestamp) -> bool {
    at <= now || at > now.plus(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::super::fault::Reason;
    use super::*;

    fn breaker(failures: u32, reason: Reason) -> Breaker {
        let mut breaker = Breaker::default();
        (0..failures).for_each(|_| fail(&mut breaker, reason, Timestamp(0), Timestamp(0)));
        breaker
    }

    fn fail(breaker: &mut Breaker, reason: Reason, begun: Timestamp, now: Timestamp) {
        breaker.note(Some(&Fault::new(reason, "fails")), begun, now);
    }

    #[test]
    fn calls_that_fail_together_are_one_failure() {
        let mut breaker = Breaker::default();
        (10..20).for_each(|now| fail(&mut breaker, Reason::Unreachable, Timestamp(9), Timestamp(now)));
        assert!(breaker.open(Timestamp(20)).is_none());
        (20..22).for_each(|now| fail(&mut breaker, Reason::Unreachable, Timestamp(now), Timestamp(now)));
        assert!(breaker.open(Timestamp(22)).is_some());
        let mut set_back = Breaker::default();
        (0..3).for_each(|now| fail(&mut set_back, Reason::Late, Timestamp(10 - now), Timestamp(10 - now)));
        assert!(set_back.open(Timestamp(8)).is_some());
    }

    #[test]
    fn it_opens_after_three_failures_in_a_row_for_longer_and_longer() {
        let open_until = |failures| breaker(failures, Reason::Late).open(Timestamp(0)).map(|(_, until)| until.0);
        assert_eq!([1, 2, 3, 4, 5, 40].map(open_until), [None, None, Some(1000), Some(2000), Some(4000), Some(60_000)]);
        let breaker = breaker(3, Reason::Late);
        assert!(breaker.open(Timestamp(999)).is_some() && breaker.open(Timestamp(1000)).is_none());
        assert!(breaker.open(Timestamp(-3_600_000)).is_none(), "the clock was set back");
    }

    #[test]
    fn a_call_that_is_answered_closes_it_and_a_look_only_where_it_shows_something() {
        let mut late = breaker(3, Reason::Late);
        late.looked_well();
        assert!(late.open(Timestamp(0)).is_some());
        late.note(None, Timestamp(0), Timestamp(0));
        assert!(late.open(Timestamp(0)).is_none());
        let mut away = breaker(3, Reason::Unreachable);
        away.looked_well();
        assert!(away.open(Timestamp(0)).is_none());
        // One that crashes when it is called is asked once after each look.
        fail(&mut away, Reason::Unreachable, Timestamp(0), Timestamp(0));
        assert_eq!(away.open(Timestamp(0)).map(|(_, until)| until.0), Some(2000));
    }
}

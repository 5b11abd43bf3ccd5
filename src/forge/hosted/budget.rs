//! How often a forge may be asked: its own limits as its answers tell them, and ours that stay below them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::change::forge::{ForgeError, Left};
use crate::change::id::Timestamp;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// How many requests that create or change something one identity may send; GitHub allows 80 and 500 for content (GitHub
/// Docs, "Rate limits for the REST API", secondary limits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Within any minute.
    pub minute: usize,
    /// Within any hour.
    pub hour: usize,
}

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::forge) enum Cost {
    /// It reads.
    Read,
    /// It creates or changes something.
    Write,
}

/// What is left for one identity. It refuses instead of waiting: who asks holds the turn of others.
#[derive(Debug)]
pub(in crate::forge) struct Budget {
    allowance: Allowance,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When writes were sent within the last hour, oldest first.
    writes: VecDeque<i64>,
    /// Until when the forge takes nothing, as it said.
    closed_until: i64,
}

impl Budget {
    pub(in crate::forge) fn new(allowance: Allowance) -> Self {
        Self { allowance, state: Mutex::default() }
    }

    /// Takes the cost of a request, or says when there is enough for it.
    pub(in crate::forge) fn take(&self, cost: Cost, now: Timestamp) -> Result<(), ForgeError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.0;
        if now < state.closed_until {
            return Err(ForgeError::Later(Timestamp(state.closed_until)));
        }
        if cost == Cost::Read {
            return Ok(());
        }
        // A clock that was set back must not keep what lies ahead for ever.
        state.writes.retain(|at| (now - HOUR..=now).contains(at));
        let free = |most: usize, span: i64| {
            let within = state.writes.iter().filter(|at| **at > now - span);
            let surplus = (within.clone().count() + 1).checked_sub(most.max(1)).filter(|surplus| *surplus > 0)?;
            within.clone().nth(surplus - 1).map(|at| at + span)
        };
        let waits = [free(self.allowance.minute, MINUTE), free(self.allowance.hour, HOUR)];
        if let Some(until) = waits.into_iter().flatten().max() {
            return Err(ForgeError::Later(Timestamp(until)));
        }
        state.writes.push_back(now);
        Ok(())
    }

    /// What may be sent of writes now; nothing while the forge is closed.
    pub(in crate::forge) fn left(&self, now: Timestamp) -> Left {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now.0;
        let left = |most: usize, span: i64| {
            let sent = state.writes.iter().filter(|at| (now - span + 1..=now).contains(*at)).count();
            if now < state.closed_until { 0 } else { most.max(1).saturating_sub(sent) }
        };
        Left { minute: left(self.allowance.minute, MINUTE), hour: left(self.allowance.hour, HOUR) }
    }

    /// The forge said that it takes nothing before this moment.
    pub(in crate::forge) fn close(&self, until: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.closed_until = state.closed_until.max(until.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn later(until: i64) -> Result<(), ForgeError> {
        Err(ForgeError::Later(Timestamp(until)))
    }

    #[test]
    fn writes_are_bounded_by_the_minute_and_by_the_hour_and_reads_are_not() {
        let budget = Budget::new(Allowance { minute: 2, hour: 3 });
        let write = |now| budget.take(Cost::Write, Timestamp(now));
        assert_eq!([write(0), write(10), write(20)], [Ok(()), Ok(()), later(MINUTE)]);
        assert_eq!(budget.take(Cost::Read, Timestamp(20)), Ok(()));
        assert_eq!([write(MINUTE - 1), write(MINUTE), write(MINUTE + 10)], [later(MINUTE), Ok(()), later(HOUR)]);
        assert_eq!([write(HOUR - 1), write(HOUR), write(HOUR + 1)], [later(HOUR), Ok(()), later(HOUR + 10)]);
    }

    #[test]
    fn what_the_forge_says_closes_it_for_reads_too() {
        let budget = Budget::new(Allowance { minute: 1, hour: 1 });
        budget.close(Timestamp(500));
        budget.close(Timestamp(400));
        assert_eq!(budget.take(Cost::Read, Timestamp(499)), later(500));
        assert_eq!([499, 500].map(|now| budget.left(Timestamp(now)).hour), [0, 1]);
        assert_eq!(budget.take(Cost::Read, Timestamp(500)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_block_it() {
        let budget = Budget::new(Allowance { minute: 1, hour: 1 });
        budget.take(Cost::Write, Timestamp(10 * HOUR)).unwrap();
        assert_eq!(budget.take(Cost::Write, Timestamp(0)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_is_allowed_and_who_waits_as_told_is_let_through(
            steps in prop::collection::vec(0_i64..20_000, 1..200), minute in 1_usize..6, hour in 1_usize..40,
        ) {
            let budget = Budget::new(Allowance { minute, hour });
            let (mut now, mut taken) = (0, vec![]);
            for step in steps {
                now += step;
                let Left { minute, hour } = budget.left(Timestamp(now));
                let written = budget.take(Cost::Write, Timestamp(now));
                prop_assert_eq!(written.is_ok(), minute.min(hour) > 0);
                match written {
                    Ok(()) => taken.push(now),
                    Err(ForgeError::Later(Timestamp(until))) => {
                        prop_assert!(until > now);
                        prop_assert!(budget.take(Cost::Write, Timestamp(until - 1)).is_err());
                        prop_assert_eq!(budget.take(Cost::Write, Timestamp(until)), Ok(()));
                        now = until;
                        taken.push(now);
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            for (span, most) in [(MINUTE, minute), (HOUR, hour)] {
                for at in &taken {
                    prop_assert!(taken.iter().filter(|other| (*at..at + span).contains(other)).count() <= most);
                }
            }
        }
    }
}

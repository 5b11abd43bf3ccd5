//! How often a caller may ask: one token bucket per caller.
//!
//! Callers are told apart by their bearer token, never by what they claim, so there are as many buckets as tokens.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::change::Timestamp;

struct Bucket {
    left: f64,
    at: Timestamp,
}

/// The buckets of all callers, by name.
#[derive(Default)]
pub(super) struct Buckets(Mutex<HashMap<String, Bucket>>);

impl Buckets {
    /// Takes one request of `caller` at `now`, who may send `rate` per second after `burst` at once; a rate of 0 limits
    /// nothing.
    ///
    /// # Errors
    /// When it has none left: the whole seconds until it has.
    pub(super) fn take(&self, caller: &str, rate: f64, burst: f64, now: Timestamp) -> Result<(), u64> {
        if rate <= 0.0 {
            return Ok(());
        }
        let burst = burst.max(1.0);
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !buckets.contains_key(caller) {
            buckets.insert(caller.to_owned(), Bucket { left: burst, at: Timestamp::default() });
        }
        let Some(bucket) = buckets.get_mut(caller) else { return Ok(()) };
        let passed = now.0.saturating_sub(bucket.at.0).clamp(0, 86_400_000);
        #[expect(clippy::cast_precision_loss, reason = "a day in milliseconds is exact")]
        let refill = passed as f64 / 1000.0 * rate;
        bucket.left = (bucket.left + refill).min(burst);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive, and small")]
        let wait = ((1.0 - bucket.left) / rate).ceil().min(3600.0) as u64;
        Err(wait.max(1))
    }

    /// Forgets every caller but those of these names.
    pub(super) fn keep(&self, known: impl Fn(&str) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|name, _| known(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_burst_and_then_its_rate() {
        let (buckets, start) = (Buckets::default(), Timestamp(1_000_000));
        let take = |caller, at| buckets.take(caller, 2.0, 3.0, at);
        assert_eq!([0; 4].map(|_| take("a", start)), [Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!(take("b", start), Ok(()), "each caller has a bucket of its own");
        assert_eq!(take("a", start.plus(500)), Ok(()));
        assert_eq!(take("a", start.plus(500)), Err(1));
        assert_eq!(take("a", start), Err(1), "a clock that goes back gives nothing");
    }

    #[test]
    fn another_rate_gives_nobody_more_than_it_had_left() {
        let (buckets, start) = (Buckets::default(), Timestamp(1_000_000));
        assert_eq!([0; 2].map(|_| buckets.take("a", 1.0, 1.0, start)), [Ok(()), Err(1)]);
        assert_eq!(buckets.take("a", 0.5, 100.0, start), Err(2), "a longer burst is filled at the rate");
        buckets.keep(|name| name == "a");
        assert_eq!(buckets.take("a", 0.5, 100.0, start), Err(2));
        buckets.keep(|name| name == "b");
        assert!(buckets.0.lock().unwrap().is_empty());
    }

    #[test]
    fn a_rate_of_nothing_limits_nothing() {
        let buckets = Buckets::default();
        assert!((0..100).all(|_| buckets.take("a", 0.0, 1.0, Timestamp(0)).is_ok()));
    }
}

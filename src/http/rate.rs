//! How often a caller may ask: one token bucket per caller.
//!
//! Callers are told apart by their bearer token, never by what they claim, so there are as many buckets as tokens.

use std::sync::{Mutex, PoisonError};

use crate::change::Timestamp;

struct Bucket {
    left: f64,
    at: Timestamp,
}

/// The buckets of all callers.
pub(super) struct Buckets {
    rate: f64,
    burst: f64,
    buckets: Vec<Mutex<Bucket>>,
}

impl Buckets {
    /// Buckets of `callers`, each of `rate` requests per second after `burst` at once; a rate of 0 limits nothing.
    pub(super) fn new(callers: usize, rate: f64, burst: f64) -> Self {
        let burst = burst.max(1.0);
        let callers = if rate > 0.0 { callers } else { 0 };
        let bucket = || Mutex::new(Bucket { left: burst, at: Timestamp::default() });
        Self { rate, burst, buckets: (0..callers).map(|_| bucket()).collect() }
    }

    /// Takes one request of `caller` at `now`.
    ///
    /// # Errors
    /// When it has none left: the whole seconds until it has.
    pub(super) fn take(&self, caller: usize, now: Timestamp) -> Result<(), u64> {
        let Some(bucket) = self.buckets.get(caller) else { return Ok(()) };
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.0.saturating_sub(bucket.at.0).clamp(0, 86_400_000);
        #[expect(clippy::cast_precision_loss, reason = "a day in milliseconds is exact")]
        let refill = passed as f64 / 1000.0 * self.rate;
        bucket.left = (bucket.left + refill).min(self.burst);
        bucket.at = now;
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is positive, and small")]
        let wait = ((1.0 - bucket.left) / self.rate).ceil().min(3600.0) as u64;
        Err(wait.max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_a_burst_and_then_its_rate() {
        let buckets = Buckets::new(2, 2.0, 3.0);
        let start = Timestamp(1_000_000);
        assert_eq!([0; 4].map(|_| buckets.take(0, start)), [Ok(()), Ok(()), Ok(()), Err(1)]);
        assert_eq!(buckets.take(1, start), Ok(()), "each caller has a bucket of its own");
        assert_eq!(buckets.take(0, start.plus(500)), Ok(()));
        assert_eq!(buckets.take(0, start.plus(500)), Err(1));
        assert_eq!(buckets.take(0, start), Err(1), "a clock that goes back gives nothing");
    }

    #[test]
    fn a_rate_of_nothing_limits_nothing() {
        let buckets = Buckets::new(1, 0.0, 1.0);
        assert!((0..100).all(|_| buckets.take(0, Timestamp(0)).is_ok()));
    }
}

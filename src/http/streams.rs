//! The places of event streams: so many for all, and fewer for each caller, so that none can take them all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{self, Problem};

/// When a caller that found no place may ask again, in seconds.
const AGAIN: u64 = 10;

/// The places of all event streams.
pub(super) struct Streams {
    all: Arc<Semaphore>,
    own: Counts,
    each: usize,
}

/// How many streams each caller has open, by name.
type Counts = Arc<Mutex<HashMap<String, usize>>>;

/// The place of one event stream, until this is dropped.
pub(super) struct StreamPlace {
    _own: Own,
    _all: OwnedSemaphorePermit,
}

/// One of the streams of a caller, until this is dropped.
struct Own {
    counts: Counts,
    caller: String,
}

impl Drop for Own {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.caller) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.caller);
            }
        }
    }
}

impl Streams {
    /// Places for so many streams, of which each caller may take `each`.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), own: Counts::default(), each }
    }

    /// A place for a stream of `caller`.
    ///
    /// # Errors
    /// When the caller has its share, or others have taken the last place.
    pub(super) fn take(&self, caller: &str) -> Result<StreamPlace, Problem> {
        let full = || {
            let detail = format!("You have {} event streams open, and no caller may have more: close one.", self.each);
            Problem::new(&problem::RATE, detail).retry_after(AGAIN)
        };
        let busy =
            || Problem::new(&problem::BUSY, "Too many event streams are open; try again later.").retry_after(AGAIN);
        let own = self.own(caller).ok_or_else(full)?;
        let all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| busy())?;
        Ok(StreamPlace { _own: own, _all: all })
    }

    fn own(&self, caller: &str) -> Option<Own> {
        let mut counts = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(caller).copied().unwrap_or_default();
        if count >= self.each {
            return None;
        }
        counts.insert(caller.to_owned(), count + 1);
        Some(Own { counts: Arc::clone(&self.own), caller: caller.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_its_share_and_leaves_the_rest_to_others() {
        let streams = Streams::new(3, 2);
        let kind = |caller| streams.take(caller).map(|_| ()).map_err(|problem| problem.kind.slug);
        let held = [streams.take("a").unwrap(), streams.take("a").unwrap()];
        assert_eq!(kind("a"), Err("rate"));
        let other = streams.take("b").unwrap();
        assert_eq!((kind("b"), kind("a")), (Err("busy"), Err("rate")));
        drop(held);
        assert_eq!(kind("a"), Ok(()));
        drop(other);
        assert_eq!(kind("c"), Ok(()));
        assert!(streams.own.lock().unwrap().is_empty(), "nothing is remembered of who has none");
    }
}

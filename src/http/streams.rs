//! The places of event streams: so many for all, and fewer for each caller, so that none can take them all.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{self, Problem};

/// When a caller that found no place may ask again, in seconds.
const AGAIN: u64 = 10;

/// The places of all event streams.
pub(super) struct Streams {
    all: Arc<Semaphore>,
    own: Vec<Arc<Semaphore>>,
    each: usize,
}

/// The place of one event stream, until this is dropped.
pub(super) struct StreamPlace {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Streams {
    /// Places for so many streams, of which each of `callers` may take `each`.
    pub(super) fn new(all: usize, callers: usize, each: usize) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self { all: places(all), own: (0..callers).map(|_| places(each)).collect(), each }
    }

    /// A place for a stream of `caller`.
    ///
    /// # Errors
    /// When the caller has its share, or others have taken the last place.
    pub(super) fn take(&self, caller: usize) -> Result<StreamPlace, Problem> {
        let full = || {
            let detail = format!("You have {} event streams open, and no caller may have more: close one.", self.each);
            Problem::new(&problem::RATE, detail).retry_after(AGAIN)
        };
        let busy =
            || Problem::new(&problem::BUSY, "Too many event streams are open; try again later.").retry_after(AGAIN);
        let free = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let own = self.own.get(caller).and_then(free).ok_or_else(full)?;
        let all = free(&self.all).ok_or_else(busy)?;
        Ok(StreamPlace { _own: own, _all: all })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_has_its_share_and_leaves_the_rest_to_others() {
        let streams = Streams::new(3, 3, 2);
        let kind = |caller| streams.take(caller).map(|_| ()).map_err(|problem| problem.kind.slug);
        let held = [streams.take(0).unwrap(), streams.take(0).unwrap()];
        assert_eq!(kind(0), Err("rate"));
        let other = streams.take(1).unwrap();
        assert_eq!((kind(1), kind(0)), (Err("busy"), Err("rate")));
        drop(held);
        assert_eq!(kind(0), Ok(()));
        drop(other);
        assert_eq!(kind(2), Ok(()));
    }
}

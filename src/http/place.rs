//! The places that requests are worked on in: each request has one, but not while it waits for its own body.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{self, Problem};

/// The place of one request. Clones are the same place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    places: Arc<Semaphore>,
    held: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Place {
    /// One of `places`.
    ///
    /// # Errors
    /// When none is free.
    pub(super) fn take(places: &Arc<Semaphore>) -> Result<Self, Problem> {
        let held = Arc::new(Mutex::new(Some(free(places)?)));
        Ok(Self { places: Arc::clone(places), held })
    }

    /// Waits for what the caller sends, and leaves the place to others meanwhile.
    ///
    /// # Errors
    /// What `arrival` fails with; or when no place is free afterwards.
    pub(super) async fn wait<T>(&self, arrival: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        self.leave();
        let arrived = arrival.await?;
        *self.held() = Some(free(&self.places)?);
        Ok(arrived)
    }

    /// Leaves the place to others.
    pub(super) fn leave(&self) {
        drop(self.held().take());
    }

    fn held(&self) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn free(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        Problem::new(&problem::BUSY, "Too many requests are being worked on; send it again.").retry_after(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_body_leaves_the_place_to_others() {
        let places = Arc::new(Semaphore::new(1));
        let place = Place::take(&places).unwrap();
        assert_eq!(Place::take(&places).unwrap_err().kind, &problem::BUSY);
        let arrival = async { Ok(Place::take(&places).is_ok()) };
        assert!(place.wait(arrival).await.unwrap(), "there is room meanwhile");
        assert_eq!(places.available_permits(), 0, "it has a place again");

        let other = place.wait(async { Place::take(&places) }).await;
        assert_eq!(other.unwrap_err().kind, &problem::BUSY, "somebody else took the last place meanwhile");
        place.leave();
        assert_eq!(places.available_permits(), 1);
    }
}

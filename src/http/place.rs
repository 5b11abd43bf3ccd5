//! The places that requests are worked on in: each request has one, but not while it waits for its own body; and the room
//! for the bodies themselves.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::{self, Problem};

/// What room is counted in, in bytes. A body that is shorter costs no more than the request it comes with.
const UNIT: usize = 16 << 10;

/// All places and all room.
#[derive(Debug, Clone)]
pub(super) struct Places {
    places: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// The place of one request, and the room that its body takes until it is answered. Clones are the same place.
#[derive(Debug, Clone)]
pub(super) struct Place {
    all: Places,
    place: Held,
    room: Held,
}

type Held = Arc<Mutex<Option<OwnedSemaphorePermit>>>;

impl Places {
    /// So many places, and room for so many bytes.
    pub(super) fn new(places: usize, room: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), room: Arc::new(Semaphore::new(room / UNIT)) }
    }

    /// A place for a request.
    ///
    /// # Errors
    /// When none is free.
    pub(super) fn take(&self) -> Result<Place, Problem> {
        let place = Arc::new(Mutex::new(Some(free(&self.places, 1)?)));
        Ok(Place { all: self.clone(), place, room: Held::default() })
    }
}

impl Place {
    /// Waits for what the caller sends, and leaves the place to others meanwhile.
    ///
    /// # Errors
    /// What `arrival` fails with; or when no place is free afterwards.
    pub(super) async fn wait<T>(&self, arrival: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        self.leave();
        let arrived = arrival.await?;
        *held(&self.place) = Some(free(&self.all.places, 1)?);
        Ok(arrived)
    }

    /// Takes room for a body of so many bytes, of which some may have room already.
    ///
    /// # Errors
    /// When all room is taken.
    pub(super) fn hold(&self, bytes: usize) -> Result<(), Problem> {
        let mut room = held(&self.room);
        let more = (bytes / UNIT).saturating_sub(room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits));
        if more > 0 {
            let more = free(&self.all.room, more)?;
            match &mut *room {
                Some(room) => room.merge(more),
                None => *room = Some(more),
            }
        }
        Ok(())
    }

    /// Leaves the place to others.
    pub(super) fn leave(&self) {
        drop(held(&self.place).take());
    }
}

fn held(held: &Held) -> MutexGuard<'_, Option<OwnedSemaphorePermit>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

fn free(all: &Arc<Semaphore>, count: usize) -> Result<OwnedSemaphorePermit, Problem> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    Arc::clone(all).try_acquire_many_owned(count).map_err(|_| {
        Problem::new(&problem::BUSY, "Too many requests are being worked on; send it again.").retry_after(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_for_a_body_leaves_the_place_to_others() {
        let places = Places::new(1, 0);
        let place = places.take().unwrap();
        assert_eq!(places.take().unwrap_err().kind, &problem::BUSY);
        let arrival = async { Ok(places.take().is_ok()) };
        assert!(place.wait(arrival).await.unwrap(), "there is room meanwhile");
        assert_eq!(places.places.available_permits(), 0, "it has a place again");

        let other = place.wait(async { places.take() }).await;
        assert_eq!(other.unwrap_err().kind, &problem::BUSY, "somebody else took the last place meanwhile");
        place.leave();
        assert_eq!(places.places.available_permits(), 1);
    }

    #[test]
    fn long_bodies_share_the_room_there_is_until_they_are_answered() {
        let places = Places::new(9, 4 * UNIT);
        let (one, other) = (places.take().unwrap(), places.take().unwrap());
        for bytes in [1, 2 * UNIT, 2 * UNIT + 1, 3 * UNIT] {
            one.hold(bytes).unwrap();
        }
        other.hold(UNIT).unwrap();
        assert_eq!(other.hold(2 * UNIT).unwrap_err().kind, &problem::BUSY);
        assert_eq!(one.hold(4 * UNIT).unwrap_err().kind, &problem::BUSY);
        other.hold(UNIT - 1).unwrap();
        one.leave();
        assert_eq!(places.room.available_permits(), 0, "its body is still there");
        drop(one);
        other.hold(4 * UNIT).unwrap();
    }
}

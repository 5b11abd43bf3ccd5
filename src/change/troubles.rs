//! What the last round of the worker could not use, for whoever asks whether the server is ready.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why parts do not work, by the name of the part.
pub(super) type Found = BTreeMap<&'static str, String>;

/// What the last round found.
#[derive(Debug, Default)]
pub(super) struct Troubles(Mutex<Found>);

impl Troubles {
    /// What the last round found.
    pub(super) fn all(&self) -> Found {
        self.known().clone()
    }

    /// Puts what a round found in the place of what the one before found; only what is new is logged.
    pub(super) fn note(&self, found: Found) {
        let mut known = self.known();
        for (part, why) in found.iter().filter(|(part, why)| known.get(*part) != Some(*why)) {
            tracing::warn!(part, why, "this does not work; it is tried again");
        }
        for part in known.keys().filter(|part| !found.contains_key(*part)) {
            tracing::info!(part, "this works again");
        }
        *known = found;
    }

    fn known(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Up to when people were listened to.

use std::sync::{Mutex, PoisonError};

use super::id::Timestamp;

/// Up to when was listened; nothing yet after a start.
#[derive(Debug, Default)]
pub(super) struct HeardTo(Mutex<Option<Timestamp>>);

impl HeardTo {
    pub(super) fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, to: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(to);
    }
}

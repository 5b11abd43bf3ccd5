//! Telling that something which should run for ever has ended, however it ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something that should run for ever has ended. Clones tell the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Stopped(Arc<AtomicBool>);

impl Stopped {
    /// Whether it has ended.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// What runs holds this: it is dropped by a return, a panic, and an abort alike.
    pub(super) fn guard(&self) -> Guard {
        Guard(self.clone())
    }
}

/// Says that it ended when it is dropped.
#[derive(Debug)]
pub(super) struct Guard(Stopped);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Release);
    }
}

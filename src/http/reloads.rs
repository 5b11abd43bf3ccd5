//! How often the configuration was read again, and whether it is in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Counts how readings of the configuration went. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub struct Reloads(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    taken: AtomicU64,
    refused: AtomicU64,
    outdated: AtomicBool,
}

impl Reloads {
    /// A configuration was taken over; `whole` if nothing of it waits for a restart.
    pub fn taken(&self, whole: bool) {
        self.0.outdated.store(!whole, Ordering::Relaxed);
        self.0.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// A configuration was refused: the one before is in force.
    pub fn refused(&self) {
        self.0.outdated.store(true, Ordering::Relaxed);
        self.0.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How often each result came about.
    pub(super) fn results(&self) -> [(&'static str, u64); 2] {
        [("taken", &self.0.taken), ("refused", &self.0.refused)]
            .map(|(result, count)| (result, count.load(Ordering::Relaxed)))
    }

    /// Whether what runs is what was read last.
    pub(super) fn is_current(&self) -> bool {
        !self.0.outdated.load(Ordering::Relaxed)
    }
}

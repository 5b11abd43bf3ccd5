//! Time, read at the edge.

use super::id::Timestamp;

/// A clock; tests have one that stands still.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

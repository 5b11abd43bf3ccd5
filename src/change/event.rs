//! What listeners are told.

use super::id::{ChangeId, Timestamp};
use super::record::State;

/// A change came into another state, or for another reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// Its place in the stream, from 1; starts anew with the server.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The change.
    pub change: ChangeId,
    /// Its state.
    pub state: State,
    /// Why, when that needs saying.
    pub reason: Option<String>,
}

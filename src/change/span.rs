//! Which change the lines of the log are about.

use tracing::Span;

use super::id::ChangeId;

/// What is done within it is done to that change: each line that is logged there carries its id. It is on at every level,
/// so that a line which is chosen has it.
#[must_use]
pub fn carrying(id: &ChangeId) -> Span {
    tracing::error_span!("carry", change = %id)
}

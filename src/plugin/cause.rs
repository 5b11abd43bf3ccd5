//! What happened, of errors that are told of by others.

use std::error::Error;
use std::iter::successors;

/// Of the errors below this one the last, which says what happened; none where there is none below it.
pub(super) fn last_cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    successors(error.source(), |error| (*error).source()).last()
}

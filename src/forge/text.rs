//! What every pull request of ours has to be.

use crate::change::forge::{ForgeError, PullText};

/// The branches whose pull requests are Meshwright's.
pub const OURS: &str = "meshwright/";

/// As many characters as forges do not take.
const TOO_LONG: usize = 65_536;

/// Refuses a body that a forge would refuse.
pub(in crate::forge) fn must_fit(text: &PullText) -> Result<(), ForgeError> {
    let length = text.body.chars().count();
    if length < TOO_LONG {
        return Ok(());
    }
    Err(ForgeError::Refused(format!("a body of {length} characters is too long: {} at most", TOO_LONG - 1)))
}

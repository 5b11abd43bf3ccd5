//! A contradiction between two intents.

use super::anchor::Anchor;

/// Two intents that cannot both hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The server that was looked at.
    pub intent: Anchor,
    /// The server that it contradicts.
    pub with: Anchor,
    /// The field they disagree on, as a JSON pointer.
    pub field: &'static str,
    /// What each of them says.
    pub message: String,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} contradicts {} in {}: {}", self.intent, self.with, self.field, self.message)
    }
}

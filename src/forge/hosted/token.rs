//! The token of a user.

use std::fmt;

use serde::Deserialize;

/// A token; its `Debug` shows nothing of it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// This text as a token.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Whether it can stand in a header: ASCII without spaces, in one line; not empty.
    #[must_use]
    pub fn is_one_word(&self) -> bool {
        !self.0.is_empty() && self.0.bytes().all(|b| b.is_ascii_graphic())
    }

    pub(in crate::forge) fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

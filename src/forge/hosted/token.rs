//! The token of a user.

use std::fmt;

/// A token; its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// This text as a token.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
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

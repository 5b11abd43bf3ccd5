//! Names of resources.

use std::fmt;
use std::sync::Arc;

/// The longest a name may be, in characters.
pub const NAME_MAX: usize = 128;

/// The pattern of a name, as the API documents it.
pub const NAME_PATTERN: &str = "^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$";

/// The name of a resource: letters, digits, `-`, `_` and `.`, at most 128, alphanumeric at both ends.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    /// What is wrong with it, as a message for whoever sent it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        if text.is_empty() {
            Err("a name must not be empty".into())
        } else if bytes.len() > NAME_MAX {
            Err(format!("a name has at most {NAME_MAX} characters, this one has {}", text.chars().count()))
        } else if !(outer(bytes.first()) && outer(bytes.last()) && bytes.iter().all(inner)) {
            Err(format!("a name must match {NAME_PATTERN}"))
        } else {
            Ok(Self(text.into()))
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_documented_pattern() {
        for good in ["a", "A1", "v1.2", "a-b_c.d", &"x".repeat(128)] {
            assert!(Name::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", ".git", "..", "a/b", "a b", "ä", &"x".repeat(129)] {
            assert!(Name::parse(bad).is_err(), "{bad}");
        }
    }
}

//! Who asks and who reviews.

use serde::{Deserialize, Serialize};

/// The name of the caller when no credentials are configured.
pub const LOCAL: &str = "local";

/// Somebody, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Person {
    /// The name of the bearer token, `local`, or the actor it speaks for, such as `github:alice`.
    pub name: String,
    /// The forge logins of that person, such as `github:alice`; empty when they are not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub logins: Vec<String>,
}

impl Person {
    /// Whoever calls a server that has no credentials.
    #[must_use]
    pub fn local() -> Self {
        Self { name: LOCAL.to_owned(), logins: vec![] }
    }

    /// Whether this is the unverified caller.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.name == LOCAL
    }

    /// Whether a forge login of this person is known.
    #[must_use]
    pub fn has_login(&self) -> bool {
        self.name.contains(':') || !self.logins.is_empty()
    }

    /// Whether both are the same human as far as names and logins tell. Forges do not tell logins apart by case.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.names().any(|name| other.names().any(|other| name.eq_ignore_ascii_case(other)))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.name).chain(&self.logins).map(String::as_str)
    }
}

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

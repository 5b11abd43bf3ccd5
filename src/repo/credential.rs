//! A secret for a remote, which reaches the git program by environment only.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What a remote over HTTP asks for; never printed, never part of an address or an argument.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// A user and a password or token, as GitHub Apps (`x-access-token`) and Gitea take it.
    Basic {
        /// The user name.
        user: String,
        /// The password or token.
        secret: String,
    },
    /// A bearer token.
    Bearer(String),
}

impl Credential {
    /// The `Authorization` header.
    pub(in crate::repo) fn header(&self) -> String {
        match self {
            Self::Basic { user, secret } => {
                format!("Authorization: Basic {}", STANDARD.encode(format!("{user}:{secret}")))
            }
            Self::Bearer(token) => format!("Authorization: Bearer {token}"),
        }
    }

    /// What must not show up in any output.
    pub(in crate::repo) fn secrets(&self) -> Vec<String> {
        match self {
            Self::Basic { user, secret } => vec![secret.clone(), STANDARD.encode(format!("{user}:{secret}"))],
            Self::Bearer(token) => vec![token.clone()],
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

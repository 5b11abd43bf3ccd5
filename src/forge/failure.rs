//! What a failure of the repository means to the life of a change.

use crate::change::forge::ForgeError;
use crate::repo::RepoError;

/// Said by servers that will say it again: a hook, a protected branch, missing permission.
const REFUSALS: [&str; 4] = ["remote rejected", "hook declined", "protected branch", "denied to"];

impl From<RepoError> for ForgeError {
    fn from(error: RepoError) -> Self {
        match error {
            RepoError::Moved { reference, .. } => {
                Self::Moved(reference.strip_prefix("refs/heads/").unwrap_or(&reference).to_owned())
            }
            RepoError::NotFound { .. }
            | RepoError::Path { .. }
            | RepoError::Conflict { .. }
            | RepoError::TooLong { .. }
            | RepoError::Refused { .. } => Self::Refused(error.to_string()),
            RepoError::Remote { ref detail, .. } if REFUSALS.iter().any(|words| detail.contains(words)) => {
                Self::Refused(error.to_string())
            }
            RepoError::Remote { .. } | RepoError::Git(_) | RepoError::Io { .. } => Self::Unavailable(error.to_string()),
        }
    }
}

//! Why a server does not start.

use std::path::PathBuf;

use crate::change::journal::JournalError;
use crate::change::stuck::Stuck;
use crate::repo::RepoError;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The configuration asks for something that is not safe or makes no sense.
    #[error("{field}: {message}")]
    Config {
        /// The field of the configuration, or the option.
        field: &'static str,
        /// What is wrong and what to do.
        message: String,
    },
    /// The configuration file cannot be read, or says something that there is not.
    #[error("{path}: {message}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
    /// A file or folder cannot be used.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The repository.
    #[error("the config repository cannot be used: {0}")]
    Repo(#[from] RepoError),
    /// The forge.
    #[error("the pull requests cannot be read: {0}")]
    Forge(#[from] Stuck),
}

impl BootError {
    /// Something in the configuration.
    pub fn config(field: &'static str, message: impl Into<String>) -> Self {
        Self::Config { field, message: message.into() }
    }
}

//! What can go wrong with a repository, told apart by what the caller can do about it.

use std::io;

use thiserror::Error;

use super::CommitId;
use super::length::TooLong;

/// A repository operation that did not succeed.
#[derive(Debug, Error)]
pub enum RepoError {
    /// Somebody else moved the reference first: look at `actual` and decide again.
    #[error("{reference} has moved: expected {}, found {}", shown(*.expected), shown(*.actual))]
    Moved {
        /// The full name of the reference.
        reference: String,
        /// The value the caller acted on; `None`: it should not have existed.
        expected: Option<CommitId>,
        /// The value found; `None`: it does not exist.
        actual: Option<CommitId>,
    },
    /// The object, reference or repository does not exist.
    #[error("{what} does not exist")]
    NotFound {
        /// What was looked for.
        what: String,
    },
    /// A path that a tree cannot or must not hold.
    #[error("path {path:?}: {why}")]
    Path {
        /// The path as it was given.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file that is too long to be one of ours, and is not read.
    #[error("{path} has {bytes} bytes; no more than {} are read: take it out, or split it", super::length::LONGEST)]
    TooLong {
        /// Its path.
        path: String,
        /// Its length.
        bytes: u64,
    },
    /// Both sides of a merge changed the same paths differently.
    #[error("both sides changed {}", .paths.join(", "))]
    Conflict {
        /// The paths, sorted.
        paths: Vec<String>,
    },
    /// A name, address or value that is not passed on because it is malformed or dangerous.
    #[error("{what:?} is refused: {why}")]
    Refused {
        /// The value, without credentials.
        what: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The git program failed, or did not finish in time.
    #[error("{what}: {detail}")]
    Remote {
        /// What was attempted, without credentials.
        what: String,
        /// What the program said, without credentials.
        detail: String,
    },
    /// libgit2 failed on the repository itself.
    #[error("git: {}", .0.message())]
    Git(git2::Error),
    /// The file system failed.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The cause.
        source: io::Error,
    },
}

fn shown(id: Option<CommitId>) -> String {
    id.map_or_else(|| "nothing".to_owned(), |id| id.to_string())
}

impl RepoError {
    pub(in crate::repo) fn refused(what: impl Into<String>, why: &'static str) -> Self {
        Self::Refused { what: what.into(), why }
    }

    pub(in crate::repo) fn too_long(path: &str, long: TooLong) -> Self {
        Self::TooLong { path: path.to_owned(), bytes: long.bytes }
    }

    pub(in crate::repo) fn path(path: impl Into<String>, why: &'static str) -> Self {
        Self::Path { path: path.into(), why }
    }

    pub(in crate::repo) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}

impl From<git2::Error> for RepoError {
    fn from(error: git2::Error) -> Self {
        match error.code() {
            git2::ErrorCode::NotFound => Self::NotFound { what: error.message().to_owned() },
            _ => Self::Git(error),
        }
    }
}

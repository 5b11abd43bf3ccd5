//! Work that may not be able to go on now.

use super::forge::ForgeError;
use super::submission::{Cause, Refusal};
use crate::repo::RepoError;

/// Why a change could not be carried on now; it is looked at again later.
#[derive(Debug, thiserror::Error)]
pub enum Stuck {
    /// The forge.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The mirror.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] Refusal),
    /// There is nothing to propose anything to.
    #[error(
        "the config repository does not have the branch that `forge.main` names (`main` where it names none); push it, and this goes on"
    )]
    NoMain,
    /// A task that ended early, because the server is stopping.
    #[error("stopped")]
    Stopped,
}

impl Stuck {
    /// The part of the server that could not be used, as readiness names it.
    pub(super) fn part(&self) -> &'static str {
        match self {
            Self::Forge(_) => "forge",
            Self::Repo(_) => "mirror",
            Self::Journal(_) => "journal",
            Self::NoMain => "main",
            Self::Stopped => "worker",
        }
    }
}

impl From<Stuck> for Refusal {
    /// What the caller can mend is said in words for the caller; of the rest it is said what happened, for the log.
    fn from(stuck: Stuck) -> Self {
        let (cause, message) = match stuck {
            Stuck::Journal(refusal) => return refusal,
            Stuck::Forge(ForgeError::Refused(why)) => (Cause::WrongState, why),
            Stuck::Forge(error @ (ForgeError::NotFound(_) | ForgeError::Moved(_))) => {
                (Cause::WrongState, error.to_string())
            }
            Stuck::Repo(RepoError::Conflict { paths }) => (
                Cause::WrongState,
                format!("main and the change both changed {}; it is rendered again", paths.join(", ")),
            ),
            Stuck::Repo(RepoError::Path { path, why }) => {
                (Cause::WrongState, format!("{path} on main {why}; move what stands there and try again"))
            }
            Stuck::Stopped => (Cause::Unavailable, "the server is stopping; nothing was done".to_owned()),
            stuck => (Cause::Unavailable, stuck.to_string()),
        };
        Self::new(cause, "", message)
    }
}

/// Runs work that blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Stuck> + Send + 'static,
) -> Result<T, Stuck> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work)).await.unwrap_or(Err(Stuck::Stopped))
}

//! Work that may not be able to go on now.

use super::forge::ForgeError;
use super::submission::Refusal;
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
    /// A task that ended early, because the server is stopping.
    #[error("stopped")]
    Stopped,
}

/// Runs work that blocks where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Stuck> + Send + 'static,
) -> Result<T, Stuck> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Stuck::Stopped))
}

//! Branches and commits: by the git program, or commits by the forge itself.

use std::sync::Arc;

use super::{Dialect, Hosted, Remake};
use crate::change::forge::ForgeError;
use crate::forge::origin::{self, Origin, Swap};
use crate::forge::text::OURS;
use crate::repo::{CommitId, Files as _, Mirror, RepoError};

impl<D: Dialect> Hosted<D> {
    /// Brings main and our branches into the mirror; gives where main is.
    pub(super) async fn follow_branches(&self) -> Result<Option<CommitId>, ForgeError> {
        let main = self.main.clone();
        self.with_git(move |origin| origin.follow_all(&main, OURS)).await
    }

    /// Where main is on the forge at this moment; its commits are in the mirror afterwards.
    pub(super) async fn main_now(&self) -> Result<Option<CommitId>, ForgeError> {
        let name = origin::head(&self.main);
        self.with_git(move |origin| Ok(origin.look(std::slice::from_ref(&name))?.get(&name).copied())).await
    }

    /// Moves one of our branches to a commit, or to one that the forge makes of it.
    pub(super) async fn move_branch(
        &self,
        branch: &str,
        expected: Option<CommitId>,
        new: CommitId,
    ) -> Result<CommitId, ForgeError> {
        if self.dialect.remakes() {
            let (mirror, span) = (self.mirror.clone(), tracing::Span::current());
            let remade = tokio::task::spawn_blocking(move || span.in_scope(|| remake(&mirror, new))).await;
            let commit = remade.unwrap_or_else(|error| {
                Err(RepoError::Io { what: "read a commit".to_owned(), source: std::io::Error::other(error) })
            })?;
            if let Some(commit) = commit {
                let made = self.dialect.remake(&self.api, branch, expected, commit).await?;
                let name = origin::head(branch);
                self.with_git(move |origin| origin.look(&[name]).map(drop)).await?;
                return Ok(made);
            }
        }
        self.swap(branch, expected, Some(new)).await?;
        Ok(new)
    }

    /// Moves a branch by a push that is guarded by where it is expected.
    pub(super) async fn swap(
        &self,
        branch: &str,
        expected: Option<CommitId>,
        new: Option<CommitId>,
    ) -> Result<(), ForgeError> {
        let swap = Swap { reference: origin::head(branch), expected, new };
        self.with_git(move |origin| origin.swap(&[swap], "push")).await
    }

    /// Runs git where it may block, signed in anew: the credential of an app lasts an hour.
    async fn with_git<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Origin) -> Result<T, RepoError> + Send + 'static,
    ) -> Result<T, ForgeError> {
        let (credential, origin) = (self.api.credential().await?, Arc::clone(&self.origin));
        let span = tracing::Span::current();
        let work = move || {
            origin.sign_in(credential)?;
            work(&origin)
        };
        let done = tokio::task::spawn_blocking(move || span.in_scope(work));
        match done.await {
            Ok(done) => Ok(done?),
            Err(error) => Err(ForgeError::Unavailable(error.to_string())),
        }
    }
}

/// What a commit of ours changes of its parent; none of one without a parent, which only a push can bring.
fn remake(mirror: &Mirror, commit: CommitId) -> Result<Option<Remake>, RepoError> {
    let info = mirror.commit_info(commit)?;
    let [parent] = info.parents[..] else { return Ok(None) };
    let files = mirror.snapshot(commit)?;
    let mut changes = vec![];
    for changed in mirror.changed_paths(mirror.commit_info(parent)?.tree, info.tree, "")? {
        let content = if changed.new.is_some() { files.read(&changed.path)? } else { None };
        changes.push((changed.path, content));
    }
    Ok(Some(Remake { parent, message: info.message, changes }))
}

//! A forge without a server: pull requests live in the configuration repository itself.
//!
//! Each is a reference `refs/meshwright/pulls/<number>` to a chain of commits, one for each thing that happened to it,
//! whose tree holds `pull.json` and `body.md`. So they outlive the journal, and `git log` tells their story. References
//! are moved by compare-and-swap only: of two who open, merge or review at once, one looks again.

mod index;
mod landing;
mod merging;
mod record;
mod shelf;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use crate::change::clock::Clock;
use crate::change::forge::{
    Abilities, Ends, Forge, ForgeError, Heard, Left, Merged, Pull, PullText, Reaction, Report, Review, Unmet,
};
use crate::change::id::Timestamp;
use crate::change::person::Person;
use crate::repo::{CommitId, Identity, Mirror, Remote, Signer};

use shelf::Shelf;

/// Pull requests in the repository itself.
///
/// Humans work with git: who merges a branch into main, moves main forward to it, or picks its commit, has merged its pull
/// request; who deletes a branch leaves its pull
/// request open, with the head that was last seen.
pub struct Embedded(Arc<Shelf>);

impl Embedded {
    /// The forge of the repository in `mirror`, or of `remote` seen through it: a git server without pull requests.
    ///
    /// `identity` is the author of merges and of what happens to pull requests without a person; what a person does bears
    /// their name. With a remote, the branches of the mirror follow those of the remote.
    #[must_use]
    pub fn new(mirror: Mirror, remote: Option<Remote>, clock: Arc<dyn Clock>, identity: Identity) -> Self {
        Self(Arc::new(Shelf::new(mirror, remote, clock, identity, "main")))
    }

    /// The same with a key that merges are signed with.
    #[must_use]
    pub fn with_signer(mut self, signer: Option<Signer>) -> Self {
        if let Some(shelf) = Arc::get_mut(&mut self.0) {
            shelf.signer = signer;
        }
        self
    }

    /// The same with another branch to merge into.
    #[must_use]
    pub fn with_main(mut self, main: &str) -> Self {
        if let Some(shelf) = Arc::get_mut(&mut self.0) {
            main.clone_into(&mut shelf.main);
        }
        self
    }

    /// Git and disks block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shelf) -> Result<T, ForgeError> + Send + 'static,
    ) -> Result<T, ForgeError> {
        let (shelf, span) = (Arc::clone(&self.0), tracing::Span::current());
        let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&shelf))).await;
        done.unwrap_or_else(|error| Err(ForgeError::Unavailable(error.to_string())))
    }
}

#[async_trait]
impl Forge for Embedded {
    fn abilities(&self) -> Abilities {
        Abilities { remarks: false, reviews: false }
    }

    fn is_own(&self, _: &str) -> bool {
        false
    }

    fn left(&self) -> Option<Left> {
        None
    }

    async fn refresh(&self) -> Result<Option<CommitId>, ForgeError> {
        self.blocking(Shelf::refresh).await
    }

    async fn refresh_pulls(&self) -> Result<(), ForgeError> {
        // They are references too.
        Ok(())
    }

    async fn branch(&self, name: &str) -> Result<Option<CommitId>, ForgeError> {
        let name = name.to_owned();
        self.blocking(move |shelf| shelf.branch(&name)).await
    }

    async fn push(&self, branch: &str, expected: Option<CommitId>, new: CommitId) -> Result<CommitId, ForgeError> {
        let branch = branch.to_owned();
        self.blocking(move |shelf| shelf.push(&branch, expected, Some(new))).await?;
        Ok(new)
    }

    async fn remove(&self, branch: &str, expected: CommitId) -> Result<(), ForgeError> {
        let branch = branch.to_owned();
        self.blocking(move |shelf| shelf.push(&branch, Some(expected), None)).await
    }

    async fn open_pulls(&self) -> Result<Vec<Pull>, ForgeError> {
        self.blocking(Shelf::pulls).await
    }

    async fn find_pull(&self, branch: &str) -> Result<Option<Pull>, ForgeError> {
        let branch = branch.to_owned();
        self.blocking(move |shelf| shelf.find(&branch)).await
    }

    async fn open_pull(&self, branch: &str, text: &PullText) -> Result<Pull, ForgeError> {
        let (branch, text) = (branch.to_owned(), text.clone());
        self.blocking(move |shelf| shelf.open(&branch, &text)).await
    }

    async fn edit_pull(&self, number: u64, text: &PullText) -> Result<Pull, ForgeError> {
        let text = text.clone();
        self.blocking(move |shelf| shelf.edit(number, &text)).await
    }

    async fn close_pull(&self, number: u64, by: Option<&Person>, words: &str) -> Result<(), ForgeError> {
        let (by, words) = (by.cloned(), words.to_owned());
        self.blocking(move |shelf| shelf.close(number, by.as_ref(), &words)).await
    }

    async fn merge(&self, number: u64, ends: Ends, message: &str) -> Result<Merged, ForgeError> {
        let message = message.to_owned();
        self.blocking(move |shelf| shelf.merge(number, ends, &message)).await.map(Merged::By)
    }

    async fn members(&self, _team: &str) -> Result<BTreeSet<String>, ForgeError> {
        Err(ForgeError::Refused("there are no teams without a forge".to_owned()))
    }

    async fn review(&self, number: u64, review: &Review) -> Result<(), ForgeError> {
        let review = review.clone();
        self.blocking(move |shelf| shelf.review(number, &review)).await
    }

    fn forget(&self, _: &str) {
        // Every question is answered by what is stored at that moment.
    }

    async fn unmet(&self, _: CommitId) -> Result<Vec<Unmet>, ForgeError> {
        // Nobody runs checks here.
        Ok(vec![])
    }

    async fn remark(&self, _: u64, _: &str) -> Result<(), ForgeError> {
        Err(no_remarks())
    }

    async fn report(&self, _: CommitId, _: &Report) -> Result<(), ForgeError> {
        Err(no_remarks())
    }

    async fn comments(&self, _: Timestamp) -> Result<Heard, ForgeError> {
        Err(no_remarks())
    }

    async fn react(&self, _: u64, _: Reaction) -> Result<(), ForgeError> {
        Err(no_remarks())
    }

    async fn may_write(&self, _: &Person) -> Result<bool, ForgeError> {
        // Nobody is signed in here: who may do what is said by their token.
        Ok(false)
    }
}

fn no_remarks() -> ForgeError {
    ForgeError::Refused(
        "this forge has no comments and reports; what there is to say is in the change itself".to_owned(),
    )
}

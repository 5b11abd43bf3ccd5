//! Making commits.

use std::fmt::Write as _;

use git2::ObjectType;

use super::loose::Loose;
use super::{CommitId, Edits, Mirror, RepoError, Signer, TreeId};

/// Who a commit is by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name, such as `Meshwright`.
    pub name: String,
    /// The address.
    pub email: String,
}

/// A commit to be made; the same values give the same id, on any machine.
#[derive(Debug, Clone)]
pub struct Commit<'a> {
    /// The commits it follows.
    pub parents: &'a [CommitId],
    /// The tree the edits apply to; [`TreeId::EMPTY`] for the first commit.
    pub base: TreeId,
    /// The changes.
    pub edits: &'a Edits,
    /// Author and committer.
    pub author: &'a Identity,
    /// Seconds since 1970-01-01 UTC, not negative.
    pub time: i64,
    /// The message (see [`message`](super::message)).
    pub message: &'a str,
    /// Signs the commit, if there is a key.
    pub signer: Option<&'a Signer>,
}

impl Mirror {
    /// Makes a commit, which no reference points to yet.
    ///
    /// # Errors
    /// Those of [`Mirror::tree_with`]; [`RepoError::NotFound`] if a parent does not exist; [`RepoError::Refused`] for an
    /// identity or time that a commit cannot hold; [`RepoError::Remote`] if it cannot be signed.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<CommitId, RepoError> {
        let tree = self.tree_with(commit.base, commit.edits)?;
        self.commit_tree(tree, commit.parents, commit.author, commit.time, commit.message, commit.signer)
    }

    /// Makes a commit of a tree that exists already; what [`Mirror::commit`] does after building it.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if the tree or a parent does not exist; [`RepoError::Refused`] for an identity or time
    /// that a commit cannot hold.
    pub fn commit_tree(
        &self,
        tree: TreeId,
        parents: &[CommitId],
        author: &Identity,
        time: i64,
        message: &str,
        signer: Option<&Signer>,
    ) -> Result<CommitId, RepoError> {
        let mut bytes = bytes(tree, parents, author, time, message)?;
        if let Some(signer) = signer {
            bytes = signed(&bytes, &signer.sign(&bytes)?);
        }
        self.with(|repository| {
            repository.find_tree(tree.oid())?;
            for parent in parents {
                repository.find_commit(parent.oid())?;
            }
            Ok(Loose::new(repository)?.write(ObjectType::Commit, bytes.as_bytes())?.into())
        })
    }
}

/// The commit with its signature as the last header; lines after the first are indented (gitformat-signature).
fn signed(bytes: &str, signature: &str) -> String {
    let (headers, message) = bytes.split_once("\n\n").unwrap_or((bytes, ""));
    format!("{headers}\ngpgsig {}\n\n{message}", signature.trim_end().replace('\n', "\n "))
}

/// The commit object; in UTC, because a bot has no time zone.
fn bytes(tree: TreeId, parents: &[CommitId], author: &Identity, time: i64, message: &str) -> Result<String, RepoError> {
    let forbidden = |text: &str| text.is_empty() || text.contains(['<', '>', '\n', '\0']);
    if forbidden(&author.name) || forbidden(&author.email) {
        return Err(RepoError::refused(format!("{} <{}>", author.name, author.email), "is not an author"));
    }
    if time < 0 {
        return Err(RepoError::refused(time.to_string(), "is before 1970"));
    }
    if message.contains('\0') {
        return Err(RepoError::refused("commit message", "contains a NUL byte"));
    }
    let mut text = format!("tree {tree}\n");
    for parent in parents {
        let _ = writeln!(text, "parent {parent}");
    }
    for role in ["author", "committer"] {
        let _ = writeln!(text, "{role} {} <{}> {time} +0000", author.name, author.email);
    }
    text.push('\n');
    text.push_str(message);
    if !message.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

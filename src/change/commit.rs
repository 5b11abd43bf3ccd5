//! The commits that Meshwright makes, and how it knows its own.

use std::collections::BTreeSet;

use super::content::digest;
use super::id::ChangeId;
use super::person::Person;
use super::proposal::Proposal;
use super::record::Change;
use crate::repo::{self, ChangedPath, Commit, CommitId, CommitInfo, Identity, Mirror, RepoError, Signer};

/// Names the change a commit belongs to.
pub const CHANGE_ID: &str = "Change-Id";
/// Names the digest of what a commit changes.
pub const PLAN_DIGEST: &str = "Plan-Digest";
/// Names who asked for a commit.
const REQUESTED_BY: &str = "Requested-by";
/// The most intents that a message names.
const NAMED: usize = 50;

/// Who makes a commit, and when.
pub struct Signature<'a> {
    /// Who.
    pub author: &'a Identity,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub time: i64,
    /// The key to sign with, where one is configured.
    pub signer: Option<&'a Signer>,
}

/// Commits a proposal on top of main.
///
/// # Errors
/// When the mirror cannot be written.
pub fn propose(
    mirror: &Mirror,
    by: &Signature<'_>,
    base: CommitId,
    change: &Change,
    proposal: &Proposal,
    title: &str,
) -> Result<CommitId, RepoError> {
    let mut trailers = vec![(CHANGE_ID, change.id.to_string()), (PLAN_DIGEST, proposal.digest.clone())];
    trailers.extend(change.requesters.iter().map(|person| (REQUESTED_BY, person.signature())));
    trailers.extend(proposal.intents.iter().take(NAMED).map(|anchor| ("Intents", anchor.to_string())));
    if proposal.intents.len() > NAMED {
        trailers.push(("Intents", format!("and {} more", proposal.intents.len() - NAMED)));
    }
    let message = repo::message(title, "", &trailers);
    let tree = mirror.commit_info(base)?.tree;
    mirror.commit(&Commit {
        parents: &[base],
        base: tree,
        edits: &proposal.edits,
        author: by.author,
        time: by.time,
        message: &message,
        signer: by.signer,
    })
}

/// The message of the commit that merges a change.
#[must_use]
pub fn merge_message(
    change: &Change,
    number: u64,
    title: &str,
    digest: &str,
    approvals: &[Person],
    by: &Person,
) -> String {
    let mut trailers = vec![(CHANGE_ID, change.id.to_string()), (PLAN_DIGEST, digest.to_owned())];
    trailers.extend(change.requesters.iter().map(|person| (REQUESTED_BY, person.signature())));
    let shown = |person: &Person| if person.is_local() { "local (unverified)".to_owned() } else { person.signature() };
    trailers.extend(approvals.iter().map(|person| ("Approved-by", shown(person))));
    trailers.push(("Merged-by", shown(by)));
    repo::message(&format!("Merge pull request #{number} from {}", change.branch), title, &trailers)
}

/// Who asked for a commit of ours.
#[must_use]
pub fn requesters(info: &CommitInfo) -> BTreeSet<Person> {
    let names = info.trailers().into_iter().filter(|(key, _)| key == REQUESTED_BY);
    names.map(|(_, name)| Person::signed(&name)).collect()
}

/// The digest of what a commit changes, if it is one of ours for that change and nobody altered it since.
///
/// # Errors
/// When the commit cannot be read.
pub fn own_digest(mirror: &Mirror, id: &ChangeId, commit: CommitId) -> Result<Option<String>, RepoError> {
    let info = mirror.commit_info(commit)?;
    let (Some(change), Some(promised), Some(parent)) =
        (info.trailer(CHANGE_ID), info.trailer(PLAN_DIGEST), info.parents.first())
    else {
        return Ok(None);
    };
    if change != id.as_str() || info.parents.len() != 1 {
        return Ok(None);
    }
    let changed = mirror.changed_paths(mirror.commit_info(*parent)?.tree, info.tree, "")?;
    let found = digest(changed.iter().map(|ChangedPath { path, old, new, .. }| (path.as_str(), *old, *new)));
    Ok((found == promised).then_some(found))
}

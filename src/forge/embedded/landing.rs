//! Finding on main what a human brought there with git: by a merge, by moving main forward, or by picking the commit.

use crate::change::ChangeId;
use crate::change::commit::own_digest;
use crate::repo::{CommitId, CommitInfo, Mirror, RepoError};

/// How many commits of main since the fork are looked at for one that was picked, and how many below a head for ours.
const NEAR: usize = 1000;

/// The commit by which the `head` of a pull request came to be on `main`, if it did.
///
/// That a head is on main is not enough: a branch on which nothing was committed is, too. So it was merged, or there is a
/// commit of ours in it; of another commit, that it is ours and changes what the head changes.
pub(super) fn landed(
    mirror: &Mirror,
    branch: &str,
    head: CommitId,
    main: CommitId,
) -> Result<Option<CommitId>, RepoError> {
    let id = branch.rsplit('-').next().and_then(ChangeId::parse);
    match mirror.is_ancestor(head, main) {
        Ok(true) => merged(mirror, id.as_ref(), head, main),
        Ok(false) => id.map_or(Ok(None), |id| picked(mirror, &id, head, main)),
        // The head of a branch that was deleted elsewhere may never have been here.
        Err(RepoError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The first commit of main's own line that has the head.
fn merged(
    mirror: &Mirror,
    id: Option<&ChangeId>,
    head: CommitId,
    main: CommitId,
) -> Result<Option<CommitId>, RepoError> {
    let since = mirror.log(main, Some(head), usize::MAX, true)?;
    if let Some(merge) = since.iter().find(|commit| commit.parents.iter().skip(1).any(|parent| *parent == head)) {
        return Ok(Some(merge.id));
    }
    let ours = |commit: &CommitInfo| match id {
        Some(id) => Ok::<_, RepoError>(own_digest(mirror, id, commit.id)?.is_some()),
        None => Ok(false),
    };
    if since.last().is_none_or(|first| first.parents.first() == Some(&head)) {
        // Main went through the head itself.
        for commit in mirror.log(head, None, NEAR, true)? {
            if ours(&commit)? {
                return Ok(Some(head));
            }
            if commit.parents.len() != 1 {
                break;
            }
        }
        return Ok(None);
    }
    // It came with another branch.
    for commit in since.iter().rev() {
        if mirror.is_ancestor(head, commit.id)? {
            return Ok(Some(commit.id));
        }
    }
    Ok(None)
}

/// The commit of main's own line that does the same as the head, for the same change.
fn picked(mirror: &Mirror, id: &ChangeId, head: CommitId, main: CommitId) -> Result<Option<CommitId>, RepoError> {
    let Some(wanted) = own_digest(mirror, id, head)? else { return Ok(None) };
    let Some(fork) = mirror.merge_base(main, head)? else { return Ok(None) };
    for commit in mirror.log(main, Some(fork), NEAR, true)? {
        if own_digest(mirror, id, commit.id)?.as_ref() == Some(&wanted) {
            return Ok(Some(commit.id));
        }
    }
    Ok(None)
}

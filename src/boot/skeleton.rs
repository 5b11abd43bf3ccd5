//! The first commit of a config repository.

use crate::change::Clock;
use crate::repo::{Commit, CommitId, Edits, Identity, Mirror, Remote, RepoError, TreeId};

const SETTINGS: &str = "\
# What the owners of this repository decide; see Meshwright's README.
renderer: 1
approvals: 1
";

const ATTRIBUTES: &str = "clusters/** linguist-generated\n";

/// Makes the first commit of `branch` where there is nothing: in the mirror, or in a remote without any branch.
///
/// A remote that was seen with commits and has none now has lost them, and nothing is begun over that.
///
/// # Errors
/// When the repository cannot be written, or the remote not be reached.
pub(super) fn ensure(
    mirror: &Mirror,
    remote: Option<&Remote>,
    branch: &str,
    author: &Identity,
    clock: &dyn Clock,
) -> Result<(), RepoError> {
    if mirror.branch(branch)?.is_some() {
        return Ok(());
    }
    match remote {
        None => {
            let first = first(mirror, author, clock)?;
            mirror.set_reference(&format!("refs/heads/{branch}"), None, Some(first), "begin")?;
            mirror.sync()
        }
        Some(remote) if remote.references(&["refs/heads/*"])?.is_empty() => {
            remote.push(branch, None, Some(first(mirror, author, clock)?))
        }
        Some(_) => Ok(()),
    }
}

fn first(mirror: &Mirror, author: &Identity, clock: &dyn Clock) -> Result<CommitId, RepoError> {
    let mut edits = Edits::new();
    edits.write("meshwright.yaml", SETTINGS);
    edits.write(".gitattributes", ATTRIBUTES);
    mirror.commit(&Commit {
        parents: &[],
        base: TreeId::EMPTY,
        edits: &edits,
        author,
        time: clock.now().seconds(),
        message: "Begin the config repository\n",
        signer: None,
    })
}

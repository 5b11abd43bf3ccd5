//! The first commit of a config repository.

use crate::change::Clock;
use crate::repo::{Commit, CommitId, Edits, Identity, Mirror, RepoError, TreeId};

const SETTINGS: &str = "\
# What the owners of this repository decide; see Meshwright's README.
renderer: 1
approvals: 1
";

const ATTRIBUTES: &str = "clusters/** linguist-generated\n";

/// Makes the first commit of `branch` where there is none.
///
/// # Errors
/// When the repository cannot be written.
pub(super) fn ensure(
    mirror: &Mirror,
    branch: &str,
    author: &Identity,
    clock: &dyn Clock,
) -> Result<CommitId, RepoError> {
    if let Some(commit) = mirror.branch(branch)? {
        return Ok(commit);
    }
    let mut edits = Edits::new();
    edits.write("meshwright.yaml", SETTINGS);
    edits.write(".gitattributes", ATTRIBUTES);
    let commit = mirror.commit(&Commit {
        parents: &[],
        base: TreeId::EMPTY,
        edits: &edits,
        author,
        time: clock.now().seconds(),
        message: "Begin the config repository\n",
        signer: None,
    })?;
    mirror.set_reference(&format!("refs/heads/{branch}"), None, Some(commit), "begin")?;
    mirror.sync()?;
    Ok(commit)
}

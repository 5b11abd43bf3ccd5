//! Which commit put a file of main where it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::repo::{CommitId, Mirror, RepoError, TreeId};

/// How many commits of main are looked at: what is older is not asked for often, and a status must not take seconds.
const NEAR: usize = 500;

/// The newest commit of main's own line that touched each of `paths`; a path that none of the last few hundred touched
/// has none.
pub(super) fn blame(
    mirror: &Mirror,
    main: CommitId,
    mut paths: BTreeSet<String>,
) -> Result<BTreeMap<String, CommitId>, RepoError> {
    let mut found = BTreeMap::new();
    for commit in mirror.log(main, None, NEAR, true)? {
        if paths.is_empty() {
            break;
        }
        let before = match commit.parents.first() {
            Some(parent) => mirror.commit_info(*parent)?.tree,
            None => TreeId::EMPTY,
        };
        for changed in mirror.changed_paths(before, commit.tree, "")? {
            if paths.remove(&changed.path) {
                found.insert(changed.path, commit.id);
            }
        }
    }
    Ok(found)
}

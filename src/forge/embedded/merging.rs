//! Merging a pull request into main.

use super::shelf::{Seen, Shelf, contended, must_be_open, not_open};
use crate::change::forge::{Ends, ForgeError, PullState};
use crate::forge::origin::{self, Swap};
use crate::repo::{Commit, CommitId, Edits, RepoError, TreeId};

/// How often a pull request that somebody changes meanwhile is looked at again.
const ATTEMPTS: usize = 50;

impl Shelf {
    /// Main moves first and the pull request is noted as merged second; whoever reads it in between finds it on main.
    pub(super) fn merge(&self, number: u64, ends: Ends, message: &str) -> Result<CommitId, ForgeError> {
        let head = ends.head;
        let _one = self.write();
        for _ in 0..ATTEMPTS {
            let mut seen = self.see_number(number)?;
            if let PullState::Merged { commit } = seen.record.state {
                if seen.record.head != head {
                    return Err(not_open(&seen.record));
                }
                // It may have been merged by a call that could not make it durable.
                self.mirror.sync()?;
                return Ok(commit);
            }
            must_be_open(&seen.record)?;
            if seen.branch != Some(head) {
                return Err(ForgeError::Moved(seen.record.branch));
            }
            if seen.main != ends.main {
                return Err(ForgeError::Moved(self.main.clone()));
            }
            if seen.record.draft {
                return Err(ForgeError::Refused(format!("pull request {number} is a draft")));
            }
            let commit = self.joined(&seen, head, message)?;
            seen.record.state = PullState::Merged { commit };
            let main = Swap { reference: origin::head(&self.main), expected: seen.main, new: Some(commit) };
            let pull = self.stored(&seen.record, Some(seen.tip), "Merge", None)?;
            match self.origin.swap(&[main.clone(), pull], "merge") {
                Ok(()) => {
                    self.mirror.sync()?;
                    return Ok(commit);
                }
                Err(RepoError::Moved { reference, .. }) if reference == main.reference => {
                    return Err(ForgeError::Moved(self.main.clone()));
                }
                // Somebody edited or reviewed it; the next look tells whether main has moved.
                Err(RepoError::Moved { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(contended(&format!("pull request {number}")))
    }

    /// The commit that has both main and the head.
    fn joined(&self, seen: &Seen, head: CommitId, message: &str) -> Result<CommitId, ForgeError> {
        let (author, time) = (&self.identity, self.time());
        let main = match seen.main {
            Some(main) => main,
            // A merge has two parents: what is merged into an empty repository follows an empty commit.
            None => {
                let mut nothing = Edits::new();
                nothing.delete("nothing"); // the empty tree is written when it results, not when it is given
                let base = TreeId::EMPTY;
                let first =
                    Commit { parents: &[], base, edits: &nothing, author, time, message: "Begin", signer: None };
                self.mirror.commit(&first)?
            }
        };
        let tree = |commit| Ok::<_, RepoError>(self.mirror.commit_info(commit)?.tree);
        let base = self.mirror.merge_base(main, head)?.map_or(Ok(TreeId::EMPTY), tree)?;
        let merged = self.mirror.merge_trees(base, tree(main)?, tree(head)?).map_err(|error| match error {
            RepoError::Conflict { paths } => {
                ForgeError::Refused(format!("{} changed on {} as well", paths.join(", "), self.main))
            }
            error => error.into(),
        })?;
        Ok(self.mirror.commit_tree(merged, &[main, head], author, time, message, self.signer.as_ref())?)
    }
}

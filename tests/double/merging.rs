//! Merging in the bare repository.

use meshwright::repo::{Commit, CommitId, Edits, Identity, RepoError};

use super::state::State;

impl State {
    /// Merges a pull request; else the status and the words of a refusal.
    pub(crate) fn merge(
        &mut self,
        number: u64,
        expected: Option<CommitId>,
        method: &str,
        (title, body): (&str, &str),
        by: &str,
    ) -> Result<CommitId, (u16, String)> {
        let refuse = |status, why: &str| Err((status, why.to_owned()));
        let Some(pull) = self.pulls.get(&number).cloned() else { return refuse(404, "Not Found") };
        if !pull.open || pull.draft {
            return refuse(405, "Pull Request is not mergeable");
        }
        if expected.is_some_and(|expected| expected != pull.head) {
            return refuse(409, "Head branch was modified. Review and try the merge again.");
        }
        if self.settings.queue {
            return refuse(405, "Changes must be made through the merge queue");
        }
        if let Some(check) = self.settings.required.clone().iter().find(|check| !self.passed(pull.head, check)) {
            return refuse(405, &format!("Required status check \"{check}\" is expected."));
        }
        if let (Some((path, text)), Some(main)) = (self.settings.overtaken.take(), self.branch("main")) {
            let mut edits = Edits::new();
            edits.write(path, text);
            let faster = self.commit(main, &edits, "faster\n", "human");
            self.mirror.set_reference("refs/heads/main", Some(main), Some(faster), "push").unwrap();
        }
        let base = format!("refs/heads/{}", pull.base);
        let Some(main) = self.branch(&pull.base) else { return refuse(405, "Base branch does not exist") };
        let tree = |commit| self.mirror.commit_info(commit).unwrap().tree;
        let Some(fork) = self.mirror.merge_base(main, pull.head).unwrap() else {
            return refuse(405, "Pull Request is not mergeable");
        };
        let joined = match self.mirror.merge_trees(tree(fork), tree(main), tree(pull.head)) {
            Ok(joined) => joined,
            Err(RepoError::Conflict { .. }) => return refuse(405, "Pull Request is not mergeable"),
            Err(error) => panic!("{error}"),
        };
        let parents = if method == "merge" { vec![main, pull.head] } else { vec![main] };
        let message = format!("{title}\n\n{body}");
        let author = Identity { name: by.to_owned(), email: format!("{by}@users.example") };
        let commit = self.mirror.commit_tree(joined, &parents, &author, 1_800_000_000, message.trim(), None).unwrap();
        self.mirror.set_reference(&base, Some(main), Some(commit), "merge").unwrap();
        self.settle(number, commit, by);
        self.follow(by);
        Ok(commit)
    }

    /// Whether a check passed at a commit, as a status or as a check run.
    pub(crate) fn passed(&self, head: CommitId, check: &str) -> bool {
        let status = self.statuses.get(&(head.to_string(), check.to_owned()));
        let run = self.runs.iter().rev().find(|run| run.head == head && run.name == check);
        status.is_some_and(|(state, _)| state == "success")
            || run.is_some_and(|run| run.conclusion.as_deref() == Some("success"))
    }

    /// A commit with these files, as the API makes it.
    pub(crate) fn commit(&self, parent: CommitId, edits: &Edits, message: &str, by: &str) -> CommitId {
        let base = self.mirror.commit_info(parent).unwrap().tree;
        let author = Identity { name: by.to_owned(), email: format!("{by}@users.example") };
        let commit =
            Commit { parents: &[parent], base, edits, author: &author, time: 1_800_000_000, message, signer: None };
        self.mirror.commit(&commit).unwrap()
    }
}

//! Which pull requests there are of which branch, so that none is read to find another.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::repo::CommitId;

/// What does not change of pull requests, and what was last seen of those that are open.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// None for a number that is taken by something that is no pull request.
    numbers: BTreeMap<u64, Option<String>>,
    branches: HashMap<String, BTreeSet<u64>>,
    heads: HashMap<u64, CommitId>,
    /// Where main and the head were when the head was not on main.
    apart: HashMap<u64, (CommitId, CommitId)>,
}

impl Index {
    pub(super) fn learn(&mut self, number: u64, branch: Option<String>) {
        if let Some(branch) = &branch {
            self.branches.entry(branch.clone()).or_default().insert(number);
        }
        self.numbers.insert(number, branch);
    }

    /// The reference is gone or holds no pull request; its number is not given again.
    pub(super) fn forget(&mut self, number: u64) {
        if let Some(Some(branch)) = self.numbers.insert(number, None)
            && let Some(numbers) = self.branches.get_mut(&branch)
        {
            numbers.remove(&number);
        }
    }

    pub(super) fn knows(&self, number: u64) -> bool {
        self.numbers.contains_key(&number)
    }

    pub(super) fn branch(&self, number: u64) -> Option<&str> {
        self.numbers.get(&number)?.as_deref()
    }

    pub(super) fn newest(&self, branch: &str) -> Option<u64> {
        self.branches.get(branch)?.last().copied()
    }

    /// The number of the next pull request.
    pub(super) fn next(&self) -> u64 {
        self.numbers.last_key_value().map_or(1, |(last, _)| last + 1)
    }

    /// The head of an open pull request: where its branch is, else where it was last seen, else as it was stored.
    pub(super) fn head(&mut self, number: u64, now: Option<CommitId>, stored: CommitId) -> CommitId {
        match now {
            Some(now) => {
                self.heads.insert(number, now);
                now
            }
            None => self.heads.get(&number).copied().unwrap_or(stored),
        }
    }

    /// Whether it was found before that a pull request with this head is not on that main.
    pub(super) fn is_apart(&self, number: u64, main: CommitId, head: CommitId) -> bool {
        self.apart.get(&number) == Some(&(main, head))
    }

    pub(super) fn set_apart(&mut self, number: u64, main: CommitId, head: CommitId) {
        self.apart.insert(number, (main, head));
    }

    /// A pull request is no longer open.
    pub(super) fn settle(&mut self, number: u64) {
        self.heads.remove(&number);
        self.apart.remove(&number);
    }
}

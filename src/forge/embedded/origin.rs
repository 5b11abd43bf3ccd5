//! The repository that decides where branches and pull requests are: the mirror itself, or a remote seen through it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::repo::{CommitId, Mirror, Push, Remote, RepoError};

/// Branches.
const HEADS: &str = "refs/heads/";
/// Pull requests.
pub(super) const PULLS: &str = "refs/meshwright/pulls/";
/// Pull requests in a remote repository, where branches are all that can be pushed.
const PULLS_THERE: &str = "refs/heads/meshwright-pulls/";
/// How often a reference that vanishes while it is fetched is looked at again.
const ATTEMPTS: usize = 5;

/// The full name of a branch.
pub(super) fn head(branch: &str) -> String {
    format!("{HEADS}{branch}")
}

/// The full name of a pull request.
pub(super) fn pull(number: u64) -> String {
    format!("{PULLS}{number}")
}

/// A reference to be moved from one commit to another; none: it does not exist.
#[derive(Debug, Clone)]
pub(super) struct Swap {
    pub(super) reference: String,
    pub(super) expected: Option<CommitId>,
    pub(super) new: Option<CommitId>,
}

/// References by full name, as the mirror calls them.
pub(super) type Found = HashMap<String, CommitId>;

pub(super) struct Origin {
    mirror: Mirror,
    remote: Option<Remote>,
    /// One run of git at a time: two that bring the same reference are in each other's way.
    network: Mutex<()>,
}

impl Origin {
    pub(super) fn new(mirror: Mirror, remote: Option<Remote>) -> Self {
        Self { mirror, remote, network: Mutex::default() }
    }

    pub(super) fn is_remote(&self) -> bool {
        self.remote.is_some()
    }

    /// Where these references are now; afterwards their commits are in the mirror.
    pub(super) fn look(&self, names: &[String]) -> Result<Found, RepoError> {
        match &self.remote {
            Some(remote) => self.look_there(remote, names),
            None => self.here(names),
        }
    }

    fn here(&self, names: &[String]) -> Result<Found, RepoError> {
        let mut found = Found::new();
        for name in names {
            if let Some(commit) = self.mirror.reference(name)? {
                found.insert(name.clone(), commit);
            }
        }
        Ok(found)
    }

    fn look_there(&self, remote: &Remote, names: &[String]) -> Result<Found, RepoError> {
        let _one = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let patterns: Vec<_> = names.iter().map(|name| there(name)).collect();
        let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let found: Found = remote.references(&patterns)?.into_iter().collect();
            let mut refspecs = Vec::new();
            for (name, there) in names.iter().zip(&patterns) {
                let here = self.mirror.reference(name)?;
                match found.get(*there) {
                    Some(commit) if here != Some(*commit) => refspecs.push(format!("+{there}:{name}")),
                    None if here.is_some() => self.follow(name, None)?,
                    _ => {}
                }
            }
            let refspecs: Vec<_> = refspecs.iter().map(String::as_str).collect();
            match refspecs.is_empty() {
                true => return self.here(names),
                false => match remote.fetch(&refspecs, false) {
                    Err(RepoError::NotFound { .. }) if attempt < ATTEMPTS => {}
                    fetched => return fetched.and_then(|()| self.here(names)),
                },
            }
        }
    }

    /// Where all references with one of these prefixes are now; afterwards their commits are in the mirror.
    pub(super) fn list(&self, prefixes: &[&str]) -> Result<Found, RepoError> {
        if let Some(remote) = &self.remote {
            let _one = self.network.lock().unwrap_or_else(PoisonError::into_inner);
            let refspecs: Vec<_> = prefixes.iter().map(|prefix| format!("+{}*:{prefix}*", there(prefix))).collect();
            remote.fetch(&refspecs.iter().map(String::as_str).collect::<Vec<_>>(), true)?;
        }
        let mut found = Found::new();
        for prefix in prefixes {
            found.extend(self.mirror.references(prefix)?);
        }
        Ok(found)
    }

    /// Moves references, each guarded by the value that is expected of it. One that is moved already counts as moved.
    ///
    /// A remote moves all or none. In the mirror itself they move one after the other and stop at the first that cannot:
    /// what comes later must be what can be found out from what comes earlier.
    pub(super) fn swap(&self, swaps: &[Swap], why: &str) -> Result<(), RepoError> {
        let Some(remote) = &self.remote else {
            // A reference that outlives a power failure must not name what does not.
            if swaps.iter().any(|swap| swap.new.is_some()) {
                self.mirror.sync()?;
            }
            return swaps.iter().try_for_each(|swap| {
                match self.mirror.set_reference(&swap.reference, swap.expected, swap.new, why) {
                    Err(RepoError::Moved { actual, .. }) if actual == swap.new => Ok(()),
                    result => result,
                }
            });
        };
        let _one = self.network.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pushes = Vec::new();
        for swap in swaps {
            let name = there(&swap.reference);
            let branch = name.strip_prefix(HEADS).unwrap_or(&name).to_owned();
            pushes.push(Push { branch, expected: swap.expected, new: swap.new });
        }
        remote.push_all(&pushes).map_err(|error| match error {
            RepoError::Moved { reference, expected, actual } => {
                RepoError::Moved { reference: here(&reference), expected, actual }
            }
            error => error,
        })?;
        swaps.iter().try_for_each(|swap| self.follow(&swap.reference, swap.new))
    }

    /// Brings a reference of the mirror to where the remote has it.
    fn follow(&self, name: &str, new: Option<CommitId>) -> Result<(), RepoError> {
        match self.mirror.set_reference(name, self.mirror.reference(name)?, new, "follow the remote") {
            // Somebody else follows as well.
            Err(RepoError::Moved { .. }) => Ok(()),
            result => result,
        }
    }
}

/// What a remote calls a reference of the mirror.
fn there(name: &str) -> String {
    name.strip_prefix(PULLS).map_or_else(|| name.to_owned(), |rest| format!("{PULLS_THERE}{rest}"))
}

/// What the mirror calls a reference of a remote.
fn here(name: &str) -> String {
    name.strip_prefix(PULLS_THERE).map_or_else(|| name.to_owned(), |rest| format!("{PULLS}{rest}"))
}

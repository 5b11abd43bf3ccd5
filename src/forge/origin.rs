//! The repository that decides where branches and pull requests are: the mirror itself, or a remote seen through it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::repo::{CommitId, Credential, Mirror, Push, Remote, RepoError};

/// Branches.
const HEADS: &str = "refs/heads/";
/// Pull requests.
pub(in crate::forge) const PULLS: &str = "refs/meshwright/pulls/";
/// Pull requests in a remote repository, where branches are all that can be pushed.
const PULLS_THERE: &str = "refs/heads/meshwright-pulls/";
/// How often a reference that vanishes while it is fetched is looked at again.
const ATTEMPTS: usize = 5;

/// The full name of a branch.
pub(in crate::forge) fn head(branch: &str) -> String {
    format!("{HEADS}{branch}")
}

/// The full name of a pull request.
pub(in crate::forge) fn pull(number: u64) -> String {
    format!("{PULLS}{number}")
}

/// A reference to be moved from one commit to another; none: it does not exist.
#[derive(Debug, Clone)]
pub(in crate::forge) struct Swap {
    pub(in crate::forge) reference: String,
    pub(in crate::forge) expected: Option<CommitId>,
    pub(in crate::forge) new: Option<CommitId>,
}

/// References by full name, as the mirror calls them.
pub(in crate::forge) type Found = HashMap<String, CommitId>;

pub(in crate::forge) struct Origin {
    mirror: Mirror,
    remote: Mutex<Option<Remote>>,
    /// One run of git at a time: two that bring the same reference are in each other's way.
    network: Mutex<()>,
}

impl Origin {
    pub(in crate::forge) fn new(mirror: Mirror, remote: Option<Remote>) -> Self {
        Self { mirror, remote: Mutex::new(remote), network: Mutex::default() }
    }

    pub(in crate::forge) fn is_remote(&self) -> bool {
        self.remote().is_some()
    }

    fn remote(&self) -> Option<Remote> {
        self.remote.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs in with this from now on.
    pub(in crate::forge) fn sign_in(&self, credential: Credential) -> Result<(), RepoError> {
        let mut remote = self.remote.lock().unwrap_or_else(PoisonError::into_inner);
        *remote = remote.take().map(|remote| remote.with_credential(credential)).transpose()?;
        Ok(())
    }

    /// Brings a branch and all below a prefix into the mirror, and removes what is gone; gives where the branch is.
    pub(in crate::forge) fn follow_all(&self, branch: &str, prefix: &str) -> Result<Option<CommitId>, RepoError> {
        let name = head(branch);
        if let Some(remote) = self.remote() {
            let _one = self.network.lock().unwrap_or_else(PoisonError::into_inner);
            let [one, all] = [format!("+{name}:{name}"), format!("+{0}*:{0}*", head(prefix))];
            match remote.fetch(&[&one, &all], true) {
                // An empty repository has no branch yet.
                Err(RepoError::NotFound { .. }) => {
                    remote.fetch(&[&all], true)?;
                    self.follow(&name, None)?;
                }
                fetched => fetched?,
            }
        }
        self.mirror.reference(&name)
    }

    /// Where these references are now; afterwards their commits are in the mirror.
    pub(in crate::forge) fn look(&self, names: &[String]) -> Result<Found, RepoError> {
        match self.remote() {
            Some(remote) => self.look_there(&remote, names),
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
    pub(in crate::forge) fn list(&self, prefixes: &[&str]) -> Result<Found, RepoError> {
        if let Some(remote) = self.remote() {
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
    pub(in crate::forge) fn swap(&self, swaps: &[Swap], why: &str) -> Result<(), RepoError> {
        let Some(remote) = self.remote() else {
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

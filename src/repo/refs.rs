//! References, moved by compare-and-swap only.

use std::thread;
use std::time::Duration;

use git2::{ErrorCode, Oid, Reference, Repository};

use super::locks;
use super::reference_name;
use super::{CommitId, Mirror, RepoError};

/// How often a lock held by another thread or by the git program is tried again; the waits add up to about a second.
const ATTEMPTS: u32 = 40;

impl Mirror {
    /// The commit a branch points to, if there is such a branch; `branch` is a short name such as `main`.
    ///
    /// # Errors
    /// [`RepoError::Git`] if the repository cannot be read.
    pub fn branch(&self, branch: &str) -> Result<Option<CommitId>, RepoError> {
        match reference_name::of_branch(branch) {
            Ok(name) => self.reference(&name),
            Err(_) => Ok(None),
        }
    }

    /// The commit a reference points to, if it exists; `name` is full, such as `refs/heads/main`.
    ///
    /// # Errors
    /// [`RepoError::Git`] if the repository cannot be read.
    pub fn reference(&self, name: &str) -> Result<Option<CommitId>, RepoError> {
        self.with(|repository| current(repository, name))
    }

    /// The branches whose short names start with `prefix`, by name.
    ///
    /// # Errors
    /// [`RepoError::Git`] if the repository cannot be read.
    pub fn branches(&self, prefix: &str) -> Result<Vec<(String, CommitId)>, RepoError> {
        let heads = "refs/heads/";
        let found = self.references(&format!("{heads}{prefix}"))?;
        Ok(found.into_iter().map(|(name, id)| (name[heads.len()..].to_owned(), id)).collect())
    }

    /// The references whose full names start with `prefix`, by name; symbolic ones are resolved.
    ///
    /// # Errors
    /// [`RepoError::Git`] if the repository cannot be read.
    pub fn references(&self, prefix: &str) -> Result<Vec<(String, CommitId)>, RepoError> {
        self.with(|repository| {
            let mut found = Vec::new();
            for reference in repository.references()? {
                let reference = reference?;
                let Ok(name) = reference.name() else { continue };
                if name.starts_with(prefix)
                    && let Ok(commit) = reference.peel_to_commit()
                {
                    found.push((name.to_owned(), commit.id().into()));
                }
            }
            found.sort();
            Ok(found)
        })
    }

    /// Moves, creates (`expected` is `None`) or deletes (`new` is `None`) a reference if it has the expected value.
    ///
    /// The comparison and the change happen under the lock of the reference: of several callers with the same
    /// expectation exactly one succeeds. `message` goes to the reflog.
    ///
    /// # Errors
    /// [`RepoError::Moved`] if the value is another one; [`RepoError::NotFound`] if `new` is not a commit here;
    /// [`RepoError::Refused`] for a malformed name; [`RepoError::Io`] names a lock that stands in the way for longer than
    /// it takes anybody to move a reference; [`RepoError::Git`] also if another branch stands in the way
    /// (`a` and `a/b` cannot both exist).
    pub fn set_reference(
        &self,
        name: &str,
        expected: Option<CommitId>,
        new: Option<CommitId>,
        message: &str,
    ) -> Result<(), RepoError> {
        if !name.starts_with("refs/") || !Reference::is_valid_name(name) {
            return Err(RepoError::refused(name, "is not a full reference name"));
        }
        self.with(|repository| {
            if let Some(new) = new {
                repository.find_commit(new.oid())?;
            }
            let mut attempt = 0;
            loop {
                let actual = current(repository, name)?;
                if actual != expected {
                    return Err(RepoError::Moved { reference: name.to_owned(), expected, actual });
                }
                match swap(repository, name, expected, new, message) {
                    Err(error) if attempt < ATTEMPTS && retryable(&error) => {
                        attempt += 1;
                        thread::sleep(Duration::from_millis(u64::from(attempt)));
                    }
                    Err(error) if error.code() == ErrorCode::Locked => {
                        return Err(locks::held(repository.path(), name).unwrap_or_else(|| error.into()));
                    }
                    result => return Ok(result?),
                }
            }
        })
    }
}

/// Held by somebody for a moment, or changed since we looked: look again, and let the comparison decide.
fn retryable(error: &git2::Error) -> bool {
    matches!(error.code(), ErrorCode::Locked | ErrorCode::Modified | ErrorCode::NotFound)
}

fn current(repository: &Repository, name: &str) -> Result<Option<CommitId>, RepoError> {
    if !Reference::is_valid_name(name) {
        return Ok(None);
    }
    match repository.refname_to_id(name) {
        Ok(id) => Ok(Some(id.into())),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn swap(
    repository: &Repository,
    name: &str,
    expected: Option<CommitId>,
    new: Option<CommitId>,
    message: &str,
) -> Result<(), git2::Error> {
    match new {
        // To libgit2 the zero id means "must not exist", also under the lock.
        Some(new) => {
            let expected = expected.map_or(Oid::ZERO_SHA1, CommitId::oid);
            repository.reference_matching(name, new.oid(), true, expected, message).map(drop)
        }
        None => match repository.find_reference(name) {
            // Deletes only the value that was read: another one is `Modified`.
            Ok(mut reference) if reference.target() == expected.map(CommitId::oid) => {
                reference.delete()?;
                // Where a lock once kept it from the packed references, libgit2 takes it for deleted when asked again.
                match repository.refname_to_id(name) {
                    Err(_) => Ok(()),
                    Ok(_) => Err(git2::Error::new(ErrorCode::Locked, git2::ErrorClass::Reference, "reference remains")),
                }
            }
            Ok(_) => Err(git2::Error::new(ErrorCode::Modified, git2::ErrorClass::Reference, "reference has moved")),
            Err(error) if error.code() == ErrorCode::NotFound && expected.is_none() => Ok(()),
            Err(error) => Err(error),
        },
    }
}

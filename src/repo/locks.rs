//! Lock files of references: who holds one writes, and a killed git program leaves it behind.

use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::{Mirror, RepoError};

/// The lock of all references that have no file of their own; whoever deletes a reference takes it too.
const PACKED: &str = "packed-refs.lock";
const HEADS: &str = "refs/heads";

impl Mirror {
    /// Looks whether a lock is there that was made before `moment`, in seconds since 1970-01-01 UTC: of `packed-refs`, or
    /// of a branch without a slash in its name, such as main.
    ///
    /// # Errors
    /// [`RepoError::Io`] that names such a lock and says what to do, or if the repository cannot be read.
    pub fn no_lock_left_before(&self, moment: i64) -> Result<(), RepoError> {
        let found = left(self.path(), moment).map_err(RepoError::io("look for locks that were left behind"))?;
        found.map_or(Ok(()), |lock| Err(in_the_way("references cannot be moved", &lock)))
    }
}

/// A reference that cannot be moved, because a lock stands in the way that is named if it is still there.
pub(in crate::repo) fn held(repository: &Path, name: &str) -> Option<RepoError> {
    let own = format!("{name}.lock");
    let lock = [own.as_str(), PACKED].into_iter().find(|lock| repository.join(lock).exists())?;
    Some(in_the_way(&format!("{name} cannot be moved"), lock))
}

fn in_the_way(what: &str, lock: &str) -> RepoError {
    let words = format!(
        "{lock} of the config repository stands in the way: a git program works there, or one that was killed left it; \
         remove that file if none runs"
    );
    RepoError::io(what)(io::Error::new(io::ErrorKind::ResourceBusy, words))
}

fn left(repository: &Path, moment: i64) -> io::Result<Option<String>> {
    let mut locks = vec![PACKED.to_owned()];
    for entry in fs::read_dir(repository.join(HEADS))? {
        let name = entry?.file_name();
        locks.extend(name.to_str().filter(|name| name.ends_with(".lock")).map(|name| format!("{HEADS}/{name}")));
    }
    locks.sort();
    for lock in locks {
        let made = match fs::metadata(repository.join(&lock)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            found => found?.modified()?,
        };
        let seconds = made.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if i64::try_from(seconds).is_ok_and(|seconds| seconds < moment) {
            return Ok(Some(lock));
        }
    }
    Ok(None)
}

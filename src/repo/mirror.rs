//! The repository on disk and the handles on it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use git2::{Repository, RepositoryInitOptions};

use super::RepoError;
use super::recover;
use super::reference_name;

/// How many idle handles are kept: one per core of a large machine.
const IDLE: usize = 16;

/// A repository, usually a bare mirror that one process owns; cheap to clone, shared by threads.
///
/// libgit2 handles must not be used by two threads at once, so each operation takes one from a pool.
#[derive(Clone)]
pub struct Mirror(Arc<Inner>);

struct Inner {
    path: PathBuf,
    idle: Mutex<Vec<Repository>>,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Mirror").field(&self.0.path).finish()
    }
}

impl Mirror {
    /// Opens the bare mirror at `path`, or makes an empty one whose `HEAD` is `default_branch`.
    ///
    /// Mends what a killed process or a power failure left: lock files of references and of the settings, and references
    /// and loose objects without content. The caller must be the only process that writes to the mirror.
    ///
    /// # Errors
    /// [`RepoError::Refused`] for an impossible branch name; [`RepoError::Io`] and [`RepoError::Git`] if the directory
    /// cannot be read or written or holds something else.
    pub fn open_or_init(path: impl AsRef<Path>, default_branch: &str) -> Result<Self, RepoError> {
        let path = path.as_ref();
        let head = reference_name::of_branch(default_branch)?;
        std::fs::create_dir_all(path).map_err(RepoError::io(format!("create {}", path.display())))?;
        recover::recover(path)?;
        let mut options = RepositoryInitOptions::new();
        options.bare(true).no_reinit(false).external_template(false).mkpath(true).initial_head(&head);
        let repository = Repository::init_opts(path, &options)?;
        configure(&repository)?;
        spread(&repository.path().join("objects")).map_err(RepoError::io("make the directories of objects"))?;
        if repository.find_reference("HEAD")?.symbolic_target()? != Some(&head) {
            repository.reference_symbolic("HEAD", &head, true, "set the default branch")?;
        }
        Ok(Self::around(repository))
    }

    /// Opens the repository at `path`, bare or not, and changes nothing in it.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if there is none.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RepoError> {
        Ok(Self::around(Repository::open(path)?))
    }

    fn around(repository: Repository) -> Self {
        let path = repository.path().to_owned();
        Self(Arc::new(Inner { path, idle: Mutex::new(vec![repository]) }))
    }

    /// The directory of the repository itself (`.git` of one with a checkout).
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Runs `work` with a handle that no other thread uses meanwhile.
    pub(in crate::repo) fn with<T>(
        &self,
        work: impl FnOnce(&Repository) -> Result<T, RepoError>,
    ) -> Result<T, RepoError> {
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let repository = match idle {
            Some(repository) => repository,
            None => Repository::open(&self.0.path)?,
        };
        let result = work(&repository);
        // What a handle believes of references after libgit2 failed half way need not be true any more.
        if matches!(result, Err(RepoError::Git(_) | RepoError::Io { .. })) {
            return result;
        }
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(repository);
        }
        result
    }
}

fn configure(repository: &Repository) -> Result<(), RepoError> {
    let mut config = repository.config()?.open_level(git2::ConfigLevel::Local)?;
    // No housekeeping behind our back: it would prune while changes are being built; see `Mirror::tidy`.
    set(&mut config, "gc.auto", "0")?;
    set(&mut config, "maintenance.auto", "false")?;
    // Who moved a branch, and when, is worth a line in a file.
    set(&mut config, "core.logAllRefUpdates", "true")?;
    Ok(())
}

/// Makes the 256 directories of loose objects now: making them as objects come would double what a commit costs.
pub(in crate::repo) fn spread(objects: &Path) -> std::io::Result<()> {
    for first in 0..=255u8 {
        let directory = objects.join(format!("{first:02x}"));
        if !directory.is_dir() {
            std::fs::create_dir(directory)?;
        }
    }
    Ok(())
}

/// Sets a key unless it has the value already, so that opening a mirror again writes nothing.
fn set(config: &mut git2::Config, key: &str, value: &str) -> Result<(), RepoError> {
    if config.get_string(key).is_ok_and(|present| present == value) {
        return Ok(());
    }
    Ok(config.set_str(key, value)?)
}

//! Making what was written survive a power failure.

use std::fs::File;

use super::{Mirror, RepoError};

impl Mirror {
    /// Makes all objects and references written so far durable.
    ///
    /// On Linux one `syncfs` of the file system that holds the repository; elsewhere every file of it is synced.
    ///
    /// # Errors
    /// [`RepoError::Io`] if the disk refuses; what was written may then be lost.
    pub fn sync(&self) -> Result<(), RepoError> {
        let path = self.path();
        File::open(path).and_then(|directory| sync(&directory, path)).map_err(RepoError::io("sync the repository"))
    }
}

#[cfg(target_os = "linux")]
fn sync(directory: &File, _: &std::path::Path) -> std::io::Result<()> {
    Ok(rustix::fs::syncfs(directory)?)
}

#[cfg(not(target_os = "linux"))]
fn sync(directory: &File, path: &std::path::Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            File::open(entry.path())?.sync_all()?;
        } else if entry.file_type()?.is_dir() {
            sync(&File::open(entry.path())?, &entry.path())?;
        }
    }
    directory.sync_all()
}

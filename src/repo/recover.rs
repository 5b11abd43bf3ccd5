//! What a killed process or a power failure leaves in a mirror, and its removal.

use std::fs;
use std::io;
use std::path::Path;

use super::RepoError;
use super::loose::INCOMPLETE;

/// Removes lock files of references and of the settings, and references and loose objects without content.
///
/// Safe because one process owns the mirror and this runs before it starts. An empty reference or object is what a file
/// system keeps of a file that was renamed into place but not yet written when power failed: it is never valid, and an
/// empty object would for ever pass for the one that has to be written again.
pub(in crate::repo) fn recover(mirror: &Path) -> Result<(), RepoError> {
    let failed = RepoError::io(format!("look for leftovers in {}", mirror.display()));
    mend(mirror).map_err(failed)
}

fn mend(mirror: &Path) -> io::Result<()> {
    for name in ["packed-refs.lock", "HEAD.lock", "config.lock"] {
        remove(&mirror.join(name))?;
    }
    each_file(&mirror.join("refs"), &mut |file, size| {
        if size == 0 || file.extension().is_some_and(|extension| extension == "lock") { remove(file) } else { Ok(()) }
    })?;
    for directory in entries(&mirror.join("objects"))? {
        let name = directory.file_name();
        if name.len() == 2 && directory.file_type()?.is_dir() {
            let left = |file: &Path| file.file_name().is_some_and(|n| n.to_string_lossy().starts_with(INCOMPLETE));
            each_file(&directory.path(), &mut |file, size| {
                if size == 0 || left(file) { remove(file) } else { Ok(()) }
            })?;
        }
    }
    Ok(())
}

fn each_file(directory: &Path, act: &mut dyn FnMut(&Path, u64) -> io::Result<()>) -> io::Result<()> {
    for entry in entries(directory)? {
        let kind = entry.file_type()?;
        if kind.is_dir() {
            each_file(&entry.path(), act)?;
        } else if kind.is_file() {
            act(&entry.path(), entry.metadata()?.len())?;
        }
    }
    Ok(())
}

fn entries(directory: &Path) -> io::Result<Vec<fs::DirEntry>> {
    match fs::read_dir(directory) {
        Ok(entries) => entries.collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

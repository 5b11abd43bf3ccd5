//! The files of a checkout.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::length::{self, Content};
use super::path::{components, enter, join};
use super::{BlobId, Files, RepoError};

/// The most files that are left beside others by runs that were killed, before nothing is written there any more.
const MOST_LEFT: u32 = 1_000;

/// A directory of files, read as they are on disk; `.git` is not part of it.
#[derive(Debug, Clone)]
pub struct WorkingTree {
    root: PathBuf,
}

impl WorkingTree {
    /// The files below `root`.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if it is not a directory.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, RepoError> {
        let root = root.into();
        if root.is_dir() { Ok(Self { root }) } else { Err(RepoError::NotFound { what: root.display().to_string() }) }
    }

    /// Gives the file at `path` this content, or removes it. What is written replaces the file or the symbolic link in its
    /// place, as git does: other names of the same file keep what they had.
    ///
    /// # Errors
    /// [`RepoError::Path`] if the way there leads through a symbolic link, which may point out of the checkout, or if what
    /// is there is neither a file nor a link.
    pub fn write(&self, path: &str, text: Option<&str>) -> Result<(), RepoError> {
        let mut located = self.root.clone();
        let mut found = None;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            if !is_plain(name) {
                return Err(RepoError::path(path, "is not a path below the checkout"));
            }
            located.push(name);
            found = fs::symlink_metadata(&located).ok();
            if names.peek().is_some() && found.as_ref().is_some_and(fs::Metadata::is_symlink) {
                return Err(RepoError::path(path, "leads through a symbolic link"));
            }
        }
        let written = match text {
            None => fs::remove_file(&located),
            Some(_) if found.as_ref().is_some_and(|found| !found.is_file() && !found.is_symlink()) => {
                return Err(RepoError::path(path, "is neither a file nor a link, and is not replaced"));
            }
            Some(text) => replace(&located, text, found.filter(fs::Metadata::is_file).map(|found| found.permissions())),
        };
        written.map_err(RepoError::io(format!("write {}", located.display())))
    }

    /// Where `path` is on disk, if nothing on the way there is a symbolic link or leads elsewhere.
    fn locate(&self, path: &str) -> Result<Option<(PathBuf, fs::Metadata)>, RepoError> {
        let mut located = self.root.clone();
        let mut metadata = None;
        for name in path.split('/').filter(|_| !path.is_empty()) {
            if metadata.as_ref().is_some_and(|found: &fs::Metadata| !found.is_dir()) || !is_plain(name) {
                return Ok(None);
            }
            located.push(name);
            match fs::symlink_metadata(&located) {
                Ok(found) => metadata = Some(found),
                Err(error) if absent(&error) => return Ok(None),
                Err(error) => return Err(RepoError::io(format!("read {}", located.display()))(error)),
            }
        }
        match metadata {
            Some(metadata) => Ok(Some((located, metadata))),
            None => fs::metadata(&located)
                .map(|found| Some((located.clone(), found)))
                .map_err(RepoError::io(format!("read {}", located.display()))),
        }
    }
}

impl WorkingTree {
    /// What `read` makes of every file at or below `prefix`, with their paths, sorted.
    fn each<T: Send>(
        &self,
        prefix: &str,
        read: impl Fn(&Path, &fs::Metadata) -> Result<Option<T>, RepoError> + Sync,
    ) -> Result<Vec<(String, T)>, RepoError> {
        let path = components(prefix).collect::<Vec<_>>().join("/");
        let mut paths = match self.locate(&path)? {
            Some((located, metadata)) if metadata.is_dir() => walk(&located, &path)?,
            Some((located, _)) => vec![(path, located)],
            None => vec![],
        };
        paths.par_sort_unstable();
        let one = |(path, located): (String, PathBuf)| {
            let metadata = fs::symlink_metadata(&located).map_err(RepoError::io(format!("read {path}")))?;
            Ok(read(&located, &metadata)?.map(|read| (path, read)))
        };
        let files: Vec<Option<_>> = paths.into_par_iter().map(one).collect::<Result<_, RepoError>>()?;
        Ok(files.into_iter().flatten().collect())
    }
}

impl Files for WorkingTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        let Some((located, metadata)) = self.locate(path)? else { return Ok(None) };
        content(&located, &metadata)?.transpose().map_err(|long| RepoError::too_long(path, long))
    }

    fn blob_id(&self, path: &str) -> Result<Option<BlobId>, RepoError> {
        match self.locate(path)? {
            Some((located, metadata)) => id(&located, &metadata),
            None => Ok(None),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, BlobId)>, RepoError> {
        self.each(prefix, id)
    }

    fn read_all(&self, prefix: &str) -> Result<Vec<(String, Content)>, RepoError> {
        self.each(prefix, content)
    }
}

/// A name that means an entry of its own directory on any system.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.eq_ignore_ascii_case(".git") && !name.contains(['\\', '\0'])
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Puts a file with this content in the place of whatever file or link is at `located`.
fn replace(located: &Path, text: &str, permissions: Option<fs::Permissions>) -> io::Result<()> {
    let parent = located.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let (temporary, mut file) = beside(parent)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions)))
        .and_then(|()| fs::rename(&temporary, located));
    if written.is_err() {
        // It is in nobody's way, and what went wrong is told.
        drop(fs::remove_file(&temporary));
    }
    written
}

/// A new file in `directory`, of a name that nothing has there.
fn beside(directory: &Path) -> io::Result<(PathBuf, fs::File)> {
    let mut number = 0;
    loop {
        let path = directory.join(format!(".meshwright-{number}"));
        match fs::File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < MOST_LEFT => number += 1,
            file => return Ok((path, file?)),
        }
    }
}

/// What git would store: a file's bytes, or a link's target; sockets and the like are not files.
fn content(located: &Path, metadata: &fs::Metadata) -> Result<Option<Content>, RepoError> {
    let read = if metadata.is_symlink() {
        fs::read_link(located).map(|target| Ok(target.into_os_string().into_encoded_bytes()))
    } else if metadata.is_file() {
        length::check(metadata.len()).map_or_else(|long| Ok(Err(long)), |()| read_file(located))
    } else {
        return Ok(None);
    };
    read.map(Some).map_err(RepoError::io(format!("read {}", located.display())))
}

/// The bytes of a file, which may have grown since its length was asked for.
fn read_file(located: &Path) -> io::Result<Content> {
    let mut bytes = vec![];
    fs::File::open(located)?.take(length::LONGEST + 1).read_to_end(&mut bytes)?;
    Ok(length::check(bytes.len() as u64).map(|()| bytes))
}

/// What git would call it. A file that is too long to be read is called by its length and its beginning: no other content
/// is, and no file of ours is as long.
fn id(located: &Path, metadata: &fs::Metadata) -> Result<Option<BlobId>, RepoError> {
    match content(located, metadata)? {
        None => Ok(None),
        Some(Ok(content)) => Ok(Some(BlobId::of(&content))),
        Some(Err(long)) => {
            let beginning = fs::File::open(located).map(|file| file.take(length::LONGEST));
            let id = beginning.and_then(|beginning| BlobId::passing_over(beginning, long.bytes));
            id.map(Some).map_err(RepoError::io(format!("read {}", located.display())))
        }
    }
}

/// The files below a directory, in no order.
fn walk(directory: &Path, at: &str) -> Result<Vec<(String, PathBuf)>, RepoError> {
    enter(at)?;
    let failed = |error| RepoError::io(format!("list {}", directory.display()))(error);
    let (mut files, mut directories) = (vec![], vec![]);
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name();
        if name.eq_ignore_ascii_case(".git") {
            continue;
        }
        let found = (join(at, &name.to_string_lossy()), entry.path());
        let into = if entry.file_type().map_err(failed)?.is_dir() { &mut directories } else { &mut files };
        into.push(found);
    }
    let below: Vec<_> =
        directories.par_iter().map(|(path, located)| walk(located, path)).collect::<Result<_, RepoError>>()?;
    files.extend(below.into_iter().flatten());
    Ok(files)
}

//! The files of a checkout.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::length::{self, Content};
use super::path::{components, enter, join};
use super::{BlobId, Files, RepoError};

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

    /// Gives the file at `path` this content, or removes it. A symbolic link in its place is replaced, as git does.
    ///
    /// # Errors
    /// [`RepoError::Path`] if the way there leads through a symbolic link, which may point out of the checkout.
    pub fn write(&self, path: &str, text: Option<&str>) -> Result<(), RepoError> {
        let mut located = self.root.clone();
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            if !is_plain(name) {
                return Err(RepoError::path(path, "is not a path below the checkout"));
            }
            located.push(name);
            let link = fs::symlink_metadata(&located).is_ok_and(|found| found.is_symlink());
            if link && names.peek().is_some() {
                return Err(RepoError::path(path, "leads through a symbolic link"));
            }
            if link && text.is_some() {
                fs::remove_file(&located).map_err(RepoError::io(format!("replace {path}")))?;
            }
        }
        let written = match text {
            None => fs::remove_file(&located),
            Some(text) => located.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&located, text)),
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
        match self.locate(path)? {
            Some((located, metadata)) => {
                length::check(metadata.len()).map_err(|long| RepoError::too_long(path, long))?;
                content(&located, &metadata)
            }
            None => Ok(None),
        }
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
        self.each(prefix, |located, metadata| match length::check(metadata.len()) {
            Ok(()) => Ok(content(located, metadata)?.map(Ok)),
            Err(long) => Ok(Some(Err(long))),
        })
    }
}

/// A name that means an entry of its own directory on any system.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.eq_ignore_ascii_case(".git") && !name.contains(['\\', '\0'])
}

fn absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What git would store: a file's bytes, or a link's target; sockets and the like are not files.
fn content(located: &Path, metadata: &fs::Metadata) -> Result<Option<Vec<u8>>, RepoError> {
    let read = if metadata.is_symlink() {
        fs::read_link(located).map(|target| target.into_os_string().into_encoded_bytes())
    } else if metadata.is_file() {
        fs::read(located)
    } else {
        return Ok(None);
    };
    read.map(Some).map_err(RepoError::io(format!("read {}", located.display())))
}

/// What git would call it; a file that is too long to be read is hashed as it is passed over.
fn id(located: &Path, metadata: &fs::Metadata) -> Result<Option<BlobId>, RepoError> {
    if !metadata.is_file() || length::check(metadata.len()).is_ok() {
        return Ok(content(located, metadata)?.map(|content| BlobId::of(&content)));
    }
    let file = fs::File::open(located);
    let id = file.and_then(|file| BlobId::passing_over(file, metadata.len()));
    id.map(Some).map_err(RepoError::io(format!("read {}", located.display())))
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

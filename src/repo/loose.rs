//! One object as one file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use git2::{ObjectType, Odb, OdbLookupFlags, Oid, Repository};

use super::RepoError;
use super::deflate::Deflater;
use super::object;

/// What the names of files that are not complete begin with; git's own housekeeping removes old ones too.
pub(in crate::repo) const INCOMPLETE: &str = "tmp_obj_";

/// Writes objects one by one.
///
/// libgit2 does so with twelve system calls for each: before every object it sets the time of one that might be there
/// and lists the packs again. Nobody else writes to a mirror, so looking once is enough.
pub(in crate::repo) struct Loose<'repo> {
    odb: Odb<'repo>,
    objects: PathBuf,
    deflater: Deflater,
}

impl<'repo> Loose<'repo> {
    pub(in crate::repo) fn new(repository: &'repo Repository) -> Result<Self, RepoError> {
        let objects = repository.commondir().join("objects");
        Ok(Self { odb: repository.odb()?, objects, deflater: Deflater::new() })
    }

    /// Writes an object unless it is there.
    pub(in crate::repo) fn write(&mut self, kind: ObjectType, content: &[u8]) -> Result<Oid, RepoError> {
        let id = object::oid(object::id(kind, content));
        self.write_as(id, kind, content)?;
        Ok(id)
    }

    /// The same of an object whose id is known.
    pub(in crate::repo) fn write_as(&mut self, id: Oid, kind: ObjectType, content: &[u8]) -> Result<(), RepoError> {
        if self.odb.exists_ext(id, OdbLookupFlags::NO_REFRESH) {
            return Ok(());
        }
        let mut deflated = Vec::new();
        self.deflater.deflate(&[object::header(kind, content).as_bytes(), content], &mut deflated)?;
        let name = id.to_string();
        put(&self.objects.join(&name[..2]), &name[2..], &deflated)
            .map_err(RepoError::io(format!("write object {name}")))
    }
}

/// Makes a file that is complete as soon as it has its name.
fn put(directory: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let incomplete = directory.join(format!("{INCOMPLETE}{}_{number}", std::process::id()));
    let mut file = match create(&incomplete) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(directory)?;
            create(&incomplete)?
        }
        file => file?,
    };
    let written = file.write_all(content).and_then(|()| fs::rename(&incomplete, directory.join(name)));
    if written.is_err() {
        drop(fs::remove_file(&incomplete));
    }
    written
}

/// Objects never change, so they are read-only.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o444);
    options.open(path)
}

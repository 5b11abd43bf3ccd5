//! The files of one commit.

use git2::{Oid, Repository};
use rayon::prelude::*;

use super::entries::{self, DIRECTORY, Entry};
use super::length::{self, Content};
use super::path::{components, enter, join};
use super::{BlobId, CommitId, Files, Mirror, RepoError, TreeId};

/// The files of a commit or tree: immutable, shared by threads, cheap to clone.
#[derive(Debug, Clone)]
pub struct Snapshot {
    mirror: Mirror,
    tree: TreeId,
}

/// How many files a handle is borrowed for.
const BATCH: usize = 128;

impl Snapshot {
    pub(in crate::repo) fn new(mirror: Mirror, tree: TreeId) -> Self {
        Self { mirror, tree }
    }

    /// The tree that holds the files: equal ids, equal files.
    #[must_use]
    pub fn tree_id(&self) -> TreeId {
        self.tree
    }

    /// The content of a blob that [`Files::list`] or a comparison named.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if the repository has no such blob.
    pub fn blob(&self, id: BlobId) -> Result<Vec<u8>, RepoError> {
        self.mirror.with(|repository| Ok(repository.find_blob(id.oid())?.content().to_vec()))
    }
}

impl Mirror {
    /// The files of a commit.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if there is no such commit.
    pub fn snapshot(&self, commit: CommitId) -> Result<Snapshot, RepoError> {
        let tree = self.commit_info(commit)?.tree;
        Ok(Snapshot::new(self.clone(), tree))
    }

    /// The files of a tree.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if there is no such tree.
    pub fn tree_snapshot(&self, tree: TreeId) -> Result<Snapshot, RepoError> {
        self.with(|repository| entries::load(&repository.odb()?, tree.oid()).map(drop))?;
        Ok(Snapshot::new(self.clone(), tree))
    }
}

impl Files for Snapshot {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RepoError> {
        self.mirror.with(|repository| match entry(repository, self.tree, path)? {
            Some(entry) if entry.is_blob() => {
                content(&repository.odb()?, entry.id)?.map(Some).map_err(|long| RepoError::too_long(path, long))
            }
            _ => Ok(None),
        })
    }

    fn blob_id(&self, path: &str) -> Result<Option<BlobId>, RepoError> {
        self.mirror.with(|repository| {
            Ok(entry(repository, self.tree, path)?.filter(|entry| entry.is_blob()).map(|entry| entry.id.into()))
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, BlobId)>, RepoError> {
        self.mirror.with(|repository| {
            let path = components(prefix).collect::<Vec<_>>().join("/");
            let mut files = Vec::new();
            match entry(repository, self.tree, &path)? {
                Some(entry) if entry.is_directory() => walk(&repository.odb()?, entry.id, &path, &mut files)?,
                Some(entry) if entry.is_blob() => files.push((path, entry.id.into())),
                _ => {}
            }
            files.sort();
            Ok(files)
        })
    }

    fn read_all(&self, prefix: &str) -> Result<Vec<(String, Content)>, RepoError> {
        let listed = self.list(prefix)?;
        let read = |batch: &[(String, BlobId)]| {
            self.mirror.with(|repository| {
                let odb = repository.odb()?;
                let read = |(path, id): &(String, BlobId)| Ok((path.clone(), content(&odb, id.oid())?));
                batch.iter().map(read).collect::<Result<Vec<_>, RepoError>>()
            })
        };
        let batches: Vec<Vec<_>> = listed.par_chunks(BATCH).map(read).collect::<Result<_, _>>()?;
        Ok(batches.into_iter().flatten().collect())
    }
}

/// The content of a blob; its length is asked for first.
fn content(odb: &git2::Odb<'_>, id: Oid) -> Result<Content, RepoError> {
    let (length, _) = odb.read_header(id)?;
    Ok(match length::check(length as u64) {
        Ok(()) => Ok(odb.read(id)?.data().to_vec()),
        Err(long) => Err(long),
    })
}

/// What stands at `path`; the root itself at the empty one.
fn entry(repository: &Repository, root: TreeId, path: &str) -> Result<Option<Entry>, RepoError> {
    let mut found = Entry { mode: DIRECTORY, id: root.oid() };
    if path.is_empty() {
        return Ok(Some(found));
    }
    for name in path.split('/') {
        if !found.is_directory() || found.id == TreeId::EMPTY.oid() {
            return Ok(None);
        }
        let tree = repository.find_tree(found.id)?;
        let Some(entry) = tree.get_name(name) else { return Ok(None) };
        found = Entry { mode: u32::try_from(entry.filemode_raw()).unwrap_or_default(), id: entry.id() };
    }
    Ok(Some(found))
}

fn walk(odb: &git2::Odb<'_>, id: Oid, at: &str, files: &mut Vec<(String, BlobId)>) -> Result<(), RepoError> {
    enter(at)?;
    let object = entries::load(odb, id)?;
    for (name, entry) in entries::parse(object.as_ref())? {
        let path = join(at, &String::from_utf8_lossy(name));
        if entry.is_directory() {
            walk(odb, entry.id, &path, files)?;
        } else if entry.is_blob() {
            files.push((path, entry.id.into()));
        }
    }
    Ok(())
}

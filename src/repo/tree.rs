//! Building a tree from a base tree and the changed paths.

use std::collections::BTreeMap;

use git2::{ObjectType, Odb, Oid, Repository};

use super::bulk::{self, Pack};
use super::entries::{self, DIRECTORY, EXECUTABLE, Entry, FILE};
use super::loose::Loose;
use super::objects::Objects;
use super::path::{self, join};
use super::{BlobId, Edit, Edits, Mirror, RepoError, TreeId};

/// From how many changed paths on one pack is cheaper than loose objects.
pub(in crate::repo) const BULK: usize = 1_000;

impl Mirror {
    /// The tree that `base` becomes with `edits`; equal to `base` if they change nothing.
    ///
    /// Costs in proportion to the changed paths and the directories above them. Directories that become empty go. From a
    /// thousand changed paths on, the new objects are written as packs rather than one by one.
    ///
    /// # Errors
    /// [`RepoError::Path`] for a path no tree can hold: hostile, through an existing file, or onto a directory that still
    /// has files. [`RepoError::NotFound`] if `base` is not a tree of this repository.
    pub fn tree_with(&self, base: TreeId, edits: &Edits) -> Result<TreeId, RepoError> {
        self.tree_with_packing(base, edits, BULK)
    }

    pub(in crate::repo) fn tree_with_packing(
        &self,
        base: TreeId,
        edits: &Edits,
        bulk: usize,
    ) -> Result<TreeId, RepoError> {
        let root = Node::over(edits)?;
        self.with(|repository| {
            if edits.is_empty() {
                entries::load(&repository.odb()?, base.oid())?;
                return Ok(base);
            }
            if edits.len() < bulk {
                build(repository, &root, base, &mut Loose::new(repository)?)
            } else {
                let mut pack = Pack::default();
                let tree = build(repository, &root, base, &mut pack)?;
                bulk::write(repository, &pack)?;
                Ok(tree)
            }
        })
    }
}

fn build<'e>(
    repository: &Repository,
    root: &Node<'e>,
    base: TreeId,
    objects: &mut impl Objects<'e>,
) -> Result<TreeId, RepoError> {
    let odb = repository.odb()?;
    let built = Builder { odb: &odb, objects }.directory(root, Some(base.oid()), "")?;
    match built {
        Some(id) => Ok(id.into()),
        // The root may be empty, and is then an object like any other.
        None => Ok(objects.tree(Vec::new())?.into()),
    }
}

impl<'e> Objects<'e> for Loose<'_> {
    fn blob(&mut self, id: Oid, content: &'e [u8]) -> Result<(), RepoError> {
        self.write_as(id, ObjectType::Blob, content)
    }

    fn tree(&mut self, content: Vec<u8>) -> Result<Oid, RepoError> {
        self.write(ObjectType::Tree, &content)
    }
}

/// The edits as a tree of names.
#[derive(Default)]
struct Node<'e> {
    leaf: Option<Leaf<'e>>,
    children: BTreeMap<&'e str, Node<'e>>,
}

#[derive(Clone, Copy)]
enum Leaf<'e> {
    Write(BlobId, &'e [u8]),
    Delete,
}

impl<'e> Node<'e> {
    fn over(edits: &'e Edits) -> Result<Self, RepoError> {
        let mut root = Self::default();
        for ((path, id), (_, edit)) in edits.blob_ids().into_iter().zip(edits.iter()) {
            path::check(path)?;
            let mut node = &mut root;
            for name in path.split('/') {
                node = node.children.entry(name).or_default();
            }
            node.leaf = Some(match (edit, id) {
                (Edit::Write(content), Some(id)) => Leaf::Write(id, content),
                _ => Leaf::Delete,
            });
        }
        Ok(root)
    }

    fn writes(&self) -> bool {
        matches!(self.leaf, Some(Leaf::Write(..))) || self.children.values().any(Node::writes)
    }
}

struct Builder<'r, 'o, O> {
    odb: &'o Odb<'r>,
    objects: &'o mut O,
}

impl<'e, O: Objects<'e>> Builder<'_, '_, O> {
    /// The directory `base` with the changes of `node`; `None` if nothing is left in it.
    fn directory(&mut self, node: &Node<'e>, base: Option<Oid>, at: &str) -> Result<Option<Oid>, RepoError> {
        let object = base.map(|id| entries::load(self.odb, id)).transpose()?.flatten();
        let mut entries = entries::parse(object.as_ref())?;
        let mut changed = false;
        for (name, child) in &node.children {
            let old = entries.get(name.as_bytes()).copied();
            let new = self.entry(child, old, &join(at, name))?;
            if new != old {
                changed = true;
                match new {
                    Some(entry) => entries.insert(name.as_bytes(), entry),
                    None => entries.remove(name.as_bytes()),
                };
            }
        }
        match base {
            _ if entries.is_empty() => Ok(None),
            Some(id) if !changed => Ok(Some(id)),
            _ => Ok(Some(self.objects.tree(entries::serialize(&entries))?)),
        }
    }

    /// What stands at `path` after the changes of `node`.
    fn entry(&mut self, node: &Node<'e>, old: Option<Entry>, path: &str) -> Result<Option<Entry>, RepoError> {
        let directory = old.filter(|entry| entry.is_directory());
        let file = old.filter(|entry| !entry.is_directory());
        let file = match node.leaf {
            None => file,
            Some(Leaf::Delete) if directory.is_some() && node.children.is_empty() => {
                return Err(RepoError::path(path, "is a directory and cannot be deleted as a file"));
            }
            Some(Leaf::Delete) => None,
            Some(Leaf::Write(id, content)) => Some(self.file(id, content, file)?),
        };
        let directory = if node.children.is_empty() {
            directory
        } else if file.is_some() && node.children.values().any(Node::writes) {
            return Err(RepoError::path(first_below(node, path), "leads through a file"));
        } else {
            let id = self.directory(node, directory.map(|entry| entry.id), path)?;
            id.map(|id| Entry { mode: DIRECTORY, id })
        };
        match (file, directory) {
            (Some(_), Some(_)) => Err(RepoError::path(path, "is a directory that still has files")),
            (file, directory) => Ok(file.or(directory)),
        }
    }

    fn file(&mut self, id: BlobId, content: &'e [u8], old: Option<Entry>) -> Result<Entry, RepoError> {
        let mode = if old.is_some_and(|entry| entry.mode == EXECUTABLE) { EXECUTABLE } else { FILE };
        if !old.is_some_and(|entry| entry.is_blob() && entry.id == id.oid()) {
            self.objects.blob(id.oid(), content)?;
        }
        Ok(Entry { mode, id: id.oid() })
    }
}

/// The first path that is written below `node`, for the error.
fn first_below(node: &Node<'_>, path: &str) -> String {
    match node.children.iter().find(|(_, child)| child.writes()) {
        Some((name, child)) => first_below(child, &join(path, name)),
        None => path.to_owned(),
    }
}

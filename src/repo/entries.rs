//! One tree object, read into entries and written back in git's order.

use std::collections::BTreeMap;

use git2::{ObjectType, Odb, OdbObject, Oid};

use super::{RepoError, TreeId};

/// The mode of a directory.
pub(in crate::repo) const DIRECTORY: u32 = 0o040_000;
/// The mode of an ordinary file.
pub(in crate::repo) const FILE: u32 = 0o100_644;
/// The mode of an executable file.
pub(in crate::repo) const EXECUTABLE: u32 = 0o100_755;
/// The mode of a submodule, whose id is a commit of another repository.
pub(in crate::repo) const SUBMODULE: u32 = 0o160_000;

/// What a name in a directory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::repo) struct Entry {
    pub(in crate::repo) mode: u32,
    pub(in crate::repo) id: Oid,
}

impl Entry {
    pub(in crate::repo) fn is_directory(self) -> bool {
        self.mode == DIRECTORY
    }

    /// Whether the content is a blob of this repository: a file or a symbolic link.
    pub(in crate::repo) fn is_blob(self) -> bool {
        !self.is_directory() && self.mode != SUBMODULE
    }
}

/// The entries of a directory by name, borrowed from the object they were read from.
pub(in crate::repo) type Entries<'a> = BTreeMap<&'a [u8], Entry>;

/// Reads the tree object; the empty tree needs not exist.
pub(in crate::repo) fn load<'a>(odb: &'a Odb<'_>, id: Oid) -> Result<Option<OdbObject<'a>>, RepoError> {
    if id == TreeId::EMPTY.oid() {
        return Ok(None);
    }
    let object = odb.read(id)?;
    if object.kind() == ObjectType::Tree {
        Ok(Some(object))
    } else {
        Err(RepoError::NotFound { what: format!("tree {id}") })
    }
}

/// The entries of a loaded tree.
pub(in crate::repo) fn parse<'a>(object: Option<&'a OdbObject<'_>>) -> Result<Entries<'a>, RepoError> {
    let mut rest = object.map_or(&[][..], OdbObject::data);
    let mut entries = Vec::with_capacity(rest.len() / 40);
    while !rest.is_empty() {
        let (name, entry, after) = split_first(rest).ok_or_else(|| RepoError::refused("tree", "is malformed"))?;
        entries.push((name, entry));
        rest = after;
    }
    Ok(entries.into_iter().collect())
}

/// `mode SP name NUL id`, and what follows.
fn split_first(tree: &[u8]) -> Option<(&[u8], Entry, &[u8])> {
    let space = tree.iter().position(|byte| *byte == b' ')?;
    let mode = u32::from_str_radix(std::str::from_utf8(&tree[..space]).ok()?, 8).ok()?;
    let tree = &tree[space + 1..];
    let nul = tree.iter().position(|byte| *byte == 0)?;
    let id = Oid::from_bytes(tree.get(nul + 1..nul + 21)?).ok()?;
    Some((&tree[..nul], Entry { mode, id }, &tree[nul + 21..]))
}

/// The bytes of the tree object: git sorts a directory as if its name ended in a slash.
pub(in crate::repo) fn serialize(entries: &Entries<'_>) -> Vec<u8> {
    let mut sorted: Vec<_> = entries.iter().collect();
    // `BTreeMap` order is almost the right one already, which the stable sort makes use of.
    sorted.sort_by(|(one, a), (two, b)| {
        let key = |name: &'_ [u8], entry: &Entry, at: usize| {
            name.get(at).copied().unwrap_or(if entry.is_directory() && at == name.len() { b'/' } else { 0 })
        };
        let common = one.iter().zip(two.iter()).take_while(|(x, y)| x == y).count();
        key(one, a, common).cmp(&key(two, b, common))
    });
    let mut bytes = Vec::with_capacity(entries.len() * 48);
    for (name, entry) in sorted {
        bytes.extend_from_slice(format!("{:o} ", entry.mode).as_bytes());
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(entry.id.as_bytes());
    }
    bytes
}

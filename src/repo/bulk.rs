//! Many objects at once: one pack without delta search, compressed on all cores.

use std::collections::HashSet;

use git2::{ObjectType, Oid, Repository};

use super::RepoError;
use super::object;
use super::objects::Objects;
use super::pack::{self, Packed};

/// Objects that wait to be packed.
///
/// Similar manifests are not stored as differences: that would cost seconds for what the next repacking does anyway.
#[derive(Default)]
pub(in crate::repo) struct Pack<'e> {
    blobs: Vec<(Oid, &'e [u8])>,
    trees: Vec<(Oid, Vec<u8>)>,
}

impl<'e> Objects<'e> for Pack<'e> {
    fn blob(&mut self, id: Oid, content: &'e [u8]) -> Result<(), RepoError> {
        self.blobs.push((id, content));
        Ok(())
    }

    fn tree(&mut self, content: Vec<u8>) -> Result<Oid, RepoError> {
        let id = object::oid(object::id(ObjectType::Tree, &content));
        self.trees.push((id, content));
        Ok(id)
    }
}

/// Writes the objects as a pack, which appears whole or not at all.
pub(in crate::repo) fn write(repository: &Repository, pack: &Pack<'_>) -> Result<(), RepoError> {
    let mut seen = HashSet::with_capacity(pack.blobs.len() + pack.trees.len());
    // Trees first: whoever reads a commit reads them together.
    let trees = pack.trees.iter().map(|(id, content)| Packed { id: *id, kind: ObjectType::Tree, content });
    let blobs = pack.blobs.iter().map(|(id, content)| Packed { id: *id, kind: ObjectType::Blob, content });
    let objects: Vec<Packed<'_>> = trees.chain(blobs).filter(|object| seen.insert(object.id)).collect();
    if objects.is_empty() {
        return Ok(());
    }
    pack::write(&objects, &repository.commondir().join("objects/pack"))
}

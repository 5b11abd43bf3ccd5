//! Many objects at once: packs without delta search, written on all cores.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::Path;

use git2::{Buf, Config, ConfigLevel, Indexer, ObjectType, Odb, Oid, Repository};
use rayon::prelude::*;

use super::RepoError;
use super::objects::Objects;

/// libgit2 searches deltas among objects smaller than its threshold, which it reads from this key (pack-objects.c,
/// `packbuilder_config`); similar manifests would cost seconds for a pack that the next repacking improves anyway.
const NO_DELTAS: &str = "[pack]\n\tdeltaCacheSize = 1\n";
const CONFIG: &str = "bulk.config";

/// Objects that wait to be packed.
#[derive(Default)]
pub(in crate::repo) struct Pack<'e> {
    blobs: Vec<(Oid, &'e [u8])>,
    trees: Vec<Vec<u8>>,
}

impl<'e> Objects<'e> for Pack<'e> {
    fn blob(&mut self, id: Oid, content: &'e [u8]) -> Result<(), RepoError> {
        self.blobs.push((id, content));
        Ok(())
    }

    fn tree(&mut self, content: Vec<u8>) -> Result<Oid, RepoError> {
        let id = Oid::hash_object(ObjectType::Tree, &content)?;
        self.trees.push(content);
        Ok(id)
    }
}

/// Writes the objects as one pack per core.
///
/// Compressing and indexing a pack keeps one core busy, so each core makes its own; they appear whole or not at all.
pub(in crate::repo) fn write(repository: &Repository, pack: Pack<'_>) -> Result<(), RepoError> {
    let config = repository.commondir().join(CONFIG);
    std::fs::write(&config, NO_DELTAS).map_err(RepoError::io("write the configuration of the pack writer"))?;
    let directory = repository.commondir().join("objects/pack");
    let mut seen = HashSet::with_capacity(pack.blobs.len());
    let mut objects: Vec<(ObjectType, &[u8])> = pack.trees.iter().map(|tree| (ObjectType::Tree, &tree[..])).collect();
    objects.extend(pack.blobs.iter().filter(|(id, _)| seen.insert(*id)).map(|(_, blob)| (ObjectType::Blob, *blob)));
    let share = objects.len().div_ceil(rayon::current_num_threads().max(1)).max(1);
    objects.par_chunks(share).try_for_each(|objects| write_pack(objects, &directory, &config))
}

fn write_pack(objects: &[(ObjectType, &[u8])], directory: &Path, config: &Path) -> Result<(), RepoError> {
    let mut no_deltas = Config::new()?;
    no_deltas.add_file(config, ConfigLevel::Local, false)?;
    let odb = Odb::new()?;
    odb.add_new_mempack_backend(1)?;
    let ids = objects.iter().map(|(kind, content)| odb.write(*kind, content)).collect::<Result<Vec<_>, _>>()?;
    let scratch = Repository::from_odb(odb)?;
    scratch.set_config(&no_deltas)?;
    let mut pack = scratch.packbuilder()?;
    for id in ids {
        pack.insert_object(id, None)?;
    }
    // Through memory: libgit2's indexer maps the file anew for each piece it is given, and the builder gives small ones.
    let mut bytes = Buf::new();
    pack.write_buf(&mut bytes)?;
    let mut indexer = Indexer::new(None, directory, 0o444, false)?;
    indexer.write_all(&bytes).map_err(RepoError::io("write a pack"))?;
    indexer.commit()?;
    Ok(())
}

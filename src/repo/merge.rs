//! Three-way merge of trees by path, never by text.

use std::collections::BTreeSet;

use git2::{ObjectType, Odb, Oid};

use super::entries::{self, DIRECTORY, Entry};
use super::path::join;
use super::{Mirror, RepoError, TreeId};

impl Mirror {
    /// The tree that has the changes of both sides since `base`.
    ///
    /// Files are taken whole: a path that one side changed gets that side's file, one that both changed alike gets that
    /// file. Directories that only one side changed are taken whole, so this costs what the changes cost.
    ///
    /// # Errors
    /// [`RepoError::Conflict`] with the paths that both sides changed differently, or where one side has a file and the
    /// other a directory; [`RepoError::NotFound`] if one of the trees does not exist.
    pub fn merge_trees(&self, base: TreeId, ours: TreeId, theirs: TreeId) -> Result<TreeId, RepoError> {
        self.with(|repository| {
            let odb = repository.odb()?;
            let mut merge = Merge { odb: &odb, conflicts: BTreeSet::new() };
            let sides = Sides { base: Some(base.oid()), ours: Some(ours.oid()), theirs: Some(theirs.oid()) };
            let merged = merge.directories(sides, "")?;
            if !merge.conflicts.is_empty() {
                return Err(RepoError::Conflict { paths: merge.conflicts.into_iter().collect() });
            }
            match merged {
                Some(id) => Ok(id.into()),
                None => Ok(odb.write(ObjectType::Tree, &[])?.into()),
            }
        })
    }
}

/// The same thing in the three trees.
#[derive(Clone, Copy)]
struct Sides<T> {
    base: T,
    ours: T,
    theirs: T,
}

impl<T: Copy + PartialEq> Sides<T> {
    fn map<U>(self, of: impl Fn(T) -> U) -> Sides<U> {
        Sides { base: of(self.base), ours: of(self.ours), theirs: of(self.theirs) }
    }

    /// The result if at most one side changed, or both alike.
    fn agreed(self) -> Option<T> {
        if self.ours == self.theirs || self.base == self.theirs {
            Some(self.ours)
        } else if self.base == self.ours {
            Some(self.theirs)
        } else {
            None
        }
    }
}

struct Merge<'o> {
    odb: &'o Odb<'o>,
    conflicts: BTreeSet<String>,
}

impl Merge<'_> {
    /// The merged directory; `None` if nothing is left in it.
    fn directories(&mut self, sides: Sides<Option<Oid>>, at: &str) -> Result<Option<Oid>, RepoError> {
        if let Some(agreed) = sides.agreed() {
            return Ok(agreed);
        }
        let odb = self.odb;
        let load = |id: Option<Oid>| Ok::<_, RepoError>(id.map(|id| entries::load(odb, id)).transpose()?.flatten());
        let (base, ours, theirs) = (load(sides.base)?, load(sides.ours)?, load(sides.theirs)?);
        let base = entries::parse(base.as_ref())?;
        let ours = entries::parse(ours.as_ref())?;
        let theirs = entries::parse(theirs.as_ref())?;
        let names: BTreeSet<&[u8]> = base.keys().chain(ours.keys()).chain(theirs.keys()).copied().collect();
        let mut merged = entries::Entries::new();
        for name in names {
            let of = |entries: &entries::Entries<'_>| entries.get(name).copied();
            let sides = Sides { base: of(&base), ours: of(&ours), theirs: of(&theirs) };
            if let Some(entry) = self.entry(sides, &join(at, &String::from_utf8_lossy(name)))? {
                merged.insert(name, entry);
            }
        }
        if merged.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.odb.write(ObjectType::Tree, &entries::serialize(&merged))?))
    }

    /// A name may be a file, a directory, or one turned into the other: both are merged on their own and must not both
    /// remain.
    fn entry(&mut self, sides: Sides<Option<Entry>>, path: &str) -> Result<Option<Entry>, RepoError> {
        if let Some(agreed) = sides.agreed() {
            return Ok(agreed);
        }
        let file = sides.map(|entry| entry.filter(|entry| !entry.is_directory())).agreed();
        if file.is_none() {
            self.conflicts.insert(path.to_owned());
        }
        let directory = |entry: Option<Entry>| entry.filter(|entry| entry.is_directory()).map(|entry| entry.id);
        let directory = self.directories(sides.map(directory), path)?.map(|id| Entry { mode: DIRECTORY, id });
        match (file.flatten(), directory) {
            (Some(_), Some(_)) => {
                self.conflicts.insert(path.to_owned());
                Ok(None)
            }
            (file, directory) => Ok(file.or(directory)),
        }
    }
}

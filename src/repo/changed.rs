//! Which paths differ between two trees.

use git2::{Odb, Oid};

use super::entries::{self, Entry};
use super::path::{components, enter, join};
use super::{BlobId, Mirror, RepoError, TreeId};

/// A path that differs between two trees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedPath {
    /// The path.
    pub path: String,
    /// The content before, if there was a file.
    pub old: Option<BlobId>,
    /// The content after, if there is a file; equal to `old` if only the mode changed.
    pub new: Option<BlobId>,
}

impl Mirror {
    /// The files at or below `prefix` that differ between two trees, in path order; all if `prefix` is empty.
    ///
    /// Directories that are the same in both are not entered, so this costs what the difference costs.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if one of the trees does not exist.
    pub fn changed_paths(&self, from: TreeId, to: TreeId, prefix: &str) -> Result<Vec<ChangedPath>, RepoError> {
        self.changed_paths_up_to(from, to, prefix, usize::MAX)
    }

    /// As [`Mirror::changed_paths`], but stops looking soon after `limit` paths.
    pub(in crate::repo) fn changed_paths_up_to(
        &self,
        from: TreeId,
        to: TreeId,
        prefix: &str,
        limit: usize,
    ) -> Result<Vec<ChangedPath>, RepoError> {
        self.with(|repository| {
            let within: Vec<&str> = components(prefix).collect();
            let odb = repository.odb()?;
            let mut comparison = Comparison { odb: &odb, limit, found: Vec::new() };
            comparison.directories(Some(from.oid()), Some(to.oid()), "", &within)?;
            comparison.found.sort();
            Ok(comparison.found)
        })
    }
}

struct Comparison<'o> {
    odb: &'o Odb<'o>,
    limit: usize,
    found: Vec<ChangedPath>,
}

impl Comparison<'_> {
    fn directories(&mut self, old: Option<Oid>, new: Option<Oid>, at: &str, within: &[&str]) -> Result<(), RepoError> {
        if old == new || self.found.len() >= self.limit {
            return Ok(());
        }
        enter(at)?;
        let old = old.map(|id| entries::load(self.odb, id)).transpose()?.flatten();
        let new = new.map(|id| entries::load(self.odb, id)).transpose()?.flatten();
        let (old, new) = (entries::parse(old.as_ref())?, entries::parse(new.as_ref())?);
        if let Some((name, within)) = within.split_first() {
            let of = |entries: &entries::Entries<'_>| entries.get(name.as_bytes()).copied();
            return self.entries(of(&old), of(&new), &join(at, name), within);
        }
        for (name, entry) in &old {
            let path = join(at, &String::from_utf8_lossy(name));
            self.entries(Some(*entry), new.get(name).copied(), &path, &[])?;
        }
        for (name, entry) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
            self.entries(None, Some(*entry), &join(at, &String::from_utf8_lossy(name)), &[])?;
        }
        Ok(())
    }

    fn entries(
        &mut self,
        old: Option<Entry>,
        new: Option<Entry>,
        path: &str,
        within: &[&str],
    ) -> Result<(), RepoError> {
        if old == new {
            return Ok(());
        }
        let file = |entry: Option<Entry>| entry.filter(|entry| entry.is_blob());
        if within.is_empty() && file(old) != file(new) {
            let id = |entry: Option<Entry>| file(entry).map(|entry| entry.id.into());
            self.found.push(ChangedPath { path: path.to_owned(), old: id(old), new: id(new) });
        }
        let directory = |entry: Option<Entry>| entry.filter(|entry| entry.is_directory()).map(|entry| entry.id);
        self.directories(directory(old), directory(new), path, within)
    }
}

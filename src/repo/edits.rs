//! A set of changes to files, before it is a tree.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::BlobId;

/// What happens to one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The file has this content afterwards; an executable file stays executable.
    Write(Vec<u8>),
    /// The file does not exist afterwards; nothing happens if it does not exist now.
    Delete,
}

/// Changes to files, ordered by path; the last word on a path counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits(BTreeMap<String, Edit>);

impl Edits {
    /// No changes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The file at `path` shall have this content.
    pub fn write(&mut self, path: impl Into<String>, content: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), Edit::Write(content.into()));
    }

    /// The file at `path` shall not exist.
    pub fn delete(&mut self, path: impl Into<String>) {
        self.0.insert(path.into(), Edit::Delete);
    }

    /// What happens to `path`, if anything.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Edit> {
        self.0.get(path)
    }

    /// The changes in path order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Edit)> {
        self.0.iter().map(|(path, edit)| (path.as_str(), edit))
    }

    /// How many paths are changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each path with the blob it gets, or none if it goes; hashed on all cores.
    pub(in crate::repo) fn blob_ids(&self) -> Vec<(&str, Option<BlobId>)> {
        let edits: Vec<_> = self.iter().collect();
        edits
            .into_par_iter()
            .with_min_len(64)
            .map(|(path, edit)| match edit {
                Edit::Write(content) => (path, Some(BlobId::of(content))),
                Edit::Delete => (path, None),
            })
            .collect()
    }
}

impl FromIterator<(String, Edit)> for Edits {
    fn from_iter<I: IntoIterator<Item = (String, Edit)>>(edits: I) -> Self {
        Self(edits.into_iter().collect())
    }
}

impl Extend<(String, Edit)> for Edits {
    fn extend<I: IntoIterator<Item = (String, Edit)>>(&mut self, edits: I) {
        self.0.extend(edits);
    }
}

impl IntoIterator for Edits {
    type Item = (String, Edit);
    type IntoIter = std::collections::btree_map::IntoIter<String, Edit>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

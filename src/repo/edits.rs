//! A set of changes to files, before it is a tree.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

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

    /// SHA-256, in hexadecimal, over the sorted paths and the blob ids they get.
    ///
    /// Equal digests mean equal output, whatever the base; a path and its fate are separated by bytes no path holds.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (path, id) in self.blob_ids() {
            hash.update(path.as_bytes());
            match id {
                Some(id) => {
                    hash.update(b"\0w");
                    hash.update(id.as_bytes());
                }
                None => hash.update(b"\0d"),
            }
        }
        hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_does_not_depend_on_the_order_of_insertion() {
        let (mut one, mut two) = (Edits::new(), Edits::new());
        one.write("a", "1");
        one.delete("b");
        two.delete("b");
        two.write("a", "1");
        assert_eq!(one.digest(), two.digest());
        assert_eq!(one.digest().len(), 64);
    }

    #[test]
    fn the_digest_tells_deletion_content_and_path_apart() {
        let of = |build: fn(&mut Edits)| {
            let mut edits = Edits::new();
            build(&mut edits);
            edits.digest()
        };
        let digests = [
            of(|_| ()),
            of(|edits| edits.write("a", "")),
            of(|edits| edits.write("a", "1")),
            of(|edits| edits.write("b", "1")),
            of(|edits| edits.delete("a")),
        ];
        assert_eq!(digests.iter().collect::<std::collections::BTreeSet<_>>().len(), digests.len());
    }
}

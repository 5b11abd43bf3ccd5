//! Telling whether two changes have the same content.

use sha2::{Digest, Sha256};

use crate::repo::BlobId;

/// Digest of what changes: every path with its content before and after. Equal digests, equal diffs.
#[must_use]
pub(super) fn digest<'a>(paths: impl IntoIterator<Item = (&'a str, Option<BlobId>, Option<BlobId>)>) -> String {
    let mut hash = Sha256::new();
    for (path, old, new) in paths {
        hash.update(path.as_bytes());
        for id in [old, new] {
            hash.update([0]);
            hash.update(id.map(|id| id.to_string()).unwrap_or_default());
        }
        hash.update([b'\n']);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

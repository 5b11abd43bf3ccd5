//! Files that a configuration names.

use std::fs::File;
use std::path::Path;

/// Opens a file; none that could have its reader wait for ever.
pub(super) fn regular(path: &Path) -> std::io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("is no regular file"));
    }
    File::open(path)
}

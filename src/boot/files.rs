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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "a").unwrap();
        assert!(regular(&path).is_ok());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(regular(&link).is_ok(), "as Kubernetes mounts them");
        for other in [folder.path(), Path::new("/dev/zero")] {
            assert_eq!(regular(other).unwrap_err().to_string(), "is no regular file", "{}", other.display());
        }
    }
}

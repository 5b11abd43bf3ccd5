//! Reading files, wherever they are.

use rayon::prelude::*;

use super::length::{Content, TooLong};
use super::{BlobId, RepoError};

/// A set of files: those of a commit, or those of a checkout.
///
/// Paths are relative, with `/`. Symbolic links are not followed: the content of a link is its target, as in git.
pub trait Files: Sync {
    /// The content of the file; `None` if there is no file of that path.
    ///
    /// # Errors
    /// [`RepoError::TooLong`] for a file of more than [`super::LONGEST`] bytes, which is not read; [`RepoError::Io`]
    /// or [`RepoError::Git`] if it exists but cannot be read.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, RepoError>;

    /// The id of the file's content; `None` if there is no file of that path. It is git's own, but of a file on disk that
    /// is longer than [`super::LONGEST`]: that is not read to its end, and has an id that no file we write can have.
    ///
    /// # Errors
    /// As [`Files::read`].
    fn blob_id(&self, path: &str) -> Result<Option<BlobId>, RepoError>;

    /// All files at or below `prefix` in path order, or all files if it is empty.
    ///
    /// `prefix` is a file or directory, not the start of a name: `a/b` holds `a/b` and `a/b/c`, not `a/bc`. A name that is
    /// not UTF-8 is listed with replacement characters and cannot be read by that name.
    ///
    /// # Errors
    /// As [`Files::read`].
    fn list(&self, prefix: &str) -> Result<Vec<(String, BlobId)>, RepoError>;

    /// All files at or below `prefix` with their content, in path order, read on all cores. One that is too long says so
    /// in its place.
    ///
    /// # Errors
    /// As [`Files::read`].
    fn read_all(&self, prefix: &str) -> Result<Vec<(String, Content)>, RepoError> {
        let read = |(path, _): (String, BlobId)| match self.read(&path) {
            Ok(content) => Ok(content.map(|content| (path, Ok(content)))),
            Err(RepoError::TooLong { bytes, .. }) => Ok(Some((path, Err(TooLong { bytes })))),
            Err(error) => Err(error),
        };
        let files: Vec<Option<_>> = self.list(prefix)?.into_par_iter().map(read).collect::<Result<_, RepoError>>()?;
        Ok(files.into_iter().flatten().collect())
    }
}

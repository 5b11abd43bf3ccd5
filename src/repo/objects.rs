//! Where new objects go.

use git2::Oid;

use super::RepoError;

/// Where new objects go.
pub(in crate::repo) trait Objects<'e> {
    fn blob(&mut self, id: Oid, content: &'e [u8]) -> Result<(), RepoError>;
    fn tree(&mut self, content: Vec<u8>) -> Result<Oid, RepoError>;
}

//! Commits and how they follow from each other.

use git2::{ErrorCode, Sort};

use super::message::trailers;
use super::{CommitId, Mirror, RepoError, TreeId};

/// What a commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// Its files.
    pub tree: TreeId,
    /// The commits it follows; several for a merge, none for the first.
    pub parents: Vec<CommitId>,
    /// The name of its author; bytes that are not UTF-8 are replaced.
    pub author: String,
    /// The address of its author; bytes that are not UTF-8 are replaced.
    pub email: String,
    /// When it was committed, in seconds since 1970-01-01 UTC.
    pub time: i64,
    /// Its message; bytes that are not UTF-8 are replaced.
    pub message: String,
}

impl CommitInfo {
    /// The trailers of the message, in order.
    #[must_use]
    pub fn trailers(&self) -> Vec<(String, String)> {
        trailers(&self.message)
    }

    /// The first trailer of that name, whatever its case.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<String> {
        self.trailers().into_iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// The first line of the message.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

impl From<&git2::Commit<'_>> for CommitInfo {
    fn from(commit: &git2::Commit<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let author = commit.author();
        Self {
            id: commit.id().into(),
            tree: commit.tree_id().into(),
            parents: commit.parent_ids().map(CommitId::from).collect(),
            author: text(author.name_bytes()),
            email: text(author.email_bytes()),
            time: commit.time().seconds(),
            message: text(commit.message_bytes()),
        }
    }
}

impl Mirror {
    /// Reads a commit.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if there is no such commit.
    pub fn commit_info(&self, id: CommitId) -> Result<CommitInfo, RepoError> {
        self.with(|repository| Ok(CommitInfo::from(&repository.find_commit(id.oid())?)))
    }

    /// The commit that a revision names: a branch, a tag, an id or anything else that `git rev-parse` knows.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if it names nothing; [`RepoError::Git`] if it names something else than a commit.
    pub fn resolve(&self, revision: &str) -> Result<CommitId, RepoError> {
        self.with(|repository| Ok(repository.revparse_single(revision)?.peel_to_commit()?.id().into()))
    }

    /// Whether `descendant` is `ancestor` or follows from it.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if one of them does not exist.
    pub fn is_ancestor(&self, ancestor: CommitId, descendant: CommitId) -> Result<bool, RepoError> {
        self.with(|repository| {
            repository.find_commit(ancestor.oid())?;
            Ok(ancestor == descendant || repository.graph_descendant_of(descendant.oid(), ancestor.oid())?)
        })
    }

    /// A best common ancestor of two commits, if they share any history.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if one of them does not exist.
    pub fn merge_base(&self, one: CommitId, two: CommitId) -> Result<Option<CommitId>, RepoError> {
        self.with(|repository| {
            repository.find_commit(one.oid())?;
            repository.find_commit(two.oid())?;
            match repository.merge_base(one.oid(), two.oid()) {
                Ok(id) => Ok(Some(id.into())),
                Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    /// At most `limit` commits from `from` backwards, newest first, without those that `not` has as well.
    ///
    /// With `first_parent` only the branch itself is followed, not what was merged into it.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if one of the commits does not exist.
    pub fn log(
        &self,
        from: CommitId,
        not: Option<CommitId>,
        limit: usize,
        first_parent: bool,
    ) -> Result<Vec<CommitInfo>, RepoError> {
        self.with(|repository| {
            let mut walk = repository.revwalk()?;
            // Commits of the same second come in the order they follow from each other; a whole history is not sorted.
            walk.set_sorting(if not.is_some() { Sort::TOPOLOGICAL } else { Sort::NONE })?;
            if first_parent {
                walk.simplify_first_parent()?;
            }
            repository.find_commit(from.oid())?;
            walk.push(from.oid())?;
            if let Some(not) = not {
                walk.hide(not.oid())?;
            }
            walk.take(limit).map(|id| Ok(CommitInfo::from(&repository.find_commit(id?)?))).collect()
        })
    }
}

//! A pull request as it is stored: a commit whose tree holds `pull.json` and `body.md`.

use serde::{Deserialize, Serialize};

use crate::change::forge::{Pull, PullState, Review};
use crate::repo::{Commit, CommitId, Edits, Files as _, Identity, Mirror, RepoError, TreeId};

const PULL: &str = "pull.json";
const BODY: &str = "body.md";

/// What is stored of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) number: u64,
    pub(super) branch: String,
    /// Of an open pull request, where the branch was when it was stored.
    pub(super) head: CommitId,
    pub(super) title: String,
    pub(super) draft: bool,
    #[serde(flatten)]
    pub(super) state: PullState,
    pub(super) reviews: Vec<Review>,
    #[serde(skip)]
    pub(super) body: String,
}

impl Record {
    /// Reads the pull request of a commit; none if that holds none, or not all of it is there.
    pub(super) fn load(mirror: &Mirror, commit: CommitId) -> Result<Option<Self>, RepoError> {
        let read = || {
            let files = mirror.snapshot(commit)?;
            Ok((files.read(PULL)?, files.read(BODY)?))
        };
        let (pull, body) = match read() {
            Ok(content) => content,
            Err(RepoError::NotFound { .. }) => (None, None),
            Err(error) => return Err(error),
        };
        let record = pull.and_then(|pull| serde_json::from_slice::<Self>(&pull).ok());
        if record.is_none() {
            tracing::warn!(%commit, "this should hold a pull request and does not");
        }
        let body = body.map(|body| String::from_utf8_lossy(&body).into_owned()).unwrap_or_default();
        Ok(record.map(|record| Self { body, ..record }))
    }

    /// Makes the commit that follows `before`, which no reference points to yet.
    pub(super) fn store(
        &self,
        mirror: &Mirror,
        before: Option<CommitId>,
        author: &Identity,
        time: i64,
        message: &str,
    ) -> Result<CommitId, RepoError> {
        let mut edits = Edits::new();
        let json = serde_json::to_string_pretty(self)
            .map_err(|error| RepoError::Io { what: "write a pull request".to_owned(), source: error.into() })?;
        edits.write(PULL, json + "\n");
        edits.write(BODY, self.body.as_str());
        let parents: Vec<_> = before.into_iter().collect();
        mirror.commit(&Commit {
            parents: &parents,
            base: TreeId::EMPTY,
            edits: &edits,
            author,
            time,
            message,
            signer: None,
        })
    }
}

impl From<Record> for Pull {
    fn from(record: Record) -> Self {
        let Record { number, branch, head, title, draft, state, reviews, body } = record;
        Self { number, branch, head, title, body, draft, state, reviews, queued: false, url: String::new() }
    }
}

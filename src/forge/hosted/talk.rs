//! Comments below pull requests: ours, of which there is one, and those of people.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use serde_json::json;

use super::item::{Account, beginning, words};
use super::{Dialect, Hosted, PER_PAGE};
use crate::change::forge::{Comment, ForgeError, Heard, Reaction};
use crate::change::id::Timestamp;
use crate::change::recent::Recent;

/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

/// The greatest number that a comment can have: one that all programs can read. A greater one would make us deaf to all
/// that follow.
const LAST: u64 = 1 << 53;

/// What our comment begins with; nobody sees it.
const MARK: &str = "<!-- meshwright: remark -->";

/// The most pull requests of which the number of our comment is remembered.
const MOST_REMARKS: usize = 1000;

/// The number of our comment, by pull request.
#[derive(Debug)]
pub(super) struct Remarks(Recent<u64, u64>);

impl Default for Remarks {
    fn default() -> Self {
        Self(Recent::new(MOST_REMARKS))
    }
}

/// What was last heard of people.
#[derive(Debug, Default)]
pub(super) struct Listening(Mutex<Option<Listed>>);

/// A list of what was written.
#[derive(Debug, Clone)]
struct Listed {
    /// Where it was asked for.
    path: String,
    /// The entity tag of the answer, where that was all of it.
    etag: Option<String>,
    written: Vec<Written>,
}

/// A comment as the APIs of forges write it.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Written {
    id: u64,
    user: Option<Account>,
    #[serde(default, deserialize_with = "words")]
    pub(super) body: String,
    #[serde(default, deserialize_with = "words")]
    created_at: String,
    /// Where what it is about is; ends in its number.
    #[serde(default, deserialize_with = "words")]
    issue_url: String,
    #[serde(default, deserialize_with = "words")]
    pull_request_url: String,
}

impl Written {
    pub(super) fn is_by(&self, login: &str) -> bool {
        self.user.as_ref().is_some_and(|user| user.login == login)
    }

    pub(super) fn is_our_remark(&self) -> bool {
        self.body.starts_with(MARK)
    }

    /// The number of the issue or pull request that it is about.
    fn about(&self) -> Option<u64> {
        let url = if self.pull_request_url.is_empty() { &self.issue_url } else { &self.pull_request_url };
        url.rsplit('/').next()?.parse().ok()
    }
}

impl<D: Dialect> Hosted<D> {
    /// All that was written below a pull request, oldest first.
    pub(super) async fn written_below(&self, number: u64) -> Result<Vec<Written>, ForgeError> {
        let path =
            |page| self.api.at(&format!("/issues/{number}/comments?per_page={PER_PAGE}&limit={PER_PAGE}&page={page}"));
        self.api.all(path).await
    }

    /// Whether we wrote just this below a pull request.
    pub(super) async fn has_said(&self, number: u64, body: &str) -> Result<bool, ForgeError> {
        let me = self.me().await?;
        let written = self.written_below(number).await?;
        Ok(written.iter().any(|written| written.is_by(me) && written.body == beginning(body)))
    }

    /// Writes something below a pull request.
    pub(super) async fn comment(&self, number: u64, body: &str) -> Result<Written, ForgeError> {
        let path = self.api.at(&format!("/issues/{number}/comments"));
        self.api.send("POST", path, json!({ "body": body })).await?.expect(&[201])?.json()
    }

    /// Has our one comment below a pull request say this.
    pub(super) async fn say(&self, number: u64, words: &str) -> Result<(), ForgeError> {
        let body = format!("{MARK}\n{words}");
        let mut ours = self.remarks.0.get(&number);
        if ours.is_none() {
            // It may have been written by a call whose answer was lost, or before a restart.
            let me = self.me().await?;
            let written = self.written_below(number).await?;
            ours =
                written.iter().find(|written| written.is_by(me) && written.is_our_remark()).map(|written| written.id);
        }
        if let Some(id) = ours {
            let path = self.api.at(&format!("/issues/comments/{id}"));
            let answer = self.api.send("PATCH", path, json!({ "body": body })).await?;
            if answer.status != 404 {
                answer.expect(&[200])?;
                self.remarks.0.put(number, id);
                return Ok(());
            }
            // Somebody removed it.
        }
        let written = self.comment(number, &body).await?;
        self.remarks.0.put(number, written.id);
        Ok(())
    }

    /// Answers a comment by a sign, which GitHub and Gitea name alike.
    pub(super) async fn sign(&self, comment: u64, reaction: Reaction) -> Result<(), ForgeError> {
        let content = match reaction {
            Reaction::Done => "+1",
            Reaction::Refused => "-1",
        };
        let path = self.api.at(&format!("/issues/comments/{comment}/reactions"));
        self.api.send("POST", path, json!({ "content": content })).await?.expect(&[200, 201]).map(drop)
    }

    /// What was written since a moment.
    pub(super) async fn listen(&self, since: Timestamp) -> Result<Heard, ForgeError> {
        let mut heard = Heard { comments: vec![], up_to: since };
        let written = self.written_since(since).await?;
        if written.is_empty() {
            return Ok(heard);
        }
        let me = self.me().await?;
        for written in written {
            let at = Timestamp::parse(&written.created_at).unwrap_or_default();
            heard.up_to = heard.up_to.max(at);
            let (Some(user), Some(pull)) = (&written.user, written.about()) else { continue };
            let is_program = user.login == me || user.kind.as_deref() == Some("Bot");
            if is_program || written.id > LAST || self.known().get(pull).is_none() {
                continue;
            }
            heard.comments.push(Comment {
                id: written.id,
                pull,
                by: self.person(&user.login),
                words: written.body,
                at,
            });
        }
        heard.comments.sort_by_key(|comment| comment.id);
        Ok(heard)
    }

    /// All that was written below anything since the hour of a moment, oldest first.
    async fn written_since(&self, since: Timestamp) -> Result<Vec<Written>, ForgeError> {
        // A whole hour is asked for, so that the question stays the same for so long, and its answer costs nothing.
        let hour = Timestamp(since.0.div_euclid(HOUR) * HOUR);
        let path = |page| {
            let size = format!("per_page={PER_PAGE}&limit={PER_PAGE}");
            self.api.at(&format!("/issues/comments?since={hour}&sort=created&direction=asc&{size}&page={page}"))
        };
        let lock = || self.listed.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().clone().filter(|known| known.path == path(1));
        let unless = known.as_ref().and_then(|known| known.etag.clone());
        let first = self.api.get_unless(path(1), unless).await?;
        if first.status == 304 {
            return Ok(known.map(|known| known.written).unwrap_or_default());
        }
        // Only a list of one page is as it was when its first page is.
        let tag = first.etag.clone().filter(|_| !first.more);
        let written: Vec<Written> = self.api.all_from(first, path).await?;
        *lock() = Some(Listed { path: path(1), etag: tag, written: written.clone() });
        Ok(written)
    }
}

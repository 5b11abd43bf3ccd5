//! A pull request as the APIs of forges write it; those of GitHub and of Gitea have the same names for what is needed.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::Api;
use crate::change::forge::{ForgeError, PullState};
use crate::change::id::Timestamp;
use crate::repo::CommitId;

/// A pull request. Source: GitHub REST API, "Pulls"; Gitea API, `PullRequest`.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct Item {
    pub(in crate::forge) number: u64,
    /// Its name in GraphQL; empty where there is none.
    #[serde(default)]
    pub(in crate::forge) node_id: String,
    pub(in crate::forge) html_url: String,
    pub(in crate::forge) title: String,
    #[serde(default)]
    pub(in crate::forge) body: Option<String>,
    /// `open` or `closed`.
    pub(in crate::forge) state: String,
    #[serde(default)]
    pub(in crate::forge) draft: bool,
    #[serde(default)]
    pub(in crate::forge) merged_at: Option<String>,
    #[serde(default)]
    pub(in crate::forge) merge_commit_sha: Option<String>,
    /// When anything happened to it last; Gitea writes it in the zone of its machine.
    #[serde(deserialize_with = "moment")]
    pub(in crate::forge) updated_at: Timestamp,
    pub(in crate::forge) head: End,
    pub(in crate::forge) base: Base,
    #[serde(default)]
    pub(in crate::forge) labels: Option<Vec<Label>>,
    #[serde(default)]
    pub(in crate::forge) requested_reviewers: Option<Vec<Account>>,
    #[serde(default, alias = "requested_reviewers_teams")]
    pub(in crate::forge) requested_teams: Option<Vec<Team>>,
}

/// What it wants merged.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct End {
    #[serde(rename = "ref")]
    pub(in crate::forge) branch: String,
    pub(in crate::forge) sha: String,
    /// None when that repository is gone.
    #[serde(default)]
    pub(in crate::forge) repo: Option<Repository>,
}

/// What it is to be merged into.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct Base {
    #[serde(rename = "ref")]
    pub(in crate::forge) branch: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct Repository {
    pub(in crate::forge) full_name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct Label {
    #[serde(default)]
    pub(in crate::forge) id: u64,
    pub(in crate::forge) name: String,
}

/// Somebody who can sign in.
#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct Account {
    pub(in crate::forge) login: String,
    /// `User`, `Bot` or `Organization` on GitHub; absent elsewhere.
    #[serde(default, rename = "type")]
    pub(in crate::forge) kind: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(in crate::forge) struct Team {
    #[serde(alias = "name")]
    pub(in crate::forge) slug: String,
}

impl Item {
    pub(in crate::forge) fn is_open(&self) -> bool {
        self.state == "open"
    }

    /// Whether its branch is one of `repository` and begins so: a fork may call its branches as it likes.
    pub(in crate::forge) fn is_of(&self, repository: &str, prefix: &str) -> bool {
        let here = self.head.repo.as_ref().is_some_and(|repo| repo.full_name.eq_ignore_ascii_case(repository));
        here && self.head.branch.starts_with(prefix)
    }

    /// Has it say this; none where it does.
    pub(in crate::forge) async fn reword(
        &self,
        api: &Api,
        title: &str,
        body: &str,
    ) -> Result<Option<Self>, ForgeError> {
        let mut changed = Map::new();
        if self.title != title {
            changed.insert("title".to_owned(), title.into());
        }
        if self.body.as_deref().unwrap_or_default() != body {
            changed.insert("body".to_owned(), body.into());
        }
        if changed.is_empty() {
            return Ok(None);
        }
        let path = api.at(&format!("/pulls/{}", self.number));
        api.send("PATCH", path, Value::Object(changed)).await?.expect(&[200, 201])?.json().map(Some)
    }

    pub(in crate::forge) fn head(&self) -> Result<CommitId, ForgeError> {
        commit(&self.head.sha)
    }

    /// What became of it, as far as this tells: not who closed it.
    pub(in crate::forge) fn outcome(&self) -> Result<PullState, ForgeError> {
        Ok(match (&self.merged_at, &self.merge_commit_sha) {
            (Some(_), Some(sha)) => PullState::Merged { commit: commit(sha)? },
            _ if self.is_open() => PullState::Open,
            _ => PullState::Closed { by: None, words: String::new() },
        })
    }
}

/// The most bytes that are kept of what people write.
const MOST_WORDS: usize = 8 << 10;

/// The beginning of what somebody wrote, as much as is kept of it.
pub(super) fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(MOST_WORDS)]
}

/// Reads the beginning of a text that may be null.
pub(super) fn words<'de, D: Deserializer<'de>>(text: D) -> Result<String, D::Error> {
    let text = Option::<String>::deserialize(text)?.unwrap_or_default();
    Ok(beginning(&text).to_owned())
}

fn moment<'de, D: Deserializer<'de>>(text: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(text)?;
    Timestamp::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no moment of RFC 3339")))
}

/// The commit of that name.
pub(in crate::forge) fn commit(sha: &str) -> Result<CommitId, ForgeError> {
    sha.parse().map_err(|_| ForgeError::Unavailable(format!("its answer names a commit `{sha}`, which is none")))
}

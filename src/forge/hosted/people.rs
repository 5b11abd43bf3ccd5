//! What people did: who reviewed, who closed, and whether they may.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::item::{Account, commit, words};
use super::{Dialect, Hosted, Opinion, PER_PAGE};
use crate::change::Person;
use crate::change::forge::{ForgeError, Review, Verdict};
use crate::change::id::Timestamp;

/// How long it is believed that somebody may write or may not, in milliseconds.
const BELIEVED: i64 = 300_000;
/// The most people of whom that is remembered.
const MOST: usize = 10_000;

/// Who may write to the repository, and until when that is believed.
#[derive(Debug, Default)]
pub(super) struct Writers(Mutex<HashMap<String, (bool, Timestamp)>>);

/// A review as the APIs of forges write it.
#[derive(Debug, Deserialize)]
struct Given {
    user: Option<Account>,
    #[serde(default, deserialize_with = "words")]
    state: String,
    #[serde(default)]
    dismissed: bool,
    commit_id: Option<String>,
    #[serde(default)]
    submitted_at: Option<String>,
    #[serde(default, deserialize_with = "words")]
    body: String,
}

#[derive(Debug, Deserialize)]
struct Permission {
    permission: String,
}

impl<D: Dialect> Hosted<D> {
    /// The reviews that count, oldest first: those of people who may write, without what was dismissed.
    pub(super) async fn reviews(&self, number: u64) -> Result<Vec<Review>, ForgeError> {
        let path =
            |page| self.api.at(&format!("/pulls/{number}/reviews?per_page={PER_PAGE}&limit={PER_PAGE}&page={page}"));
        let given: Vec<Given> = self.api.all(path).await?;
        let me = self.me().await?;
        let mut reviews: Vec<Review> = vec![];
        for given in given {
            // Programs approve nothing: an approval is what a person looked at.
            let Some(user) = given.user.filter(|user| user.kind.as_deref() != Some("Bot") && user.login != me) else {
                continue;
            };
            let by = self.person(&user.login);
            let verdict = match self.dialect.opinion(&given.state, given.dismissed) {
                Opinion::None => continue,
                Opinion::Dismissed => {
                    reviews.retain(|review| review.by != by);
                    continue;
                }
                Opinion::Approves => Verdict::Approve,
                Opinion::Objects => Verdict::RequestChanges,
            };
            if !self.writes(&user.login).await? {
                continue;
            }
            let head = match given.commit_id {
                Some(sha) => commit(&sha)?,
                None => continue,
            };
            let at = given.submitted_at.as_deref().and_then(Timestamp::parse).unwrap_or_default();
            reviews.push(Review { by, verdict, head, at, words: given.body });
        }
        Ok(reviews)
    }

    /// Who closed a pull request, none when it was us, and the last that they said there.
    pub(super) async fn farewell(&self, number: u64) -> Result<(Option<Person>, String), ForgeError> {
        let closer = self.dialect.closer(&self.api, number).await?;
        let me = self.me().await?;
        let login = closer.as_deref().unwrap_or("ghost");
        let said = self.written_below(number).await?;
        let last = said.into_iter().rev().find(|comment| comment.is_by(login) && !comment.is_our_remark());
        let words = last.map(|comment| comment.body).unwrap_or_default();
        Ok(((login != me).then(|| self.person(login)), words))
    }

    /// Whether somebody may write to the repository.
    pub(super) async fn writes(&self, login: &str) -> Result<bool, ForgeError> {
        let now = self.api.now();
        let lock = || self.writers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((writes, until)) = lock().get(login).copied()
            && now < until
        {
            return Ok(writes);
        }
        let sane = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if login.is_empty() || !login.chars().all(sane) {
            return Ok(false);
        }
        let answer = self.api.get(self.api.at(&format!("/collaborators/{login}/permission"))).await?;
        let writes = match answer.status {
            404 => false,
            403 => {
                let why = "it does not tell us who may write to the repository; make our user an administrator there";
                return Err(ForgeError::Refused(format!("{why} ({})", answer.message())));
            }
            _ => {
                let permission: Permission = answer.expect(&[200])?.json()?;
                matches!(permission.permission.as_str(), "admin" | "owner" | "maintain" | "write")
            }
        };
        let mut known = lock();
        known.retain(|_, (_, until)| now < *until);
        if known.len() < MOST {
            known.insert(login.to_owned(), (writes, now.plus(BELIEVED)));
        }
        Ok(writes)
    }
}

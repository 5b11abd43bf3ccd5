//! Calls of a forge's API: what goes out, what comes back, and what a failure means.

use std::sync::Arc;

use async_trait::async_trait;
use http_types::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::budget::{Budget, Cost};
use crate::change::clock::Clock;
use crate::change::forge::{ForgeError, Left};
use crate::change::id::Timestamp;
use crate::change::recent::Recent;
use crate::repo::Credential;

/// The longest answer that is read, in bytes: a page of a hundred texts of 65,536 characters that are all written as
/// `\u003c` is shorter, so that nobody makes us blind by what they write.
pub(in crate::forge) const LONGEST_ANSWER: usize = 48 << 20;
/// The most pages of a list that are read, at a hundred entries each, and the most bytes that they may have together; of
/// each page only what is needed is kept.
const MOST_PAGES: u32 = 100;
const LONGEST_LIST: usize = 1 << 30;
/// The longest answer by GraphQL, where nothing long is asked for, and the longest error that is read for its words.
const LONGEST_GRAPH: usize = 1 << 20;
const LONGEST_ERROR: usize = 64 << 10;
/// The most characters that are passed on of what a forge says.
const MOST_SAID: usize = 500;
/// The most answers that are kept, and the longest that are, in bytes.
const MOST_KEPT: usize = 256;
const LONGEST_KEPT: usize = 64 << 10;
/// Entries on a page.
pub(in crate::forge) const PER_PAGE: usize = 100;
/// How long a forge is left alone that says its limit is reached and not until when, in seconds (GitHub Docs, "Best
/// practices for using the REST API": at least one minute).
const UNTOLD: i64 = 60;
/// The longest that a forge is left alone because it says so, in milliseconds: limits of GitHub are by the hour, and clocks
/// differ.
const LONGEST_WAIT: i64 = 2 * 3_600_000;

/// Which of its interfaces a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::forge) enum Interface {
    Rest,
    Graph,
}

/// A request to a forge.
#[derive(Debug, Clone)]
pub(in crate::forge) struct Request {
    pub(in crate::forge) method: &'static str,
    pub(in crate::forge) interface: Interface,
    /// Behind the base of the interface, with its query.
    pub(in crate::forge) path: String,
    /// Answer only if it is not this any more.
    pub(in crate::forge) unless: Option<String>,
    pub(in crate::forge) body: Option<Value>,
}

/// What a forge answered.
#[derive(Debug, Clone, Default)]
pub(in crate::forge) struct Answer {
    pub(in crate::forge) status: u16,
    pub(in crate::forge) etag: Option<String>,
    /// Whether there is a next page.
    pub(in crate::forge) more: bool,
    /// `Retry-After`, in seconds.
    pub(in crate::forge) retry_after: Option<i64>,
    /// `X-RateLimit-Remaining`.
    pub(in crate::forge) remaining: Option<u64>,
    /// `X-RateLimit-Reset`, in seconds since 1970-01-01T00:00:00Z.
    pub(in crate::forge) reset: Option<i64>,
    pub(in crate::forge) body: Vec<u8>,
    /// Method and path of the request, for words about it.
    asked: String,
}

/// Carries requests to one forge as one identity. It repeats nothing.
#[async_trait]
pub(in crate::forge) trait Transport: Send + Sync {
    /// Sends a request; fails with words that hold no secret.
    async fn send(&self, request: Request) -> Result<Answer, String>;

    /// The login that we act under.
    async fn me(&self) -> Result<String, String>;

    /// What the git program signs in with.
    async fn credential(&self) -> Result<Credential, String>;
}

/// The API of a forge for one repository, within a budget.
pub(in crate::forge) struct Api {
    transport: Box<dyn Transport>,
    budget: Budget,
    clock: Arc<dyn Clock>,
    /// `owner/name`.
    pub(in crate::forge) repository: String,
    /// Answers that may still be true, by path: whether they are costs the forge nothing to say.
    kept: Recent<String, Answer>,
}

impl Api {
    pub(in crate::forge) fn new(
        transport: Box<dyn Transport>,
        budget: Budget,
        clock: Arc<dyn Clock>,
        repository: String,
    ) -> Self {
        Self { transport, budget, clock, repository, kept: Recent::new(MOST_KEPT) }
    }

    /// What may be sent of writes now.
    pub(in crate::forge) fn left(&self) -> Left {
        self.budget.left(self.clock.now())
    }

    /// Where a path of the repository is.
    pub(in crate::forge) fn at(&self, path: &str) -> String {
        format!("/repos/{}{path}", self.repository)
    }

    pub(in crate::forge) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(in crate::forge) async fn me(&self) -> Result<String, ForgeError> {
        self.budget.take(Cost::Read, self.clock.now())?;
        self.transport.me().await.map_err(ForgeError::Unavailable)
    }

    /// What the git program signs in with; limits of the API are none of commits.
    pub(in crate::forge) async fn credential(&self) -> Result<Credential, ForgeError> {
        self.transport.credential().await.map_err(ForgeError::Unavailable)
    }

    /// Reads what is at a path of the API.
    pub(in crate::forge) async fn get(&self, path: String) -> Result<Answer, ForgeError> {
        let known = self.kept.get(&path);
        let unless = known.as_ref().and_then(|known| known.etag.clone());
        let answer = self.get_unless(path.clone(), unless).await?;
        match known {
            Some(known) if answer.status == 304 => return Ok(known),
            _ if answer.status == 200 && answer.etag.is_some() && answer.body.len() <= LONGEST_KEPT => {
                self.kept.put(path, answer.clone());
            }
            _ => {}
        }
        Ok(answer)
    }

    /// The same, unless it is still what bore this entity tag: then the answer has status 304 and costs the forge nothing.
    pub(in crate::forge) async fn get_unless(
        &self,
        path: String,
        unless: Option<String>,
    ) -> Result<Answer, ForgeError> {
        let request = Request { method: "GET", interface: Interface::Rest, path, unless, body: None };
        self.call(request, Cost::Read).await
    }

    /// Creates or changes something.
    pub(in crate::forge) async fn send(
        &self,
        method: &'static str,
        path: String,
        body: Value,
    ) -> Result<Answer, ForgeError> {
        let request = Request { method, interface: Interface::Rest, path, unless: None, body: Some(body) };
        self.call(request, Cost::Write).await
    }

    /// Asks by GraphQL; gives `data`.
    pub(in crate::forge) async fn graph(&self, query: &str, variables: Value, cost: Cost) -> Result<Value, ForgeError> {
        let body = Some(serde_json::json!({ "query": query, "variables": variables }));
        let request = Request { method: "POST", interface: Interface::Graph, path: String::new(), unless: None, body };
        let answer = self.call(request, cost).await?.expect(&[200])?;
        if answer.body.len() > LONGEST_GRAPH {
            return Err(answer.strange(&format!("it is longer than {LONGEST_GRAPH} bytes")));
        }
        let mut answer: Value = answer.json()?;
        let errors = answer.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty());
        if let Some(errors) = errors {
            let limited = errors.iter().any(|error| error["type"] == "RATE_LIMITED");
            if limited {
                return Err(self.closed(None, None));
            }
            let words: Vec<&str> = errors.iter().filter_map(|error| error["message"].as_str()).collect();
            return Err(ForgeError::Refused(said(&words.join("; "))));
        }
        Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
    }

    /// All entries of a list, page by page.
    pub(in crate::forge) async fn all<T: DeserializeOwned + Send>(
        &self,
        path: impl Fn(u32) -> String + Send + Sync,
    ) -> Result<Vec<T>, ForgeError> {
        let first = self.get(path(1)).await?;
        self.all_from(first, path).await
    }

    /// All entries of a list whose first page is there.
    pub(in crate::forge) async fn all_from<T: DeserializeOwned + Send>(
        &self,
        first: Answer,
        path: impl Fn(u32) -> String + Send + Sync,
    ) -> Result<Vec<T>, ForgeError> {
        self.entries(first, path, |page: Vec<T>| page).await
    }

    /// The entries `of` all pages of a list whose first page is there.
    pub(in crate::forge) async fn entries<P: DeserializeOwned + Send, T: Send>(
        &self,
        first: Answer,
        path: impl Fn(u32) -> String + Send + Sync,
        of: impl Fn(P) -> Vec<T> + Send + Sync,
    ) -> Result<Vec<T>, ForgeError> {
        let mut entries = vec![];
        let take = |page| {
            entries.extend(of(page));
            false
        };
        self.pages_from(first, path, take).await?;
        Ok(entries)
    }

    /// Hands on the pages of a list whose first one is there, until one is the last or `take` has enough.
    pub(in crate::forge) async fn pages_from<P: DeserializeOwned + Send>(
        &self,
        first: Answer,
        path: impl Fn(u32) -> String + Send + Sync,
        mut take: impl FnMut(P) -> bool + Send,
    ) -> Result<(), ForgeError> {
        let (mut answer, mut length) = (first, 0);
        for next in 2..=MOST_PAGES + 1 {
            answer = answer.expect(&[200])?;
            length += answer.body.len();
            if take(answer.json()?) || !answer.more {
                return Ok(());
            }
            if length > LONGEST_LIST {
                break;
            }
            answer = self.get(path(next)).await?;
        }
        Err(ForgeError::Refused(format!("{} is longer than {MOST_PAGES} pages or {LONGEST_LIST} bytes", path(1))))
    }

    async fn call(&self, request: Request, cost: Cost) -> Result<Answer, ForgeError> {
        self.budget.take(cost, self.clock.now())?;
        let (method, path) = (request.method, request.path.clone());
        let answer = self.transport.send(request).await;
        let mut answer = answer.map_err(|why| ForgeError::Unavailable(format!("{method} {path}: {why}")))?;
        tracing::debug!(method, path, status = answer.status, "called the forge");
        answer.asked = format!("{method} {path}");
        let exhausted = answer.remaining == Some(0);
        match answer.status {
            403 | 429 if exhausted || answer.retry_after.is_some() || answer.says("rate limit") => {
                Err(self.closed(answer.retry_after, answer.reset.filter(|_| exhausted)))
            }
            429 => Err(self.closed(None, None)),
            401 => Err(ForgeError::Unavailable(format!(
                "it does not accept the configured credential ({}); renew it",
                answer.message()
            ))),
            500.. => Err(ForgeError::Unavailable(answer.words())),
            _ => {
                if exhausted && let Some(reset) = answer.reset {
                    self.budget.close(self.until(reset));
                }
                Ok(answer)
            }
        }
    }

    /// The moment that a forge names in seconds since 1970; none is further away than its limits last.
    fn until(&self, reset: i64) -> Timestamp {
        Timestamp(reset.saturating_mul(1000)).min(self.clock.now().plus(LONGEST_WAIT))
    }

    /// The forge takes no more for now: for so many seconds, or until this moment.
    fn closed(&self, retry_after: Option<i64>, reset: Option<i64>) -> ForgeError {
        let now = self.clock.now();
        let until = match (retry_after, reset) {
            (Some(seconds), _) => now.plus(seconds.clamp(1, 3600).saturating_mul(1000)),
            (None, Some(reset)) => self.until(reset).max(now.plus(1000)),
            (None, None) => now.plus(UNTOLD * 1000),
        };
        self.budget.close(until);
        ForgeError::Later(until)
    }
}

impl Answer {
    /// An answer with these headers; GitHub and Gitea name them alike.
    pub(in crate::forge) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            etag: text("etag").map(ToOwned::to_owned),
            more: text("link").is_some_and(|link| link.contains("rel=\"next\"")),
            retry_after: text("retry-after").and_then(|text| text.parse().ok()),
            remaining: text("x-ratelimit-remaining").and_then(|text| text.parse().ok()),
            reset: text("x-ratelimit-reset").and_then(|text| text.parse().ok()),
            body,
            asked: String::new(),
        }
    }

    /// This answer if its status is one of these; else what the forge says against it.
    pub(in crate::forge) fn expect(self, statuses: &[u16]) -> Result<Self, ForgeError> {
        if statuses.contains(&self.status) { Ok(self) } else { Err(self.refusal()) }
    }

    /// What the forge says against a request.
    pub(in crate::forge) fn refusal(&self) -> ForgeError {
        if (300..400).contains(&self.status) {
            let why = "it is somewhere else by now: say in forge.api and forge.repository where";
            return ForgeError::Refused(format!("{why} ({})", self.status));
        }
        ForgeError::Refused(self.words())
    }

    /// What was asked, and what the forge says to it.
    fn words(&self) -> String {
        format!("{}: {} ({})", self.asked, self.message(), self.status)
    }

    pub(in crate::forge) fn json<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body).map_err(|error| self.strange(&error.to_string()))
    }

    /// It is not what the API answers.
    fn strange(&self, why: &str) -> ForgeError {
        ForgeError::Unavailable(format!("{}: the answer is not that of the API in forge.api: {why}", self.asked))
    }

    /// Whether its message has these words, whatever their case.
    pub(in crate::forge) fn says(&self, words: &str) -> bool {
        self.message().to_ascii_lowercase().contains(words)
    }

    /// The message of an error, with what is wrong in detail.
    pub(in crate::forge) fn message(&self) -> String {
        let body = Some(&self.body).filter(|body| body.len() <= LONGEST_ERROR);
        let body: Value = body.and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let mut words = vec![body["message"].as_str().unwrap_or("no message").to_owned()];
        for error in body["errors"].as_array().into_iter().flatten() {
            words.extend(error.as_str().or(error["message"].as_str()).map(ToOwned::to_owned));
        }
        said(&words.join(": "))
    }
}

/// What a forge says, short and in one line.
fn said(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(MOST_SAID).collect()
}

//! One sink, and one request to it.

use std::io::Read as _;
use std::time::Duration;

use tokio::sync::oneshot;
use ureq::Agent;
use ureq::http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use ureq::http::{Request, Response, Uri};

use crate::change::outbox::Attempt;
use crate::signature::Secret;

/// The most bytes of an answer that are read, to be told in the log, and of its head.
const LONGEST_ANSWER: u64 = 512;
const LONGEST_HEAD: usize = 16 << 10;
/// The most seconds that a sink may ask for by `Retry-After`.
const LONGEST_WISH: i64 = 300;

/// The media type of an event in the structured mode (CloudEvents, HTTP protocol binding, section 3.2).
const MEDIA_TYPE: &str = "application/cloudevents+json; charset=utf-8";
/// The header of the signature, in the form of GitHub's `X-Hub-Signature-256`.
const SIGNATURE: &str = "X-Meshwright-Signature-256";

/// Why an address cannot be used; the address itself is not shown, because its path may be a secret.
#[derive(Debug, thiserror::Error)]
#[error("the address is no URL of http or https")]
pub struct Unusable;

/// Somebody who is told of events. Its `Debug` shows its name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Sink {
    name: String,
    uri: Uri,
    secret: Option<Secret>,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) attempt: Attempt,
    /// For the log: the status and how the answer begins, or why there is none.
    pub(super) words: String,
    /// How long the sink wishes not to be asked, in milliseconds.
    pub(super) wish: i64,
}

impl Sink {
    /// A sink at an address, to which bodies go signed where there is a secret.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(name: String, url: &str, secret: Option<Secret>) -> Result<Self, Unusable> {
        let uri: Uri = url.parse().map_err(|_| Unusable)?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if !has_host || !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(Unusable);
        }
        Ok(Self { name, uri, secret })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sends an event.
    pub(super) async fn send(&self, agent: &Agent, document: &str) -> Outcome {
        let body = document.as_bytes().to_vec();
        let mut request = Request::post(&self.uri)
            .header(CONTENT_TYPE, MEDIA_TYPE)
            .header(USER_AGENT, concat!("meshwright/", env!("CARGO_PKG_VERSION")));
        if let Some(secret) = &self.secret {
            request = request.header(SIGNATURE, format!("sha256={}", secret.sign(&body)));
        }
        let agent = agent.clone();
        let (sender, answer) = oneshot::channel();
        let send = move || {
            let sent = request.body(body).map_err(|error| error.to_string());
            let sent = sent.and_then(|request| agent.run(request).map_err(|error| error.to_string()));
            drop(sender.send(sent.map_or_else(Outcome::none, Outcome::read)));
        };
        // On a thread of its own: the runtime would wait for one of its own when it stops.
        match std::thread::Builder::new().name("sink".into()).spawn(send) {
            Ok(_) => answer.await.unwrap_or_else(|_| Outcome::none("the request broke off".to_owned())),
            Err(error) => Outcome::none(error.to_string()),
        }
    }
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sink({})", self.name)
    }
}

/// What carries requests, which take so long at most: no redirect is followed, so that an event goes where the configuration says and nowhere else.
pub(super) fn agent(longest: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(longest))
        .max_response_header_size(LONGEST_HEAD)
        .max_redirects(0);
    config.build().into()
}

impl Outcome {
    /// There is no answer.
    fn none(why: String) -> Self {
        Self { attempt: Attempt::Failed, words: why, wish: 0 }
    }

    /// Judges an answer by its status: how it goes on does not matter to what the sink has taken.
    fn read(mut answer: Response<ureq::Body>) -> Self {
        let status = answer.status().as_u16();
        let attempt = match status {
            200..300 => Attempt::Taken,
            408 | 425 | 429 | 500.. => Attempt::Failed,
            _ => Attempt::Refused,
        };
        if attempt == Attempt::Taken {
            return Self { attempt, words: status.to_string(), wish: 0 };
        }
        let wish = answer.headers().get(RETRY_AFTER).filter(|_| matches!(status, 429 | 503));
        let seconds = wish.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let wish = seconds.map_or(0, |seconds: i64| seconds.clamp(0, LONGEST_WISH) * 1000);
        let mut said = vec![];
        drop(answer.body_mut().as_reader().take(LONGEST_ANSWER).read_to_end(&mut said));
        let said: String = String::from_utf8_lossy(&said).chars().filter(|char| !char.is_control()).collect();
        Self { attempt, words: format!("it answered {status}: {said}"), wish }
    }
}

#[cfg(test)]
#[path = "target/tests.rs"]
mod tests;

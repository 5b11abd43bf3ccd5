//! Webhooks of forges: believed for their signature, remembered by their id, and then only a reason to look.
//!
//! Nothing is taken from what they say: what happened is asked of the forge. So a forged or a late one can do no more than
//! have it asked once.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hmac::{Hmac, Mac as _};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::api::Shared;
use super::body;
use super::problem::{self, Problem};

/// The longest body, in bytes; GitHub sends up to 25 MB, and nothing that concerns us comes near this.
const LONGEST: usize = 10 << 20;

/// The shortest secret, in bytes: shorter ones can be guessed.
const SHORTEST_SECRET: usize = 16;

/// The longest id of a delivery, in bytes.
const LONGEST_ID: usize = 128;

/// Events that we cause ourselves by what we do, and so know of: others are the answers of somebody else to it.
const OWN: [&str; 5] = ["pull_request", "issue_comment", "push", "create", "delete"];

/// The forge that webhooks are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// GitHub: `X-Hub-Signature-256`.
    GitHub,
    /// Gitea and Forgejo: `X-Gitea-Signature`.
    Gitea,
}

impl Source {
    /// The last segment of its path.
    fn name(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::Gitea => "gitea",
        }
    }

    /// The names of the headers of its signature, its delivery and its event.
    fn headers(self) -> [&'static str; 3] {
        match self {
            Self::GitHub => ["x-hub-signature-256", "x-github-delivery", "x-github-event"],
            Self::Gitea => ["x-gitea-signature", "x-gitea-delivery", "x-gitea-event"],
        }
    }
}

/// What webhooks are signed with; its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// A secret.
    ///
    /// # Errors
    /// When it is too short.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() < SHORTEST_SECRET {
            return Err(format!("a secret of {} bytes can be guessed: use {SHORTEST_SECRET} or more", text.len()));
        }
        Ok(Self(text.as_bytes().to_vec()))
    }

    /// Whether it signed `body` with `signature`; takes the same time whatever that is.
    fn signed(&self, body: &[u8], signature: &[u8]) -> bool {
        // A key of any length is good.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return false };
        mac.update(body);
        bool::from(mac.finalize().into_bytes().as_slice().ct_eq(signature))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Whose webhooks are taken, and how they are signed.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The forge.
    pub source: Source,
    /// One secret, or two while one takes the place of the other.
    pub secrets: Vec<Secret>,
}

impl Webhooks {
    /// Whether one of the secrets signed `body`; all of them are tried in any case.
    fn signed(&self, body: &[u8], headers: &HeaderMap) -> bool {
        let text = headers.get(self.source.headers()[0]).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let signature = hexadecimal(text.strip_prefix("sha256=").unwrap_or(text));
        self.secrets.iter().fold(false, |good, secret| good | secret.signed(body, &signature))
    }
}

/// The bytes that hexadecimal digits stand for; none of what is no such text.
fn hexadecimal(text: &str) -> Vec<u8> {
    let digit = |b: u8| char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let pairs = bytes.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?));
    pairs.collect::<Option<Vec<u8>>>().unwrap_or_default()
}

/// What a delivery says of itself.
#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(default)]
    sender: Option<Sender>,
}

#[derive(Debug, Deserialize)]
struct Sender {
    #[serde(default)]
    login: String,
}

/// `POST /v2/webhooks/{forge}`
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    Path(forge): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let Some(webhooks) = shared.webhooks.clone().filter(|webhooks| webhooks.source.name() == forge) else {
        let detail = "No webhooks are taken here: configure `forge.webhookSecretFiles` of a forge of that kind.";
        return Err(Problem::not_found(detail));
    };
    let headers = request.headers().clone();
    let bytes = body::raw(request, &shared.limits, LONGEST).await?;
    if !webhooks.signed(&bytes, &headers) {
        let detail = "The signature is missing or wrong: give the webhook the secret that is configured here.";
        return Err(Problem::new(&problem::UNAUTHENTICATED, detail));
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !text("content-type").to_ascii_lowercase().starts_with("application/json") {
        let detail = "Choose application/json as the content type of the webhook.";
        return Err(Problem::new(&problem::MEDIA_TYPE, detail)
            .header(header::ACCEPT, header::HeaderValue::from_static("application/json")));
    }
    let payload: Payload = serde_json::from_slice(&bytes)
        .map_err(|_| Problem::new(&problem::BAD_REQUEST, "The body is signed, and is not the JSON of a webhook."))?;
    let [_, delivery, event] = webhooks.source.headers();
    let id = identity(text(delivery), &bytes);
    let event = text(event).to_owned();
    let new = shared.desk.deliver(format!("{}:{id}", webhooks.source.name())).await?;
    let own = OWN.contains(&event.as_str());
    let by = payload.sender.map(|sender| sender.login).filter(|_| own);
    if new && event != "ping" {
        shared.desk.happened(by.as_deref());
    }
    tracing::debug!(event, id, new, "a webhook came in");
    Ok((StatusCode::ACCEPTED, Json(json!({ "delivery": id, "new": new }))).into_response())
}

/// The id of a delivery; where it has none, or none that can be kept, the digest of its body.
fn identity(id: &str, body: &Bytes) -> String {
    let sane = !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_graphic());
    if sane { id.to_owned() } else { Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhooks(secrets: &[&str]) -> Webhooks {
        Webhooks { source: Source::GitHub, secrets: secrets.iter().map(|it| Secret(it.as_bytes().to_vec())).collect() }
    }

    fn signed(webhooks: &Webhooks, body: &str, signature: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(webhooks.source.headers()[0], signature.parse().unwrap());
        webhooks.signed(body.as_bytes(), &headers)
    }

    #[test]
    fn signatures_are_those_of_rfc_4231_and_of_the_forges_documentation() {
        // RFC 4231, test case 2; GitHub Docs, "Validating webhook deliveries".
        for (secret, body, signature) in [
            (
                "Jefe",
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "It's a Secret to Everybody",
                "Hello, World!",
                "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
            ),
        ] {
            for hooks in [webhooks(&[secret]), webhooks(&["another secret", secret]), webhooks(&[secret, "another"])] {
                for form in [format!("sha256={signature}"), signature.to_owned(), signature.to_uppercase()] {
                    assert!(signed(&hooks, body, &form), "{form}");
                }
                for wrong in ["", "sha256=", &signature[..63], &signature[..62], &format!("{signature}00"), "sha256=zz"]
                {
                    assert!(!signed(&hooks, body, wrong), "{wrong}");
                }
                assert!(!signed(&hooks, &format!("{body} "), signature));
            }
            assert!(!signed(&webhooks(&["another secret"]), body, signature));
            assert!(!signed(&webhooks(&[]), body, signature));
        }
    }

    #[test]
    fn a_secret_that_can_be_guessed_is_refused_and_none_is_shown() {
        assert!(Secret::new("fifteen letters").unwrap_err().contains("16"));
        let secret = Secret::new("sixteen letters!").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[test]
    fn a_delivery_without_an_id_is_known_by_its_body() {
        let body = Bytes::from_static(b"{}");
        assert_eq!(identity("72d3162e-cc78", &body), "72d3162e-cc78");
        for id in ["", "a b", &"x".repeat(200)] {
            assert_eq!(identity(id, &body).len(), 64, "{id}");
        }
    }
}

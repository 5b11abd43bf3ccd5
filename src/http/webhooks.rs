//! Webhooks of forges: believed for their signature, remembered by their id, and then only a reason to look.
//!
//! What happened is asked of the forge; of what they say only the sender counts, and only to tell what we did ourselves.
//! So a late one can do no more than have the forge asked once.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::apart::understood;
use super::api::Shared;
use super::body;
use super::delivery::{Taken, digest, must_be_json};
use super::engines::{self, Engine};
use super::problem::{self, Problem};

/// The longest body, in bytes; GitHub sends up to 25 MB, and nothing that concerns us comes near this.
const LONGEST: usize = 10 << 20;

/// The longest id of a delivery, in bytes.
const LONGEST_ID: usize = 128;

/// Events that we cause ourselves by what we do, and so know of: others are the answers of somebody else to it.
const OWN: [&str; 5] = ["pull_request", "issue_comment", "push", "create", "delete"];

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

/// `POST /v2/webhooks/{forge}`, where a GitOps engine may stand for the forge.
pub(super) async fn receive(
    State(shared): State<Arc<Shared>>,
    Path(forge): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let taken = match Engine::at(&forge) {
        Some(engine) => engines::take(&shared, engine, request).await,
        None => take(&shared, &forge, request).await,
    };
    shared.metrics.delivered(match &taken {
        Ok(taken) if taken.new => "new",
        Ok(_) => "known",
        Err(problem) if problem.kind == &problem::UNAUTHENTICATED => "unsigned",
        Err(_) => "refused",
    });
    taken.map(|taken| (StatusCode::ACCEPTED, Json(taken)).into_response())
}

async fn take(shared: &Shared, forge: &str, request: Request) -> Result<Taken, Problem> {
    let Some(webhooks) = shared.door.terms().webhooks.clone().filter(|webhooks| webhooks.source.name() == forge) else {
        let detail = "No webhooks are taken here: configure `forge.webhookSecretFiles` of a forge of that kind.";
        return Err(Problem::not_found(detail));
    };
    let headers = request.headers().clone();
    let unsigned = || {
        let detail = "The signature is missing or wrong: give the webhook the secret that is configured here.";
        Problem::new(&problem::UNAUTHENTICATED, detail)
    };
    if !webhooks.is_claimed(&headers) {
        body::discard(request).await;
        return Err(unsigned());
    }
    let bytes = body::raw(request, &shared.limits, LONGEST).await?;
    let (name, [_, delivery, event]) = (webhooks.source.name(), webhooks.source.headers());
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let (id, event, media_type) = (text(delivery), text(event), text(header::CONTENT_TYPE.as_str()));
    let (id, payload) = understood(&shared.checking, bytes, move |bytes| {
        if !webhooks.signed(bytes, &headers) {
            return Err(unsigned());
        }
        must_be_json(&media_type)?;
        let payload: Payload = serde_json::from_slice(bytes)
            .map_err(|_| Problem::new(&problem::NOT_JSON, "The body is signed, and is not the JSON of a webhook."))?;
        Ok((identity(&id, bytes), payload))
    })
    .await?;
    let new = shared.desk.deliver(format!("{name}:{id}")).await?;
    let own = OWN.contains(&event.as_str());
    let by = payload.sender.map(|sender| sender.login).filter(|_| own);
    if new && event != "ping" {
        shared.desk.happened(by.as_deref());
    }
    tracing::debug!(event, id, new, "a webhook came in");
    Ok(Taken { delivery: id, new })
}

/// The id of a delivery; where it has none, or none that can be kept, the digest of its body.
fn identity(id: &str, body: &Bytes) -> String {
    let sane = !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|b| b.is_ascii_graphic());
    if sane { id.to_owned() } else { digest(body) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_without_an_id_is_known_by_its_body() {
        let body = Bytes::from_static(b"{}");
        assert_eq!(identity("72d3162e-cc78", &body), "72d3162e-cc78");
        for id in ["", "a b", &"x".repeat(200)] {
            assert_eq!(identity(id, &body).len(), 64, "{id}");
        }
    }
}

//! Webhooks of GitOps engines, which tell that a cluster has synced a commit of main.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};

use super::apart::understood;
use super::api::Shared;
use super::auth::bearer;
use super::delivery::{Taken, digest, must_be_json};
use super::problem::{self, Problem};
use super::signature::{LENGTH, claim};
use super::{body, told};
use crate::change::Report;
use crate::signature::Secret;

/// The longest body, in bytes: a message of Flux has 39,000 characters at most, and the rest of an event is short.
const LONGEST: usize = 256 << 10;

/// The header that the provider `generic-hmac` of Flux signs in: `sha256=` and hexadecimal digits
/// (fluxcd/notification-controller, `internal/notifier/forwarder.go`).
const SIGNATURE: &str = "x-signature";

/// An engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    ArgoCd,
    Flux,
}

impl Engine {
    /// The engine whose webhooks come in at this last segment of a path.
    pub(super) fn at(segment: &str) -> Option<Self> {
        [Self::ArgoCd, Self::Flux].into_iter().find(|engine| engine.name() == segment)
    }

    fn name(self) -> &'static str {
        match self {
            Self::ArgoCd => "argocd",
            Self::Flux => "flux",
        }
    }

    /// What is said where it is not configured.
    fn absent(self) -> &'static str {
        match self {
            Self::ArgoCd => "No webhooks of Argo CD are taken here: configure `engines.argocd.tokenFile`.",
            Self::Flux => "No webhooks of Flux are taken here: configure `engines.flux.secretFile`.",
        }
    }

    fn unproven(self) -> Problem {
        let detail = match self {
            Self::ArgoCd => {
                "The token is missing or wrong: give the webhook service the header Authorization with the token that is configured here."
            }
            Self::Flux => {
                "The signature is missing or wrong: give the Provider, of type generic-hmac, the secret that is configured here."
            }
        };
        let problem = Problem::new(&problem::UNAUTHENTICATED, detail);
        match self {
            Self::ArgoCd => problem.header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Self::Flux => problem,
        }
    }

    /// Whether who sends these headers may be the engine, as far as that is known without the body.
    fn may_be_sent_by(self, secret: &Secret, headers: &HeaderMap) -> bool {
        match self {
            Self::ArgoCd => bearer(headers).is_some_and(|token| secret.is(token.as_bytes())),
            Self::Flux => claim(headers, SIGNATURE).len() == LENGTH,
        }
    }

    fn is_sent_by(self, secret: &Secret, headers: &HeaderMap, body: &Bytes) -> bool {
        self.may_be_sent_by(secret, headers)
            && (self == Self::ArgoCd || secret.signed(body, &claim(headers, SIGNATURE)))
    }

    fn read(self, body: &Bytes) -> Result<Option<Report>, Problem> {
        let read = match self {
            Self::ArgoCd => told::argocd(body),
            Self::Flux => told::flux(body),
        };
        read.map_err(|why| Problem::new(&problem::INVALID, format!("{why}.")))
    }
}

/// Takes a webhook of an engine. None of them has an id: each is known by its body.
pub(super) async fn take(shared: &Shared, engine: Engine, request: Request) -> Result<Taken, Problem> {
    let terms = shared.door.terms();
    let secret = match engine {
        Engine::ArgoCd => terms.engines.argocd.clone(),
        Engine::Flux => terms.engines.flux.clone(),
    };
    let Some(secret) = secret else { return Err(Problem::not_found(engine.absent())) };
    let headers = request.headers().clone();
    if !engine.may_be_sent_by(&secret, &headers) {
        body::discard(request).await;
        return Err(engine.unproven());
    }
    let bytes = body::raw(request, &shared.limits, LONGEST).await?;
    let (delivery, report) = understood(&shared.checking, bytes, move |bytes| {
        if !engine.is_sent_by(&secret, &headers, bytes) {
            return Err(engine.unproven());
        }
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        must_be_json(media_type.unwrap_or_default())?;
        Ok((digest(bytes), engine.read(bytes)?))
    })
    .await?;
    let id = format!("{}:{delivery}", engine.name());
    let new = match report {
        Some(report) => shared.desk.report(id, report).await?,
        None => shared.desk.deliver(id).await?,
    };
    tracing::debug!(engine = engine.name(), delivery, new, "a webhook of an engine came in");
    Ok(Taken { delivery, new })
}

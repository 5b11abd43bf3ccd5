//! Probes, counters, and the pages that describe the API.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::api::Shared;
use super::edge;
use super::metrics::Now;
use super::openapi::{openapi, page};

/// `GET /livez`
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: for everybody whether parts work, for callers also why not.
pub(super) async fn ready(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let parts = shared.readiness.parts();
    let known = edge::caller(&shared.door.terms(), &request).is_ok();
    let ready = parts.iter().all(|part| part.fault.is_none());
    let shown: Vec<_> = parts
        .iter()
        .map(|part| match &part.fault {
            Some(reason) if known => json!({"name": part.name, "ready": false, "reason": reason}),
            fault => json!({"name": part.name, "ready": fault.is_none()}),
        })
        .collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"ready": ready, "parts": shown}))).into_response()
}

/// `GET /metrics`
pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let (ledger, parts) = (shared.desk.view(), shared.readiness.parts());
    let (at, left, reloads) = (shared.clock.now(), shared.desk.left(), &shared.reloads);
    let (plugins, sinks) = (shared.desk.plugins(), shared.desk.tallies());
    let now = Now { ledger: &ledger, parts: &parts, plugins: &plugins, sinks: &sinks, at, left, reloads };
    let text = shared.metrics.text(&now);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

/// `GET /openapi.json`
pub(super) async fn document() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_string());
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}

/// `GET /docs`
pub(super) async fn docs() -> Response {
    static PAGE: LazyLock<String> = LazyLock::new(|| page(&openapi()));
    // Nothing is fetched and nothing runs: the page is text.
    const POLICY: (HeaderName, &str) =
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), POLICY], PAGE.as_str()).into_response()
}

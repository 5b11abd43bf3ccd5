//! What every request passes on its way in and out.

use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use super::api::Shared;
use super::connection::Work;
use super::metrics::Template;
use super::problem::{self, Problem};
use super::{origin, routes};

const REQUEST_ID: &str = "x-request-id";

/// Paths that are for everybody: probes cannot log in, and the document is the same everywhere.
const OPEN: [&str; 4] = ["/livez", "/readyz", "/openapi.json", "/docs"];

/// The route that a handler found by itself.
#[derive(Clone, Copy)]
pub(super) struct Routed(pub(super) Template);

/// Admits a request, passes it on, and finishes its answer.
pub(super) async fn pass(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let started = shared.clock.now();
    let id = request_id(request.headers()).map_or_else(|| shared.request_id(), str::to_owned);
    let path = request.uri().path().to_owned();
    let method = name_of(request.method());
    let working = request.extensions().get::<ConnectInfo<Work>>().map(|work| work.0.begin());

    let mut response = match admit(&shared, &mut request) {
        Ok(()) if path == "/livez" => next.run(request).await,
        Ok(()) => match shared.working.try_acquire() {
            Ok(_place) => next.run(request).await,
            Err(_) => Problem::new(&problem::BUSY, "Too many requests are being worked on; send it again.")
                .retry_after(1)
                .render(&path, &id),
        },
        Err(problem) => problem.render(&path, &id),
    };
    drop(working);

    let routed = response.extensions().get::<Routed>().map(|routed| routed.0);
    let route = routed.or_else(|| routes::template(&path)).unwrap_or("none");
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = problem.render(&path, &id);
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let took = u64::try_from(shared.clock.now().0.saturating_sub(started.0)).unwrap_or_default();
    let status = response.status().as_u16();
    shared.metrics.answered(route, method, status, took);
    tracing::debug!(request = id, method, path, status, milliseconds = took, "answered");
    response
}

/// Refuses what may not come in; tells handlers who calls.
fn admit(shared: &Shared, request: &mut Request) -> Result<(), Problem> {
    if OPEN.contains(&request.uri().path()) {
        return Ok(());
    }
    if shared.auth.is_open() {
        origin::check(request.method(), request.uri(), request.headers())?;
    }
    let caller = shared.auth.caller(request.headers())?;
    shared.buckets.take(caller.token.unwrap_or_default(), shared.clock.now()).map_err(|seconds| {
        let detail = format!("You ask too often; ask again in {seconds} seconds.");
        Problem::new(&problem::RATE, detail).retry_after(seconds)
    })?;
    request.extensions_mut().insert(caller);
    Ok(())
}

/// The id that a request brought, if it is one.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let sane = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    headers.get(REQUEST_ID)?.to_str().ok().filter(sane)
}

/// The name of a method for a label; unusual ones are one.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sane_request_ids_are_echoed() {
        for (id, sane) in [("abc-1.2_X", true), ("", false), ("a b", false), ("a\"b", false), (&"x".repeat(65), false)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(id).unwrap());
            assert_eq!(request_id(&headers).is_some(), sane, "{id}");
        }
    }
}

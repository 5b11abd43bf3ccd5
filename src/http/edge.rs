//! What every request passes on its way in and out.

use std::sync::Arc;

use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::api::Shared;
use super::auth::Caller;
use super::connection::Work;
use super::door::Terms;
use super::metrics::Template;
use super::problem::{self, Problem};
use super::{body, conditions, origin, routes};
use crate::intent::secrets;

const REQUEST_ID: &str = "x-request-id";

/// What `log.filter` calls the lines about requests.
const LOG: &str = "meshwright::http";

/// Paths that are for everybody: probes cannot log in, and the document is the same everywhere.
const OPEN: [&str; 6] = ["/livez", "/readyz", "/openapi.json", "/docs", "/docs/", "/"];

/// Paths that are answered however much is being worked on: who looks after a server needs them most when it is busy.
const SPARE: [&str; 3] = ["/livez", "/readyz", "/metrics"];

/// What stands for a path that must not be repeated.
const WITHHELD: &str = "/";

/// The longest path with its query that is looked at, in bytes: a little more than RFC 9110, section 4.1, asks for, and
/// more than the deepest resource needs whose names are the longest.
const LONGEST_TARGET: usize = 8192;

const KEY_IN_PATH: &str = "The path holds a private key, which is never accepted: replace that key, because proxies log \
    paths, create a Secret with the new one in the gateway's namespace of the cluster, and name that by credentialName.";

/// The route that a handler found by itself.
#[derive(Clone, Copy)]
pub(super) struct Routed(pub(super) Template);

/// Admits a request, passes it on, and finishes its answer; tells of it in the log.
pub(super) async fn pass(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let id = request_id(request.headers()).map_or_else(|| shared.request_id(), str::to_owned);
    let unfit = unfit(request.uri());
    let path = if unfit.is_some() { WITHHELD } else { request.uri().path() }.to_owned();
    let (method, route) = (name_of(request.method()), routes::template(&path));
    // On at every level, so that each line that is chosen says of which request it is. A query may hold anything.
    let span = tracing::error_span!(target: LOG, "http", request = id, method, route);
    let asked = Asked { id, path, method };
    serve(&shared, asked, unfit, request, next).instrument(span).await
}

/// What of a request is told to others.
struct Asked {
    id: String,
    /// Without its query.
    path: String,
    method: &'static str,
}

async fn serve(
    shared: &Arc<Shared>,
    Asked { id, path, method }: Asked,
    unfit: Option<Problem>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = shared.clock.now();
    let working = request.extensions().get::<ConnectInfo<Work>>().map(|work| work.0.begin());

    let admitted = unfit.map_or_else(|| admit(shared, &mut request), Err);
    let mut response = match admitted {
        Ok(()) if SPARE.contains(&&*path) => next.run(request).await,
        Ok(()) => match shared.places(&path).take() {
            Ok(place) => {
                request.extensions_mut().insert(place.clone());
                let response = next.run(request).await;
                place.leave();
                response
            }
            Err(busy) => busy.render(&path, &id),
        },
        Err(problem) => {
            body::discard(request).await;
            problem.render(&path, &id)
        }
    };
    drop(working);

    let routed = response.extensions().get::<Routed>().map(|routed| routed.0);
    let route = routed.or_else(|| routes::template(&path)).unwrap_or("none");
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let allow = response.headers_mut().remove(header::ALLOW);
        response = problem.beside(|| shared.desk.troubles()).render(&path, &id);
        response.headers_mut().extend(allow.map(|allow| (header::ALLOW, allow)));
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let took = u64::try_from(shared.clock.now().0.saturating_sub(started.0)).unwrap_or_default();
    let status = response.status().as_u16();
    shared.metrics.answered(route, method, status, took);
    tracing::debug!(target: LOG, path, status, milliseconds = took, "answered");
    response
}

/// Why a request must neither be followed nor its path be repeated. What is too long is not even looked at.
fn unfit(uri: &Uri) -> Option<Problem> {
    if uri.path_and_query().is_some_and(|target| target.as_str().len() > LONGEST_TARGET) {
        let detail = format!("The path and query are longer than {LONGEST_TARGET} bytes; no resource needs as many.");
        return Some(Problem::new(&problem::URI_TOO_LONG, detail));
    }
    holds_key(uri.path()).then(|| Problem::new(&problem::BAD_REQUEST, KEY_IN_PATH))
}

/// Whether a path holds a private key; names around it and slashes in it do not hide it.
fn holds_key(path: &str) -> bool {
    secrets::holds_private_key(&conditions::plain_path(path))
}

/// Refuses what may not come in; tells handlers who calls.
fn admit(shared: &Shared, request: &mut Request) -> Result<(), Problem> {
    // A webhook is signed, which is judged when its body is read.
    if OPEN.contains(&request.uri().path()) || routes::template(request.uri().path()) == Some(routes::WEBHOOKS) {
        return Ok(());
    }
    let terms = shared.door.terms();
    let caller = caller(&terms, request)?;
    shared.door.take(&terms, &caller, shared.clock.now()).map_err(|seconds| {
        let detail = format!("You ask too often; ask again in {seconds} seconds.");
        Problem::new(&problem::RATE, detail).retry_after(seconds)
    })?;
    request.extensions_mut().insert(caller);
    Ok(())
}

/// Who sends a request; nobody may who has no credentials where they are asked for, nor another site's page where not.
pub(super) fn caller(terms: &Terms, request: &Request) -> Result<Caller, Problem> {
    if terms.auth.is_open() {
        origin::check(request.method(), request.uri(), request.headers())?;
    }
    terms.auth.caller(request.headers())
}

/// The id that a request brought, if it is one.
fn request_id(headers: &HeaderMap) -> Option<&str> {
    let sane = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            && !secrets::holds_private_key(id)
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

    #[test]
    fn a_private_key_is_found_wherever_it_stands_in_a_path_and_in_a_request_id() {
        // An Ed25519 key of zeros, PKCS#8: 64 characters of base64, all of which may stand in a request id.
        let key = format!("MC4CAQAwBQYDK2VwBCIEI{}", "A".repeat(43));
        assert!(secrets::holds_private_key(&key));
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_str(&key).unwrap());
        assert_eq!(request_id(&headers), None);
        for path in [
            format!("/{key}"),
            format!("/v2/projects/{key}"),
            format!("/v2/projects/{key}/logical-clouds/x"),
            format!("/v2/projects/%4D{}", &key[1..]),
            format!("/v2/projects/{key}%3D/deployment-intent-groups"),
        ] {
            assert!(holds_key(&path), "{path}");
        }
        let deep = "/v2/projects/shop/composite-apps/boutique/v1/deployment-intent-groups/prod/traffic-group-intents/\
            web/inbound-intents/cart/clients/frontend/access-points/read";
        assert!(!holds_key(deep) && !holds_key("/v2/projects"));
    }
}

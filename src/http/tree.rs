//! The tree of intents over HTTP: one engine for every kind in the table.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tracing::Span;

use super::address::{Address, missing, nowhere};
use super::apart;
use super::api::Shared;
use super::auth::Caller;
use super::body;
use super::conditions;
use super::edge::Routed;
use super::json;
use super::lifecycle;
use super::problem::{self, Fault, Problem, not_allowed};
use super::rights;
use super::submit::{self, submit};
use crate::change::submission::{Idempotency, Operation, Outcome, Precondition};
use crate::change::{Ledger, Submission};
use crate::intent::posted::{Keys, PostedKey};
use crate::intent::{Anchor, Kind, PathError, Resource, Route, Tree};

/// Answers a request for anything in the tree.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let (parts, content) = request.into_parts();
    let path = parts.uri.path().strip_prefix("/v2/").unwrap_or_default();
    let address = match Address::parse(&conditions::normal_path(path)) {
        Ok(address) => address,
        Err(error @ PathError::BadName { .. }) if parts.method == Method::PUT => {
            body::discard(Request::from_parts(parts, content)).await;
            return Problem::new(&problem::INVALID, format!("The path has a name that is none: {error}."))
                .into_response();
        }
        Err(error) => {
            body::discard(Request::from_parts(parts, content)).await;
            return nowhere(&error).into_response();
        }
    };
    let routed = Routed(address.template());
    Span::current().record("route", routed.0);
    let answer = match address {
        Address::Route(Route::Collection(parent, kind)) => {
            collection(&shared, &caller, parent, kind, parts, content).await
        }
        Address::Route(Route::Item(anchor)) => item(&shared, &caller, anchor, parts, content).await,
        Address::Call(anchor, call) => lifecycle::handle(&shared, &caller, anchor, call, &parts).await,
    };
    let mut response = answer.into_response();
    response.extensions_mut().insert(routed);
    response
}

async fn collection(
    shared: &Arc<Shared>,
    caller: &Caller,
    parent: Option<Anchor>,
    kind: Kind,
    parts: Parts,
    content: Body,
) -> Result<Response, Problem> {
    match parts.method {
        Method::GET | Method::HEAD => list(shared, parent.as_ref(), kind, &parts),
        Method::POST => {
            let received = Received::read(shared, caller, parent.as_ref(), kind, parts, content).await?;
            write(shared, caller, received, Operation::Create).await
        }
        _ => Ok(not_allowed("GET, HEAD, POST")),
    }
}

async fn item(
    shared: &Arc<Shared>,
    caller: &Caller,
    anchor: Anchor,
    parts: Parts,
    content: Body,
) -> Result<Response, Problem> {
    match parts.method {
        Method::GET | Method::HEAD => get(shared, &anchor, &parts),
        Method::PUT => {
            let parent = anchor.parent();
            let received = Received::read(shared, caller, parent.as_ref(), anchor.kind(), parts, content).await?;
            if *received.resource.anchor() != anchor {
                return Err(misnamed(&anchor, &received.resource));
            }
            write(shared, caller, received, Operation::Put).await
        }
        Method::DELETE => delete(shared, caller, anchor, &parts).await,
        _ => Ok(not_allowed("GET, HEAD, PUT, DELETE")),
    }
}

/// A write that was read: nothing in it is checked again.
struct Received {
    resource: Resource,
    /// The private key that came with it, to be sealed.
    key: Option<PostedKey>,
    precondition: Precondition,
    idempotency: Option<Idempotency>,
    /// Whether a file came with it, which is gone.
    file: bool,
}

impl Received {
    async fn read(
        shared: &Shared,
        caller: &Caller,
        parent: Option<&Anchor>,
        kind: Kind,
        parts: Parts,
        content: Body,
    ) -> Result<Self, Problem> {
        conditions::parameters(&parts.uri, &[])?;
        // Which project is created is known from the body alone.
        if kind != Kind::Project {
            rights::write(caller, parent.and_then(Anchor::project), kind)?;
        }
        let precondition = conditions::precondition(&parts.headers)?;
        let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
        let request = Request::from_parts(parts, content);
        let body::Sent { json, file } = body::resource(request, &shared.limits, kind.entry().multipart).await?;
        let parent = parent.cloned();
        let understood = apart::understood(&shared.reading, json, move |bytes| {
            let read = Resource::receive(parent.as_ref(), kind, json::read(bytes)?);
            let (resource, key) =
                read.map_err(|found| Problem::invalid(found.into_iter().map(Fault::from).collect()))?;
            Ok((resource, key, conditions::idempotency(&headers, &method, &uri, bytes)?))
        });
        let (resource, key, idempotency) = understood.await?;
        if kind == Kind::Project {
            rights::write(caller, resource.anchor().project(), kind)?;
        }
        Ok(Self { resource, key, precondition, idempotency, file })
    }
}

async fn write(
    shared: &Arc<Shared>,
    caller: &Caller,
    received: Received,
    operation: fn(Resource) -> Operation,
) -> Result<Response, Problem> {
    let Received { resource, key, precondition, idempotency, file } = received;
    let mut submission = one(caller, operation(resource.clone()), precondition, idempotency);
    let is_sealed = key.is_some();
    submission.keys.insert(resource.anchor(), key);
    let receipt = submit(shared, submission).await;
    let mut receipt = receipt.map_err(|problem| with_tag(shared, resource.anchor(), problem))?;
    receipt.warnings.extend(file.then(|| submit::dropped(resource.anchor())));
    let created = matches!(receipt.outcomes.first(), Some((_, Outcome::Created)));
    let view = shared.desk.view();
    let stored = view.proposed.get(resource.anchor()).map(|stored| &**stored);
    // What stands for a key is known only where it was sealed.
    let mut response = match stored.filter(|_| is_sealed) {
        Some(stored) => shown(stored),
        None => shown(&resource.clone().with_state_of(stored)),
    };
    if created {
        *response.status_mut() = StatusCode::CREATED;
        if let Ok(location) = HeaderValue::try_from(format!("/v2/{}", resource.anchor())) {
            response.headers_mut().insert(header::LOCATION, location);
        }
    }
    submit::tell(response.headers_mut(), &receipt);
    Ok(response)
}

async fn delete(shared: &Arc<Shared>, caller: &Caller, anchor: Anchor, parts: &Parts) -> Result<Response, Problem> {
    conditions::parameters(&parts.uri, &[])?;
    rights::write(caller, anchor.project(), anchor.kind())?;
    let precondition = conditions::precondition(&parts.headers)?;
    let idempotency = conditions::idempotency(&parts.headers, &parts.method, &parts.uri, &[])?;
    let receipt = submit(shared, one(caller, Operation::Delete(anchor.clone()), precondition, idempotency)).await;
    let receipt = receipt.map_err(|problem| with_tag(shared, &anchor, problem))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    submit::tell(response.headers_mut(), &receipt);
    Ok(response)
}

/// A precondition that does not hold, with the entity tag that the resource at `anchor` has.
fn with_tag(shared: &Shared, anchor: &Anchor, problem: Problem) -> Problem {
    if problem.kind != &problem::PRECONDITION {
        return problem;
    }
    let tag = shared.desk.view().proposed.get(anchor).and_then(|stored| quoted(&stored.etag()));
    match tag {
        Some((name, value)) => problem.header(name, value),
        None => problem,
    }
}

fn one(
    caller: &Caller,
    operation: Operation,
    precondition: Precondition,
    idempotency: Option<Idempotency>,
) -> Submission {
    Submission {
        operations: vec![operation],
        bundle: false,
        prune: None,
        precondition,
        idempotency,
        by: caller.person.clone(),
        keys: Keys::default(),
    }
}

fn get(shared: &Shared, anchor: &Anchor, parts: &Parts) -> Result<Response, Problem> {
    let view = shared.desk.view();
    let tree = tree(&view, parts)?;
    let resource = tree.get(anchor).ok_or_else(|| missing(&view, tree, anchor))?;
    let tag = resource.etag();
    if conditions::is_known(&parts.headers, &tag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        response.headers_mut().extend(quoted(&tag));
        return Ok(response);
    }
    Ok(shown(resource))
}

fn list(shared: &Shared, parent: Option<&Anchor>, kind: Kind, parts: &Parts) -> Result<Response, Problem> {
    let view = shared.desk.view();
    let tree = tree(&view, parts)?;
    if let Some(parent) = parent.filter(|parent| tree.get(parent).is_none()) {
        return Err(missing(&view, tree, parent));
    }
    let mut text = String::from("[");
    for resource in tree.collection(parent, kind) {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&resource.text());
    }
    text.push(']');
    Ok(json_text(text))
}

/// What is proposed, or with `?view=live` what is on main.
fn tree<'v>(view: &'v Ledger, parts: &Parts) -> Result<&'v Tree, Problem> {
    let parameters = conditions::parameters(&parts.uri, &["view"])?;
    match conditions::value(&parameters, "view") {
        None | Some("proposed") => Ok(&view.proposed),
        Some("live") => Ok(&view.base.tree),
        Some(_) => Err(Problem::new(&problem::UNKNOWN_PARAMETER, "view must be live or proposed.")),
    }
}

fn misnamed(anchor: &Anchor, resource: &Resource) -> Problem {
    let pointer = match anchor.kind() {
        Kind::ClusterLabel => "/clusterLabel",
        Kind::CompositeApp if anchor.name() == resource.anchor().name() => "/spec/compositeAppVersion",
        _ => "/metadata/name",
    };
    let message = format!("says `{}`, the path says `{anchor}`: they must be the same", resource.anchor());
    Problem::invalid(vec![Fault::new(pointer, message)])
}

fn shown(resource: &Resource) -> Response {
    let mut response = json_text(resource.text());
    response.headers_mut().extend(quoted(&resource.etag()));
    response
}

fn quoted(tag: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((header::ETAG, HeaderValue::try_from(format!("\"{tag}\"")).ok()?))
}

fn json_text(text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

//! Changes: what is on its way, and what reviewers say about it.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::Instrument as _;

use super::api::Shared;
use super::auth::Caller;
use super::problem::{self, Problem};
use super::rights::Step;
use super::said::Said;
use super::{apart, body, conditions, rights};
use crate::change::forge::{Review, Verdict};
use crate::change::submission::Cause;
use crate::change::{Ask, Change, ChangeId, Refusal, State as ChangeState, approval, carrying};
use crate::query::{Cursor, Filter, Reached, Summary, changes};
use crate::review::{FileChange, Happening, Plan, unified, words};

/// How many changes a page has unless it is said.
const PAGE: usize = 50;
/// How many changes a page has at most.
const LONGEST_PAGE: usize = 500;

/// `GET /v2/changes`
pub(super) async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let parameters = conditions::parameters(request.uri(), &["state", "project", "limit", "after"])?;
    let value = |name| conditions::value(&parameters, name);
    let wrong = |detail: String| Problem::new(&problem::UNKNOWN_PARAMETER, detail);
    let state = match value("state") {
        None => None,
        Some(word) => Some(ChangeState::parse(word).ok_or_else(|| {
            let known: Vec<_> = ChangeState::ALL.iter().map(|state| state.as_str()).collect();
            wrong(format!("state must be one of {}.", known.join(", ")))
        })?),
    };
    let limit = match value("limit") {
        None => PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=LONGEST_PAGE).contains(limit))
            .ok_or_else(|| wrong(format!("limit must be 1 to {LONGEST_PAGE}.")))?,
    };
    let after = match value("after") {
        None => None,
        Some(text) => Some(Cursor::parse(text).ok_or_else(|| wrong("after must be the `next` of a page.".into()))?),
    };
    let filter = Filter { state, project: value("project").map(str::to_owned) };
    Ok(Json(changes::page(&shared.desk.view(), &filter, after.as_ref(), limit)).into_response())
}

/// How many approvals a change needs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reviews {
    approvals_needed: usize,
    given: Vec<Given>,
}

/// A review that was given.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Given {
    by: String,
    verdict: Verdict,
    /// The commit that the reviewer looked at.
    head: String,
    at: String,
    comment: String,
}

impl From<Review> for Given {
    fn from(review: Review) -> Self {
        let Review { by, verdict, head, at, words } = review;
        Self { by: by.name, verdict, head: head.to_string(), at: at.to_string(), comment: words }
    }
}

/// A change with its plan.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Detailed<'a> {
    #[serde(flatten)]
    change: Summary,
    reviews: Reviews,
    /// The plan in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<&'a Plan>,
    /// How far it has come on clusters, once it is merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    clusters: Option<Vec<Reached>>,
    /// Why there is no plan now.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_missing: Option<Cow<'static, str>>,
}

/// `GET /v2/changes/{id}`
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    conditions::parameters(request.uri(), &[])?;
    let change = find(&shared, &id)?;
    let given = shared.desk.reviews(&change.id).await?.into_iter().map(Given::from).collect();
    let text = shared.plan(move |shared| {
        let proposal = shared.desk.proposal(&change.id);
        let view = shared.desk.view();
        let missing =
            |refusal: &Refusal| Problem::from(refusal.clone()).beside(|| shared.desk.troubles()).into_detail();
        let detailed = Detailed {
            change: Summary::of(&change),
            clusters: Reached::all(&change),
            reviews: Reviews {
                approvals_needed: approval::needed(&change.requesters, view.base.settings.approvals),
                given,
            },
            summary: proposal.as_ref().ok().map(|proposal| words::summary(&proposal.plan)),
            plan: proposal.as_ref().ok().map(|proposal| &proposal.plan),
            plan_missing: proposal.as_ref().err().map(missing),
        };
        serde_json::to_vec(&detailed).map_err(|error| Problem::internal(error.to_string()))
    });
    Ok(json(text.await?))
}

/// One file of a diff.
#[derive(Serialize)]
struct FileDiff<'a> {
    path: &'a str,
    happening: Happening,
    diff: String,
}

impl<'a> FileDiff<'a> {
    fn of(file: &'a FileChange) -> Self {
        Self { path: &file.path, happening: file.happening, diff: unified(file) }
    }
}

/// `GET /v2/changes/{id}/diff`
pub(super) async fn show_diff(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    conditions::parameters(request.uri(), &[])?;
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let by_file = accept.split(',').any(|item| item.split(';').next().unwrap_or_default().trim() == "application/json");
    let change = find(&shared, &id)?;
    let plan = shared.plan(move |shared| {
        let proposal = shared.desk.proposal(&change.id)?;
        if !by_file {
            return Ok(text(diff(&proposal.plan), "text/x-diff; charset=utf-8"));
        }
        let files: Vec<_> = proposal.plan.files.iter().map(FileDiff::of).collect();
        Ok(Json(serde_json::json!({"change": change.id, "files": files})).into_response())
    });
    let mut response = plan.await?;
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}

/// `GET /v2/changes/{id}/access`
pub(super) async fn show_access(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    conditions::parameters(request.uri(), &[])?;
    let change = find(&shared, &id)?;
    let answer = shared.plan(move |shared| {
        let proposal = shared.desk.proposal(&change.id)?;
        Ok(Json(serde_json::json!({"change": change.id, "access": proposal.plan.access})).into_response())
    });
    answer.await
}

/// `POST /v2/changes/{id}/approve` and the other steps.
pub(super) async fn take(
    step: Step,
    shared: Arc<Shared>,
    caller: Caller,
    id: String,
    request: Request,
) -> Result<Response, Problem> {
    conditions::parameters(request.uri(), &[])?;
    let change = find(&shared, &id)?;
    rights::step(&caller, step, &change)?;
    let said = match body::optional(request, &shared.limits).await? {
        None => Said::default(),
        Some(body) => apart::understood(&shared.reading, body, move |body| Said::read(step, body)).await?,
    };
    // A step that was begun goes on when its caller hangs up, with the turn that it has.
    let stepping = take_now(step, shared, caller, change.id.clone(), said).instrument(carrying(&change.id));
    let stepping = tokio::spawn(stepping);
    let change = stepping.await.map_err(|error| Problem::internal(error.to_string()))?;
    Ok(Json(Summary::of(&*change?)).into_response())
}

async fn take_now(
    step: Step,
    shared: Arc<Shared>,
    caller: Caller,
    id: ChangeId,
    Said { words, meant }: Said,
) -> Result<Arc<Change>, Refusal> {
    let may = |change: &Change| {
        let forbidden = |problem: Problem| Refusal::new(Cause::Forbidden, change.id.as_str(), problem.detail);
        rights::step(&caller, step, change).map_err(forbidden)
    };
    let ask = Ask { by: caller.person.clone(), words, meant, may: &may };
    match step {
        Step::Approve => shared.desk.review(&id, Verdict::Approve, ask).await,
        Step::RequestChanges => shared.desk.review(&id, Verdict::RequestChanges, ask).await,
        Step::Merge => shared.desk.merge(&id, ask).await,
        Step::Withdraw => shared.desk.withdraw(&id, false, ask).await,
        Step::Reject => shared.desk.withdraw(&id, true, ask).await,
    }
}

fn find(shared: &Shared, id: &str) -> Result<Arc<Change>, Problem> {
    let missing = || Problem::not_found("There is no such change; GET /v2/changes lists those there are.");
    let id = ChangeId::parse(id).ok_or_else(missing)?;
    Ok(shared.desk.change(&id)?)
}

/// The unified diff of all files of a plan.
pub(super) fn diff(plan: &Plan) -> String {
    plan.files.iter().map(unified).collect()
}

/// An answer that is JSON text already.
pub(super) fn json(bytes: Vec<u8>) -> Response {
    text(bytes, "application/json")
}

fn text(body: impl Into<Body>, kind: &'static str) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

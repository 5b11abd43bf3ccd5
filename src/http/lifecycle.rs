//! Calls of a resource as a whole: is it complete, shall it be there, how far is it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::address::{Call, missing};
use super::api::Shared;
use super::auth::Caller;
use super::conditions;
use super::problem::{Problem, not_allowed};
use super::rights;
use super::submit::{Accepted, name_change, submit};
use crate::change::submission::{Operation, Outcome, Precondition};
use crate::change::{Receipt, Submission};
use crate::intent::posted::Keys;
use crate::intent::{Anchor, Kind};
use crate::query;

/// Parameters that older clients of the status send; they choose among forms that are not told apart here.
const STATUS_PARAMETERS: [&str; 3] = ["type", "output", "instance"];

/// Answers a call of the resource at `anchor`.
pub(super) async fn handle(
    shared: &Arc<Shared>,
    caller: &Caller,
    anchor: Anchor,
    call: Call,
    parts: &Parts,
) -> Result<Response, Problem> {
    match (call, &parts.method) {
        (Call::Status, &Method::GET | &Method::HEAD) => status(shared, anchor, parts).await,
        (Call::Status, _) => Ok(not_allowed("GET, HEAD")),
        (_, &Method::POST) => ask(shared, caller, anchor, call, parts).await,
        _ => Ok(not_allowed("POST")),
    }
}

async fn ask(
    shared: &Arc<Shared>,
    caller: &Caller,
    anchor: Anchor,
    call: Call,
    parts: &Parts,
) -> Result<Response, Problem> {
    conditions::parameters(&parts.uri, &[])?;
    rights::lifecycle(caller, &anchor)?;
    let operation = match (anchor.kind(), call) {
        (Kind::DeploymentIntentGroup, Call::Approve) => Operation::Approve(anchor),
        (Kind::DeploymentIntentGroup, Call::Instantiate) => Operation::Instantiate(anchor),
        (Kind::DeploymentIntentGroup, Call::Terminate) => Operation::Terminate(anchor),
        _ => return nothing_to_do(shared, anchor),
    };
    let idempotency = conditions::idempotency(&parts.headers, &parts.method, &parts.uri, &[])?;
    let submission = Submission {
        operations: vec![operation],
        bundle: false,
        prune: None,
        precondition: Precondition::None,
        idempotency,
        by: caller.person.clone(),
        keys: Keys::default(),
    };
    Ok(accepted(&submit(shared, submission).await?))
}

/// A logical cloud needs nothing done to be there; it only has to exist.
fn nothing_to_do(shared: &Shared, anchor: Anchor) -> Result<Response, Problem> {
    let view = shared.desk.view();
    if view.proposed.get(&anchor).is_none() {
        return Err(missing(&view, &view.proposed, &anchor));
    }
    Ok(accepted(&Receipt { change: None, outcomes: vec![(anchor, Outcome::Accepted)], warnings: vec![] }))
}

fn accepted(receipt: &Receipt) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(Accepted::of(receipt))).into_response();
    name_change(response.headers_mut(), receipt.change.as_ref());
    response
}

async fn status(shared: &Arc<Shared>, anchor: Anchor, parts: &Parts) -> Result<Response, Problem> {
    conditions::parameters(&parts.uri, &STATUS_PARAMETERS)?;
    let view = shared.desk.view();
    if view.proposed.get(&anchor).is_none() && view.base.tree.get(&anchor).is_none() {
        return Err(missing(&view, &view.proposed, &anchor));
    }
    let status = shared.plan(move |shared| {
        let pending = query::status::pending(&view, &anchor);
        // A plan that cannot be made now leaves the resources out; the change says why.
        let proposal = |id: &_| shared.desk.proposal(id).ok();
        let proposals: Vec<_> =
            pending.iter().filter_map(|change| Some((change.id.clone(), proposal(&change.id)?))).collect();
        let plans: BTreeMap<_, _> = proposals.iter().map(|(id, proposal)| (id.clone(), &**proposal)).collect();
        Ok(query::status(&view, &anchor, &plans, shared.desk.deployed(&anchor)))
    });
    Ok(Json(status.await?).into_response())
}

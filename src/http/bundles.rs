//! Bundles: many documents at once, to be written or only to be planned.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;

use super::api::Shared;
use super::auth::Caller;
use super::problem::{self, Fault, Problem};
use super::submit::{self, Accepted};
use super::{body, changes, conditions, rights};
use crate::change::submission::{Outcome, Refusal};
use crate::change::{Person, Submission};
use crate::intent::bundle::Rejected;
use crate::intent::{Anchor, Bundle};
use crate::review::Plan;

/// Where the operations of a submission stood in the bundle.
struct Places(Vec<(usize, u32, Anchor)>);

impl Places {
    fn refused(&self, refusal: Refusal) -> Problem {
        Problem::refused(refusal, |operation, fault| match self.0.get(operation) {
            Some((index, line, anchor)) => {
                let subject = fault.subject.filter(|subject| subject != anchor.as_str());
                let (pointer, message) = match &subject {
                    // The field is one of something else, which needs what the document says.
                    Some(other) if !fault.pointer.is_empty() => {
                        (String::new(), format!("{other}#{}: {}", fault.pointer, fault.message))
                    }
                    _ => (fault.pointer, fault.message),
                };
                let pointer = format!("/{index}{pointer}");
                Fault { pointer, message, document: Some(anchor.to_string()), line: Some(*line), subject }
            }
            None => fault,
        })
    }
}

/// `POST /v2/bundles`
pub(super) async fn apply(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let prune = prune(&request)?;
    let (method, uri, headers) = (request.method().clone(), request.uri().clone(), request.headers().clone());
    let text = body::bundle(request, &shared.limits).await?;
    let by = caller.person.clone();
    let understood = shared.plan(move |_| {
        let idempotency = conditions::idempotency(&headers, &method, &uri, &text)?;
        let (submission, places) = read(&text, prune, by)?;
        Ok((Submission { idempotency, ..submission }, places))
    });
    let (submission, places) = understood.await?;
    let written = places.0.iter().map(|(index, _, anchor)| (*index, anchor));
    rights::bundle(&caller, written.chain(submission.prune.iter().map(|base| (0, base))))?;
    let receipt = shared.desk.submit(submission).await.map_err(|refusal| places.refused(refusal))?;
    submit::count(&shared, &receipt);
    let unchanged = receipt.outcomes.iter().all(|(_, outcome)| *outcome == Outcome::Unchanged);
    let status = if unchanged { StatusCode::OK } else { StatusCode::ACCEPTED };
    let mut response = (status, Json(Accepted::of(&receipt))).into_response();
    submit::name_change(response.headers_mut(), receipt.change.as_ref());
    Ok(response)
}

/// A plan with the text of its files.
#[derive(Serialize)]
struct Planned<'a> {
    #[serde(flatten)]
    plan: &'a Plan,
    diff: String,
}

/// `POST /v2/plan`
pub(super) async fn plan(
    State(shared): State<Arc<Shared>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Problem> {
    let prune = prune(&request)?;
    let text = body::bundle(request, &shared.limits).await?;
    rights::plan(&caller)?;
    let planned = |text: Bytes, by: Person| {
        shared.plan(move |shared| {
            let (submission, places) = read(&text, prune, by)?;
            let proposal = shared.desk.plan(&submission).map_err(|refusal| places.refused(refusal))?;
            tracing::debug!(files = proposal.plan.files.len(), "planned");
            let planned = Planned { plan: &proposal.plan, diff: changes::diff(&proposal.plan) };
            let body = serde_json::to_vec(&planned).map_err(|error| Problem::internal(error.to_string()))?;
            Ok((body, proposal.unanswered.clone()))
        })
    };
    let (mut body, unanswered) = planned(text.clone(), caller.person.clone()).await?;
    if !unanswered.is_empty() {
        // Nobody else's plan waits for that.
        shared.desk.settle(&unanswered).await;
        body = planned(text, caller.person).await?.0;
    }
    Ok(changes::json(body))
}

fn prune(request: &Request) -> Result<bool, Problem> {
    let parameters = conditions::parameters(request.uri(), &["prune"])?;
    match conditions::value(&parameters, "prune") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Problem::new(&problem::UNKNOWN_PARAMETER, "prune must be true or false.")),
    }
}

/// Reads a bundle; what it declares is put.
fn read(text: &Bytes, prune: bool, by: Person) -> Result<(Submission, Places), Problem> {
    let text = std::str::from_utf8(text).map_err(|_| Problem::new(&problem::NOT_TEXT, "A bundle is YAML in UTF-8."))?;
    let (bundle, keys) = Bundle::receive(text).map_err(rejected)?;
    let places = bundle.documents.iter().map(|it| (it.index, it.line, it.resource.anchor().clone())).collect();
    let submission = Submission::of_bundle(bundle, prune, by)
        .map_err(|message| Problem::invalid(vec![Fault::new("/0/base", message)]))?;
    if submission.operations.is_empty() && submission.prune.is_none() {
        return Err(Problem::new(&problem::EMPTY_BODY, "The bundle has no documents."));
    }
    Ok((Submission { keys, ..submission }, Places(places)))
}

fn rejected(mut rejected: Vec<Rejected>) -> Problem {
    rejected.sort_by_key(|document| document.index);
    let faults = rejected.into_iter().flat_map(|Rejected { index, line, column, stops, anchor, violations }| {
        let at = if stops { format!("line {line}, column {column}: ") } else { String::new() };
        violations.into_iter().map(move |violation| Fault {
            document: (!anchor.is_empty()).then(|| anchor.clone()),
            line: Some(line),
            ..Fault::new(format!("/{index}{}", violation.pointer), format!("{at}{}", violation.message))
        })
    });
    Problem::invalid(faults.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::submission::{Cause, Obstacle, Operation};

    const BUNDLE: &str = "base: projects/shop\n---\nanchor: logical-clouds\nmetadata: {name: lc}\n";

    fn read_text(text: &'static str, prune: bool) -> Result<(Submission, Places), Problem> {
        read(&Bytes::from_static(text.as_bytes()), prune, Person::local())
    }

    #[test]
    fn a_bundle_puts_what_it_declares_and_prunes_below_its_base_only() {
        let (submission, _) = read_text(BUNDLE, true).unwrap();
        assert!(matches!(&submission.operations[..], [Operation::Put(put)] if put.anchor().name() == "lc"));
        assert_eq!(submission.prune.unwrap().as_str(), "projects/shop");
        let problem = read_text("anchor: projects\nmetadata: {name: shop}\n", true).map(|_| ()).unwrap_err();
        assert_eq!(problem.errors[0].pointer, "/0/base");
        assert_eq!(read_text("# nothing\n", false).map(|_| ()).unwrap_err().kind, &problem::EMPTY_BODY);
    }

    #[test]
    fn every_fault_names_its_document() {
        let text = "anchor: projects\nmetadata: {name: -x}\n---\nanchor: projects\nmetadata: {name: a}\nspec: {b: 1}\n";
        let problem = read_text(text, false).map(|_| ()).unwrap_err();
        let faults: Vec<_> = problem.errors.iter().map(|fault| (fault.pointer.as_str(), fault.line)).collect();
        assert_eq!(faults, [("/0/metadata/name", Some(2)), ("/1/spec/b", Some(6))]);
        assert!(
            problem.errors.iter().all(|fault| fault.document.as_deref() == Some("projects")),
            "{:?}",
            problem.errors
        );
    }

    #[test]
    fn an_obstacle_is_placed_where_its_operation_stood() {
        let (_, places) = read_text(BUNDLE, false).unwrap();
        let obstacle = Obstacle {
            operation: 0,
            subject: "projects/shop/logical-clouds/lc".into(),
            pointer: "/spec/namespace".into(),
            message: "is taken".into(),
        };
        let other = Obstacle { subject: "projects/shop/other".into(), ..obstacle.clone() };
        let problem = places.refused(Refusal { cause: Cause::Conflict, obstacles: vec![obstacle, other] });
        let fault = &problem.errors[1];
        let said = (fault.pointer.as_str(), fault.message.as_str(), fault.subject.as_deref());
        assert_eq!(said, ("/1", "projects/shop/other#/spec/namespace: is taken", Some("projects/shop/other")));
        let fault = &problem.errors[0];
        assert_eq!((fault.pointer.as_str(), fault.line, &fault.subject), ("/1/spec/namespace", Some(2), &None));
        assert_eq!(fault.document.as_deref(), Some("projects/shop/logical-clouds/lc"));
    }
}

//! Handing writes to the desk, and saying what became of them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;

use super::api::Shared;
use super::problem::{Fault, Problem};
use crate::change::submission::Outcome;
use crate::change::{ChangeId, Receipt, Submission};
use crate::finding::{Finding, Place};
use crate::intent::Anchor;

/// The most characters of a warning in a header.
const LONGEST_WARNING: usize = 1000;

static CHANGE: HeaderName = HeaderName::from_static("meshwright-change");

/// Hands a submission of one operation to the desk.
pub(super) async fn submit(shared: &Shared, submission: Submission) -> Result<Receipt, Problem> {
    let own = submission.operations.first().map(|operation| operation.anchor().clone());
    let place = |_: usize, fault: Fault| {
        let other = fault.subject.filter(|subject| own.as_ref().is_none_or(|own| own.as_str() != subject));
        Fault { subject: other, ..fault }
    };
    let receipt = shared.desk.submit(submission).await.map_err(|refusal| Problem::refused(refusal, place))?;
    count(shared, &receipt);
    Ok(receipt)
}

/// Counts what was written, and says in the log which change it became part of.
pub(super) fn count(shared: &Shared, receipt: &Receipt) {
    tracing::debug!(change = receipt.change.as_ref().map(ChangeId::as_str), "accepted");
    shared.metrics.accepted(receipt.outcomes.iter().filter(|(_, outcome)| *outcome != Outcome::Unchanged).count());
}

/// Says which change a write belongs to.
pub(super) fn name_change(headers: &mut HeaderMap, change: Option<&ChangeId>) {
    let Some(change) = change else { return };
    let link = format!("</v2/changes/{change}>; rel=\"change\"");
    if let (Ok(change), Ok(link)) = (HeaderValue::from_str(change.as_str()), HeaderValue::try_from(link)) {
        headers.insert(CHANGE.clone(), change);
        headers.append(header::LINK, link);
    }
}

/// Says what a single write came to beside its body: its change, and what the caller should know.
pub(super) fn tell(headers: &mut HeaderMap, receipt: &Receipt) {
    name_change(headers, receipt.change.as_ref());
    for warning in &receipt.warnings {
        headers.extend(warning_value(warning).map(|value| (header::WARNING, value)));
    }
}

/// A finding as a `Warning` (RFC 7234, section 5.5, 299: miscellaneous), as the Kubernetes API answers them.
fn warning_value(warning: &Finding) -> Option<HeaderValue> {
    let plain = |c: char| match c {
        '"' | '\\' => '\'',
        ' '..='~' => c,
        _ => '?',
    };
    let text: String =
        format!("{}; {}", warning.message, warning.remedy).chars().take(LONGEST_WARNING).map(plain).collect();
    HeaderValue::try_from(format!("299 meshwright \"{text}\"")).ok()
}

/// What the caller of a write should know if a file came with it, such as a kubeconfig or a chart.
pub(super) fn dropped(anchor: &Anchor) -> Finding {
    Finding::warning("http/file", Place::at(anchor.as_str()), "the file was read and dropped", "it is never stored")
}

/// What was accepted, as it is answered.
#[derive(Serialize)]
pub(super) struct Accepted<'a> {
    change: Option<&'a ChangeId>,
    documents: Vec<Document<'a>>,
    warnings: &'a [Finding],
}

#[derive(Serialize)]
struct Document<'a> {
    anchor: &'a Anchor,
    outcome: Outcome,
}

impl<'a> Accepted<'a> {
    pub(super) fn of(receipt: &'a Receipt) -> Self {
        let documents = receipt.outcomes.iter().map(|(anchor, outcome)| Document { anchor, outcome: *outcome });
        Self { change: receipt.change.as_ref(), documents: documents.collect(), warnings: &receipt.warnings }
    }
}

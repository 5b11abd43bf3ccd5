//! Judging a bundle or an approval with its topology, on the proposed view: what is missing there is refused.

use std::collections::BTreeSet;

use super::admit::{Admitted, admit};
use super::ledger::Ledger;
use super::submission::{Cause, Obstacle, Refusal, Submission};
use crate::finding::{Finding, Severity};
use crate::intent::{Anchor, Tree};
use crate::render::{self, Outside, Scope};

/// Admits a submission; a bundle, or a set that is said to be complete, only with its topology.
///
/// # Errors
/// Why the submission is not admitted, or everything that is missing.
pub(super) fn judge(view: &Ledger, submission: &Submission) -> Result<Admitted, Refusal> {
    let admitted = admit(view, submission)?;
    if !submission.is_complete() {
        return Ok(admitted);
    }
    let written = admitted.writes.iter().map(|(anchor, _)| anchor);
    let written = written.chain(submission.completed()).cloned().collect::<Vec<_>>();
    let missing = missing(view, &admitted.proposed, &written);
    if missing.is_empty() {
        return Ok(admitted);
    }
    let obstacle = |finding: Finding| Obstacle {
        operation: submission.operations.iter().position(|o| o.anchor().as_str() == finding.place.path).unwrap_or(0),
        subject: finding.place.path,
        pointer: finding.place.pointer,
        message: format!("{}; {}", finding.message, finding.remedy),
    };
    Err(Refusal { cause: Cause::Incomplete, obstacles: missing.into_iter().map(obstacle).collect() })
}

fn missing(view: &Ledger, proposed: &Tree, written: &[Anchor]) -> BTreeSet<Finding> {
    let scope = Scope::concerned(&view.proposed, proposed, written);
    let rendered = render::render(proposed, &view.base.settings, &scope, Outside::None);
    rendered.findings.into_iter().filter(|f| f.severity == Severity::Error && f.rule.starts_with("topology/")).collect()
}

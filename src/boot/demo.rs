//! A sample mesh to try things with.

use crate::change::submission::Operation;
use crate::change::{Desk, Person, Refusal, Submission};
use crate::intent::Bundle;

/// The sample mesh: Online Boutique over two clusters.
pub const DEMO_BUNDLE: &str = include_str!("../../fixtures/online-boutique/bundle.yaml");

/// What to try next.
pub const DEMO_STEPS: [&str; 3] = ["meshwright change show", "meshwright change approve", "meshwright change merge"];

/// Posts the sample mesh; posting it again changes nothing.
///
/// # Errors
/// Why it was refused.
pub(super) async fn load(desk: &Desk) -> Result<(), Refusal> {
    let Ok(bundle) = Bundle::read(DEMO_BUNDLE) else { return Ok(()) };
    let operations = bundle.documents.into_iter().map(|document| Operation::Put(document.resource)).collect();
    let submission = Submission {
        operations,
        bundle: true,
        prune: None,
        precondition: crate::change::submission::Precondition::None,
        idempotency: None,
        by: Person::local(),
    };
    desk.submit(submission).await.map(drop)
}

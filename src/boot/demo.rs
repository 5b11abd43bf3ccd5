//! A sample mesh to try things with.

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
    let Ok(submission) = Submission::of_bundle(bundle, false, Person::local()) else { return Ok(()) };
    desk.submit(submission).await.map(drop)
}

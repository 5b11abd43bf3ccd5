//! A sample mesh to try things with.

use crate::change::{Desk, Person, Refusal, Submission};
use crate::intent::{Bundle, Kind};

/// The sample mesh: Online Boutique over two clusters.
pub const DEMO_BUNDLE: &str = include_str!("../../fixtures/online-boutique/bundle.yaml");

/// Posts the sample mesh, unless its project is there: what became of it since stays as it is.
///
/// # Errors
/// Why it was refused.
pub(super) async fn load(desk: &Desk) -> Result<(), Refusal> {
    let Ok(bundle) = Bundle::read(DEMO_BUNDLE) else { return Ok(()) };
    let view = desk.view();
    let mut anchors = bundle.documents.iter().map(|posted| posted.resource.anchor());
    if anchors.any(|anchor| anchor.kind() == Kind::Project && view.proposed.get(anchor).is_some()) {
        return Ok(());
    }
    let Ok(submission) = Submission::of_bundle(bundle, false, Person::local()) else { return Ok(()) };
    desk.submit(submission).await.map(drop)
}

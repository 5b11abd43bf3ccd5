//! Who renders: components that are asked, one after the other, for the manifests of what was resolved.

use super::asked::Asked;
use super::output::Output;

/// A component that is asked for manifests.
///
/// It is a function of what it is asked: asked the same, it answers the same, in whatever order the intents were posted. A
/// file is of one plugin: no other may write it.
pub(super) trait Plugin: Sync {
    /// What it is called in findings.
    fn name(&self) -> &'static str;

    /// The files of what is asked about, and what there is to say; errors block.
    fn render(&self, asked: &Asked<'_>) -> Output;
}

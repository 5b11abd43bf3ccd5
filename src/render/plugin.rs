//! Who renders: components that are asked, one after the other, for the manifests of what was resolved.

use std::borrow::Cow;

use super::asked::Asked;
use super::output::Output;

/// A component that is asked for manifests: one that is built in, or the answers of one outside.
///
/// It is a function of what it is asked: asked the same, it answers the same, in whatever order the intents were posted. A
/// file is of one plugin: no other may write it. It does not wait: what an outside plugin has not answered yet is told as a
/// question, and asked by whoever renders.
pub(super) trait Plugin: Sync {
    /// What it is called in findings.
    fn name(&self) -> Cow<'static, str>;

    /// The files of what is asked about, and what there is to say; errors block.
    fn render(&self, asked: &Asked<'_>) -> Output;
}

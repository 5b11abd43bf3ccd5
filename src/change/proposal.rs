//! What a set of writes does to the config repository: the plan and the edits that carry it out.

use crate::repo::Edits;
use crate::review::Plan;

/// A plan with the edits that carry it out.
#[derive(Debug)]
pub struct Proposal {
    /// The plan, for people.
    pub plan: Plan,
    /// The changed files.
    pub edits: Edits,
}

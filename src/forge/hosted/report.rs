//! Our report on a commit, in the few words of a commit status.

use crate::change::forge::Report;

/// The name of our check.
pub(in crate::forge) const OUR_CHECK: &str = "meshwright/plan";

/// The most characters of the description of a commit status (GitHub REST API, "Commit statuses").
const LONGEST: usize = 140;

/// The one line that a commit status has.
pub(in crate::forge) fn description(report: &Report) -> String {
    report.title.chars().take(LONGEST).collect()
}

//! A plan, printed.

use super::output::{self, Output};
use super::{Outcome, Verdict};
use crate::review::{self, Plan};

/// Prints a plan in words with its diff. A plan that is blocked is a finding.
pub(super) fn plan(plan: &Plan, diff: bool, output: Output) -> Outcome {
    match output {
        Output::Json => {
            output::json(plan)?;
        }
        Output::Text => {
            output::print(&review::words::summary(plan))?;
            if diff {
                for file in &plan.files {
                    output::print("\n")?;
                    output::print_diff(file)?;
                }
            }
        }
    }
    Ok(if plan.is_blocked() { Verdict::Findings } else { Verdict::Ok })
}

//! `meshwright plan`.

use std::path::PathBuf;

use super::output::Output;
use super::{Failure, Outcome, bundle, report};
use crate::change::ledger::ChangeTree;
use crate::change::{Base, Proposal};
use crate::finding::{Finding, Place};
use crate::intent::rules;

/// Show what applying bundles would change in a config repository checkout
///
/// Exit code 1 when the plan is blocked.
#[derive(clap::Args)]
pub(super) struct Plan {
    /// A bundle; `-` for standard input; may be given several times
    #[arg(short, long = "file", value_name = "BUNDLE", required = true)]
    file: Vec<PathBuf>,
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Leave the diff out
    #[arg(long)]
    no_diff: bool,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

impl Plan {
    pub(super) fn run(self) -> Outcome {
        let files = bundle::checkout(&self.repo)?;
        let base = Base::read(&files).map_err(Failure::failed)?;
        let mut tree = base.tree.clone();
        let mut changed = vec![];
        let mut wrong: Vec<Finding> = vec![];
        for resource in bundle::resources(&self.file)? {
            if let Some(parent) = resource.anchor().parent().filter(|parent| tree.get(parent).is_none()) {
                return Err(Failure::Failed(format!(
                    "{} lives under {parent}, which does not exist",
                    resource.anchor()
                )));
            }
            if tree.get(resource.anchor()).is_none_or(|there| there.body() != resource.body()) {
                changed.push(resource.anchor().clone());
                tree.put(resource);
            }
        }
        for anchor in &changed {
            for violation in rules::violations(&tree, anchor) {
                // A server and its client break one rule together, which is one thing to mend.
                if wrong.iter().all(|known| known.message != violation.message) {
                    let place = Place::pointing(anchor.as_str(), violation.pointer);
                    wrong.push(Finding::error("intent/rule", place, violation.message, "mend the intent"));
                }
            }
        }
        if !wrong.is_empty() {
            return Err(Failure::Found(wrong));
        }
        let change = ChangeTree { tree, changed, findings: vec![] };
        let proposal = Proposal::make(&base, &files, &change).map_err(Failure::failed)?;
        report::plan(&proposal.plan, !self.no_diff, self.output)
    }
}

//! `meshwright plan`.

use std::path::PathBuf;
use std::sync::Arc;

use super::output::{self, Output};
use super::plugins::Reach;
use super::{Failure, Outcome, bundle, report};
use crate::change::stuck::Stuck;
use crate::change::submission::{Cause, Obstacle, Refusal};
use crate::change::{Base, Person, Proposal, Submission};
use crate::finding::{Finding, Place};
use crate::render::Answers;

/// Show what applying bundles would change in a config repository checkout
///
/// The bundles are taken one after the other, as `apply` posts them. Exit code 1 when the plan is blocked, or a bundle
/// would be refused.
#[derive(clap::Args)]
pub(super) struct Plan {
    /// A bundle; `-` for standard input, a folder for all its *.yaml by name; may be given several times
    #[arg(short, long = "file", value_name = "BUNDLE", required = true)]
    file: Vec<PathBuf>,
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// Remove what stands under a bundle's base and is not in it
    #[arg(long)]
    prune: bool,
    #[command(flatten)]
    plugins: Reach,
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
        let base = Arc::new(Base::read(&files).map_err(Failure::failed)?);
        let paths = bundle::files(&self.file, self.prune)?;
        let bundles = paths.iter().map(|path| {
            let (bundle, keys) = bundle::receive(path)?;
            let submission = Submission::of_bundle(bundle, self.prune, Person::local());
            let submission = submission.map_err(|why| Failure::Failed(format!("{}: {why}", output::path(path))))?;
            Ok(Submission { keys, ..submission })
        });
        let bundles: Vec<_> = bundles.collect::<Result<_, _>>()?;
        let propose = |answers: &Answers| {
            Proposal::of_bundles(&base, &files, &bundles, answers).map_err(|stuck| match stuck {
                Stuck::Journal(refusal) => refused(refusal),
                stuck => Failure::failed(stuck),
            })
        };
        let mut proposal = propose(&Answers::default())?;
        if let Some(way) = self.plugins.way(&base.tree, &base.settings)? {
            let answered = way.ask(&proposal.unanswered);
            proposal = propose(&answered.answers)?;
            proposal.explain(&answered.faults);
        }
        report::plan(&proposal.plan, !self.no_diff, self.output)
    }
}

/// Why a server would refuse a bundle.
fn refused(refusal: Refusal) -> Failure {
    let (rule, remedy) = match refusal.cause {
        Cause::Conflict => ("intent/conflict", "mend the intent"),
        Cause::NotFound => ("intent/parent", "put it into the bundle, or apply the bundle that holds it first"),
        Cause::Unreadable => ("intent/file", "mend the file"),
        _ => ("intent/rule", "mend the intent"),
    };
    let finding = |it: Obstacle| Finding::error(rule, Place::pointing(it.subject, it.pointer), it.message, remedy);
    Failure::Found(refusal.obstacles.into_iter().map(finding).collect())
}

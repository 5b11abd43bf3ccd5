//! `meshwright access matrix`.

use std::path::PathBuf;

use super::super::output::Output;
use super::super::{Failure, Outcome, Verdict, bundle, output};
use super::of_checkout;

/// Say who may call each service of a config repository
///
/// For each workload that an inbound intent is about: who is let in and what for, by the policies that the intents render to
/// and those that people wrote beside them, as far as the repository shows.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Matrix {
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// How to print the matrix
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  meshwright access matrix                            of this checkout
  meshwright access matrix --repo ../config -o json   for scripts";

impl Matrix {
    pub(super) fn run(self) -> Outcome {
        let files = bundle::checkout(&self.repo)?;
        let rows = of_checkout(&files, |model| model.matrix())?;
        if self.output == Output::Json {
            return output::json(&rows);
        }
        for row in rows {
            let text = row.to_string();
            let lines: Vec<String> = text.lines().map(output::line).collect();
            output::print(&format!("{}\n", lines.join("\n")))?;
        }
        Ok::<_, Failure>(Verdict::Ok)
    }
}

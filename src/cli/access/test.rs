//! `meshwright access test`.

use std::path::PathBuf;

use super::super::output::Output;
use super::super::{Failure, Outcome, Verdict, bundle, output};
use super::{Manifests, expected, of_checkout, requests};
use crate::access::{Expectation, Tally};
use crate::review::words::many;

/// Check that calls are decided as files of expectations say
///
/// Without --manifests the policies are those that the intents of a config repository render to, and those that people wrote
/// beside them; without FILE the expectations are those in its folder access-tests. `meshwright check` checks these too.
/// Exit code 1 when one does not hold.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Test {
    /// Files of expectations; `-` for standard input, a folder for all *.yaml and *.yml below it
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A checkout of the config repository
    #[arg(long, value_name = "DIR", default_value = ".", conflicts_with = "manifests")]
    repo: PathBuf,
    #[command(flatten)]
    manifests: Manifests,
    /// How to print what was found
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
}

const EXAMPLES: &str = "Examples:
  meshwright access test                                   access-tests/ of this checkout
  meshwright access test mine.yaml --repo ../config        other expectations of a checkout
  meshwright access test mine.yaml --manifests policies/   expectations of workloads

A file of expectations:
  tests:
  - {from: shop/frontend, to: shop/cart, method: GET, path: /cart, expect: allow}
  - {workload: {namespace: shop, labels: {app: cart}, port: 7070}, expect: deny}";

impl Test {
    pub(super) fn run(self) -> Outcome {
        let tally = if self.manifests.files.is_empty() { self.of_repository()? } else { self.of_manifests()? };
        match self.output {
            Output::Json => drop(output::json(&tally)?),
            Output::Text => {
                tally.findings.iter().try_for_each(output::print_finding)?;
                let decided = many(tally.calls, "call");
                output::print(&format!("{decided} decided, {}\n", many(tally.findings.len(), "finding")))?;
            }
        }
        Ok(if tally.findings.is_empty() { Verdict::Ok } else { Verdict::Findings })
    }

    /// The expectations in the files that are named.
    fn named(&self) -> Result<Vec<Expectation>, Failure> {
        let texts = requests::texts(&self.files)?;
        expected::read(texts.iter().map(|(path, text)| (path.as_str(), text.as_str()))).map_err(Failure::Found)
    }

    fn of_manifests(&self) -> Result<Tally, Failure> {
        if self.files.is_empty() {
            return Err(Failure::Usage(
                "name the files of expectations that the manifests are held against".to_owned(),
            ));
        }
        if self.manifests.takes_stdin() && self.files.iter().any(|path| path.as_os_str() == "-") {
            return Err(Failure::Usage("-: standard input holds the manifests".to_owned()));
        }
        let (expectations, given) = (self.named()?, self.manifests.read()?);
        let mut tally = given.hold(&expectations);
        tally.findings.extend(given.warnings);
        Ok(tally)
    }

    fn of_repository(&self) -> Result<Tally, Failure> {
        let files = bundle::checkout(&self.repo)?;
        let expectations = match self.files.is_empty() {
            true => expected::beside(&files)?.map_err(Failure::Found)?,
            false => self.named()?,
        };
        if expectations.is_empty() {
            let why = "there is no access-tests/*.yaml in this repository; name files of expectations";
            return Err(Failure::Failed(format!("{}: {why}", output::path(&self.repo))));
        }
        of_checkout(&files, |model| model.hold(&expectations))
    }
}

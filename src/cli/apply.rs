//! `meshwright apply`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::client::Client;
use super::follow::{Wait, follow};
use super::output::{self, Output};
use super::{Outcome, Verdict, answer, bundle};
use crate::change::State;
use crate::config::Millis;

/// Post bundles to a server and wait for their change
///
/// Each bundle is accepted as a whole or not at all. When the change is ready, it says who gains and loses access. Exit code 1 when one is refused, or its change is blocked or ends
/// without being merged.
#[derive(clap::Args)]
pub(super) struct Apply {
    /// A bundle; `-` for standard input, a folder for all its *.yaml by name; may be given several times
    #[arg(short, long = "file", value_name = "BUNDLE", required = true)]
    file: Vec<PathBuf>,
    /// Remove what stands under the bundle's base and is not in it
    #[arg(long)]
    prune: bool,
    /// What to wait for
    #[arg(long, value_enum, default_value_t)]
    wait: Wait,
    /// How long to wait, such as 90s or 10m
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = Millis::parse)]
    timeout: Millis,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    client: Client,
}

impl Apply {
    pub(super) fn run(self) -> Outcome {
        let (mut changes, mut warnings) = (vec![], vec![]);
        let query = if self.prune { "?prune=true" } else { "" };
        for path in &bundle::files(&self.file, self.prune)? {
            let answer = self.client.post(&format!("/v2/bundles{query}"), "application/yaml", bundle::text(path)?)?;
            warnings.extend(findings(&answer, "/warnings").cloned());
            match answer.get("change").and_then(Value::as_str) {
                Some(id) => changes.push(answer::fetch(&self.client, id)?),
                None => output::note(&format!("{}: nothing to change", output::path(path))),
            }
        }
        changes.dedup_by(|a, b| a.get("id") == b.get("id"));
        let mut followed = Ok(());
        for change in &mut changes {
            match follow(&self.client, change.clone(), self.wait, self.timeout) {
                Ok(come) => *change = come,
                Err(failure) => followed = followed.and(Err(failure)),
            }
        }
        let planned = || changes.iter().flat_map(|change| findings(change, "/plan/findings"));
        match self.output {
            Output::Json => tell(warnings.iter().chain(planned())),
            // The words of a plan say its findings.
            Output::Text => tell(warnings.iter().filter(|warning| !planned().any(|finding| finding == *warning))),
        }
        followed?;
        match self.output {
            Output::Json => drop(output::json(&json!({ "changes": changes }))?),
            Output::Text => changes.iter().try_for_each(answer::print)?,
        }
        let bad = |state| matches!(state, State::Blocked | State::Rejected | State::Withdrawn);
        let any = changes.iter().filter_map(answer::state).any(bad);
        Ok(if any { Verdict::Findings } else { Verdict::Ok })
    }
}

/// What warns and what blocks in the list of findings at `pointer` of an answer.
fn findings<'a>(answer: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let all = answer.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    all.filter(|finding| finding["severity"] != "note")
}

/// Says findings, each once.
fn tell<'a>(findings: impl Iterator<Item = &'a Value>) {
    let mut told = BTreeSet::new();
    findings.filter(|finding| told.insert(finding.to_string())).for_each(output::note_answered);
}

//! `meshwright apply`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Client;
use super::output::{self, Output};
use super::{Failure, Outcome, Verdict, bundle, change};
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

/// How far a change has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
enum Wait {
    /// Nothing: the server's answer is enough.
    None,
    /// A pull request that can be reviewed.
    #[default]
    Proposed,
    /// On main.
    Merged,
}

impl Apply {
    pub(super) fn run(self) -> Outcome {
        let mut changes: Vec<Value> = vec![];
        let mut told = BTreeSet::new();
        let query = if self.prune { "?prune=true" } else { "" };
        for path in &bundle::files(&self.file, self.prune)? {
            let answer = self.client.post(&format!("/v2/bundles{query}"), "application/yaml", bundle::text(path)?)?;
            tell(&answer, "/warnings", &mut told);
            match answer.get("change").and_then(Value::as_str) {
                Some(id) => changes.push(change::fetch(&self.client, id)?),
                None => output::note(&format!("{}: nothing to change", path.display())),
            }
        }
        changes.dedup_by(|a, b| a.get("id") == b.get("id"));
        let mut verdict = Verdict::Ok;
        for change in &mut changes {
            *change = self.follow(change.clone())?;
            if matches!(change::state(change), Some(State::Blocked | State::Rejected | State::Withdrawn)) {
                verdict = Verdict::Findings;
            }
        }
        match self.output {
            Output::Json => {
                changes.iter().for_each(|change| tell(change, "/plan/findings", &mut told));
                output::json(&json!({ "changes": changes }))?;
            }
            Output::Text => changes.iter().try_for_each(change::print)?,
        }
        Ok(verdict)
    }

    /// Waits until a change has come far enough; shows on a terminal where it is.
    fn follow(&self, mut change: Value) -> Result<Value, Failure> {
        let begin = Instant::now();
        let patience = Duration::from_millis(u64::try_from(self.timeout.0).unwrap_or(0));
        let mut shown = String::new();
        loop {
            let now = change::text(&change, "state").to_owned();
            if now != shown {
                let text = format!("{} {now} … {:.0}s", id(&change), begin.elapsed().as_secs_f32());
                output::note_progress(&text, shown.is_empty());
                shown.clone_from(&now);
            }
            if self.is_far_enough(&change) {
                return Ok(change);
            }
            if begin.elapsed() > patience {
                let remedy = format!("it goes on without you: meshwright change show {}", id(&change));
                return Err(Failure::Failed(format!(
                    "change {} is still {now} after {:?}; {remedy}",
                    id(&change),
                    patience
                )));
            }
            std::thread::sleep(Duration::from_millis(200));
            let next = change.get("supersededBy").and_then(Value::as_str).unwrap_or_else(|| id(&change)).to_owned();
            change = change::fetch(&self.client, &next)?;
        }
    }

    /// Whether nothing more has to be waited for, or nothing more will come.
    fn is_far_enough(&self, change: &Value) -> bool {
        let Some(state) = change::state(change) else { return self.wait == Wait::None };
        match (self.wait, state) {
            (Wait::None, _) | (_, State::Blocked) => true,
            // What superseded it is followed.
            (_, State::Superseded) => change.get("supersededBy").is_none(),
            (Wait::Proposed, State::Proposed | State::Approved | State::ChangesRequested | State::Merging) => true,
            (Wait::Proposed | Wait::Merged, state) => state.is_final(),
        }
    }
}

/// Says what warns and what blocks in the list of findings at `pointer` of an answer, each once.
fn tell(answer: &Value, pointer: &str, told: &mut BTreeSet<String>) {
    let findings = answer.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
    for finding in findings.filter(|finding| finding["severity"] != "note") {
        if told.insert(finding.to_string()) {
            output::note_answered(finding);
        }
    }
}

fn id(change: &Value) -> &str {
    change::text(change, "id")
}

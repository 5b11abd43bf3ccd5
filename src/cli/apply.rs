//! `meshwright apply`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::Client;
use super::output::{self, Output};
use super::{Failure, Outcome, Verdict, bundle, change};
use crate::config::Millis;

/// Post bundles to a server and wait for their change
///
/// Each bundle is accepted as a whole or not at all. Exit code 1 when one is refused, or its change is blocked or ends
/// without being merged.
#[derive(clap::Args)]
pub(super) struct Apply {
    /// A bundle; `-` for standard input; may be given several times
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
        let query = if self.prune { "?prune=true" } else { "" };
        for path in &self.file {
            let answer = self.client.post(&format!("/v2/bundles{query}"), "application/yaml", bundle::text(path)?)?;
            for warning in answer.get("warnings").and_then(Value::as_array).into_iter().flatten() {
                output::note(&format!(
                    "warning: {}",
                    warning.get("message").and_then(Value::as_str).unwrap_or_default()
                ));
            }
            match answer.get("change").and_then(Value::as_str) {
                Some(id) => changes.push(change::fetch(&self.client, id)?),
                None => output::note(&format!("{}: nothing to change", path.display())),
            }
        }
        changes.dedup_by(|a, b| a.get("id") == b.get("id"));
        let mut verdict = Verdict::Ok;
        for change in &mut changes {
            *change = self.follow(change.clone())?;
            if matches!(state(change), "blocked" | "rejected" | "withdrawn") {
                verdict = Verdict::Findings;
            }
        }
        match self.output {
            Output::Json => drop(output::json(&json!({ "changes": changes }))?),
            Output::Text => changes.iter().try_for_each(|change| output::print(&change::head(change)))?,
        }
        Ok(verdict)
    }

    /// Waits until a change has come far enough; shows on a terminal where it is.
    fn follow(&self, mut change: Value) -> Result<Value, Failure> {
        let terminal = std::io::stderr().is_terminal();
        let begin = Instant::now();
        let patience = Duration::from_millis(u64::try_from(self.timeout.0).unwrap_or(0));
        let mut shown = String::new();
        loop {
            let now = state(&change).to_owned();
            if now != shown {
                let erase = if terminal && !shown.is_empty() { "\x1b[1A\x1b[2K" } else { "" };
                output::note(&format!("{erase}{} {now} … {:.0}s", id(&change), begin.elapsed().as_secs_f32()));
                shown.clone_from(&now);
            }
            let done = match (self.wait, now.as_str()) {
                (Wait::None, _) | (_, "merged" | "rejected" | "withdrawn" | "blocked") => true,
                (Wait::Proposed, now) => matches!(now, "proposed" | "approved" | "changes-requested" | "merging"),
                (Wait::Merged, _) => false,
            };
            if done {
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
}

fn state(change: &Value) -> &str {
    change.get("state").and_then(Value::as_str).unwrap_or_default()
}

fn id(change: &Value) -> &str {
    change.get("id").and_then(Value::as_str).unwrap_or_default()
}

//! Waiting for a change.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Client;
use super::{Failure, answer, output};
use crate::change::State;
use crate::config::Millis;

/// How far a change has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Wait {
    /// Nothing: the server's answer is enough.
    None,
    /// A pull request that can be reviewed.
    #[default]
    Proposed,
    /// On main.
    Merged,
}

/// Waits until a change has come far enough; shows on a terminal where it is.
pub(super) fn follow(client: &Client, mut change: Value, wait: Wait, timeout: Millis) -> Result<Value, Failure> {
    let begin = Instant::now();
    let patience = Duration::from_millis(u64::try_from(timeout.0).unwrap_or(0));
    let mut shown = String::new();
    loop {
        let reason = answer::text(&change, "reason");
        let now = answer::text(&change, "state").to_owned() + if reason.is_empty() { "" } else { ": " } + reason;
        if now != shown {
            let seconds = begin.elapsed().as_secs_f32();
            let text = format!("{} {} … {seconds:.0}s", id(&change), output::shortened(&now));
            output::note_progress(&text, shown.is_empty());
            shown.clone_from(&now);
        }
        if wait.is_over(&change) {
            return Ok(change);
        }
        if begin.elapsed() > patience {
            let remedy = format!("it goes on without you: meshwright change show {}", id(&change));
            return Err(Failure::Failed(format!("change {} is after {patience:?} still {now}; {remedy}", id(&change))));
        }
        std::thread::sleep(Duration::from_millis(200));
        let next = change.get("supersededBy").and_then(Value::as_str).unwrap_or_else(|| id(&change)).to_owned();
        change = answer::fetch(client, &next)?;
    }
}

impl Wait {
    /// Whether nothing more has to be waited for, or nothing more will come.
    fn is_over(self, change: &Value) -> bool {
        let Some(state) = answer::state(change) else { return self == Self::None };
        match (self, state) {
            (Self::None, _) | (_, State::Blocked) => true,
            // What superseded it is followed.
            (_, State::Superseded) => change.get("supersededBy").is_none(),
            (Self::Proposed, State::Proposed | State::Approved | State::ChangesRequested | State::Merging) => true,
            (Self::Proposed | Self::Merged, state) => state.is_final(),
        }
    }
}

fn id(change: &Value) -> &str {
    answer::text(change, "id")
}

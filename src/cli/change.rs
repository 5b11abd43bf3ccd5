//! `meshwright change`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::answer::{self, encode, head, text, which};
use super::client::Client;
use super::follow::{Wait, follow};
use super::output::{self, Output};
use super::{Failure, Outcome, Verdict};
use crate::change::State;
use crate::config::Millis;

/// How long a change that is complete may take to be proposed.
const PATIENCE: Millis = Millis(120_000);

/// Review changes
#[derive(clap::Args)]
pub(super) struct Changes {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List changes, newest first
    List(List),
    /// Show a change: what happens to whom, resources, warnings
    Show(Show),
    /// Say that a change is complete, so that it need not wait for more writes
    Ready(Ready),
    /// Approve a change at its present content
    Approve(Judge),
    /// Ask for changes
    RequestChanges(Judge),
    /// Merge an approved change into main
    Merge(Judge),
    /// Take a change back: its pull request is closed and its writes are dropped
    Withdraw(Step),
    /// Refuse a change as a reviewer
    Reject(Step),
}

#[derive(clap::Args)]
struct List {
    /// Only those in this state, such as proposed
    #[arg(long)]
    state: Option<String>,
    /// Only those of this project
    #[arg(long)]
    project: Option<String>,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    client: Client,
}

#[derive(clap::Args)]
struct Show {
    /// The change, or at least 6 characters its id begins with; may be left out while only one is open
    id: Option<String>,
    /// Show the diff of every file too
    #[arg(long)]
    diff: bool,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    client: Client,
}

#[derive(clap::Args)]
struct Step {
    /// The change, or at least 6 characters its id begins with; may be left out while only one is open
    id: Option<String>,
    /// Words for the others
    #[arg(long, short, value_name = "TEXT")]
    message: Option<String>,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    client: Client,
}

#[derive(clap::Args)]
struct Judge {
    #[command(flatten)]
    step: Step,
    /// The commit you looked at, as `head` of the change: refused if the change holds another by now
    #[arg(long, value_name = "COMMIT")]
    head: Option<String>,
}

#[derive(clap::Args)]
struct Ready {
    /// The change, or at least 6 characters its id begins with; may be left out while only one is open
    id: Option<String>,
    /// How to print
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    client: Client,
}

impl Changes {
    pub(super) fn run(self) -> Outcome {
        match self.command {
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Ready(ready) => ready.run(),
            Command::Approve(Judge { step, head }) => step.run("approve", head),
            Command::RequestChanges(Judge { step, head }) => step.run("request-changes", head),
            Command::Merge(Judge { step, head }) => step.run("merge", head),
            Command::Withdraw(step) => step.run("withdraw", None),
            Command::Reject(step) => step.run("reject", None),
        }
    }
}

impl List {
    fn run(self) -> Outcome {
        let changes =
            answer::all(&self.client, &[("state", self.state.as_deref()), ("project", self.project.as_deref())])?;
        if self.output == Output::Json {
            return output::json(&json!({ "changes": changes }));
        }
        if changes.is_empty() {
            output::note("no changes");
        }
        for change in &changes {
            let groups = change
                .get("groups")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>();
            let [id, state, created] = ["id", "state", "created"].map(|field| output::line(text(change, field)));
            output::print(&format!("{id}  {state:<18} {created}  {}\n", output::line(&groups.join(", "))))?;
        }
        Ok(Verdict::Ok)
    }
}

impl Show {
    fn run(self) -> Outcome {
        let path = format!("/v2/changes/{}", encode(&which(&self.client, self.id.as_deref())?));
        let change = self.client.get(&path)?;
        if self.output == Output::Json {
            return output::json(&change);
        }
        answer::print(&change)?;
        if self.diff {
            output::print(&format!("\n{}", self.client.text(&format!("{path}/diff"))?))?;
        }
        Ok(Verdict::Ok)
    }
}

impl Step {
    fn run(self, verb: &str, head: Option<String>) -> Outcome {
        let mut body = json!({ "comment": self.message.unwrap_or_default() });
        if let Some(head) = head {
            body["head"] = head.into();
        }
        let path = format!("/v2/changes/{}/{verb}", encode(&which(&self.client, self.id.as_deref())?));
        let change = self.client.post(&path, "application/json", body.to_string())?;
        if self.output == Output::Json {
            return output::json(&change);
        }
        output::print(&answer::head(&change))?;
        Ok(Verdict::Ok)
    }
}

impl Ready {
    /// Says of every deployment intent group of the change that its set is complete: no other call says so.
    fn run(self) -> Outcome {
        let id = which(&self.client, self.id.as_deref())?;
        let change = answer::fetch(&self.client, &id)?;
        let sealed = change.get("sealed").and_then(Value::as_bool).unwrap_or_default();
        if sealed || answer::state(&change).is_some_and(State::is_final) {
            return Err(Failure::Failed(format!("{}: it takes no more writes", head(&change).trim_end())));
        }
        let groups = change.get("groups").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let groups: Vec<_> = groups.filter(|group| group.contains("/deployment-intent-groups/")).collect();
        if groups.is_empty() {
            return Err(Failure::Failed(format!(
                "change {id} is about no deployment intent group, so nothing says that it is complete; it is ready when \
                 no write has come for a while"
            )));
        }
        for group in groups {
            let group: Vec<_> = group.split('/').map(encode).collect();
            let said =
                self.client.post(&format!("/v2/{}/approve", group.join("/")), "application/json", String::new())?;
            if text(&said, "change") != id {
                return Err(Failure::Failed(format!(
                    "writes of change {id} went on in another one, which is complete now: {}",
                    text(&said, "change")
                )));
            }
        }
        let change = follow(&self.client, answer::fetch(&self.client, &id)?, Wait::Proposed, PATIENCE)?;
        if self.output == Output::Json {
            return output::json(&change);
        }
        output::print(&head(&change))?;
        Ok(if answer::state(&change) == Some(State::Blocked) { Verdict::Findings } else { Verdict::Ok })
    }
}

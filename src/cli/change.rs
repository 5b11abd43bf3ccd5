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

/// The fewest digits that a commit may be named by.
const FEWEST_DIGITS: usize = 7;

/// How many digits a commit has.
const ALL_DIGITS: usize = 40;

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
    /// The commit you looked at, or at least 7 digits it begins with: refused if the change holds another by now
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
            let reason = text(change, "reason");
            if !reason.is_empty() {
                let reason = if output::is_seen() { &output::shortened(reason) } else { reason };
                output::print(&format!("    {}\n", output::line(reason)))?;
            }
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

/// The whole id of the commit that `named` begins, if the change holds that one.
fn commit(client: &Client, change: &str, named: String) -> Result<String, Failure> {
    let named = named.to_ascii_lowercase();
    // What cannot be the beginning of an id is for the server to refuse.
    if named.len() >= ALL_DIGITS || !named.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(named);
    }
    if named.len() < FEWEST_DIGITS {
        return Err(Failure::Usage(format!(
            "--head {named}: may be many commits; give at least {FEWEST_DIGITS} digits"
        )));
    }
    let holds = answer::fetch(client, change)?;
    let head = text(&holds, "head");
    if head.starts_with(&named) {
        return Ok(head.to_owned());
    }
    let holds = if head.is_empty() { "no commit yet".to_owned() } else { format!("commit {head} by now") };
    Err(Failure::Failed(format!(
        "change {change} holds {holds}, not {named}; look at it again: meshwright change show {change}"
    )))
}

impl Step {
    fn run(self, verb: &str, head: Option<String>) -> Outcome {
        let mut body = json!({ "comment": self.message.unwrap_or_default() });
        let id = which(&self.client, self.id.as_deref())?;
        if let Some(head) = head {
            body["head"] = commit(&self.client, &id, head)?.into();
        }
        let path = format!("/v2/changes/{}/{verb}", encode(&id));
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
        let is = |field: &str| change.get(field).and_then(Value::as_bool).unwrap_or_default();
        let state = answer::state(&change);
        let passed = matches!(state, Some(State::Approved | State::Merging));
        if passed || state == Some(State::Proposed) && is("ready") {
            output::note("it was said to be complete already");
        }
        if passed {
            return self.show(&change);
        }
        if is("sealed") || state.is_some_and(State::is_final) {
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
        self.show(&change)
    }

    fn show(&self, change: &Value) -> Outcome {
        if self.output == Output::Json {
            return output::json(change);
        }
        output::print(&head(change))?;
        Ok(if answer::state(change) == Some(State::Blocked) { Verdict::Findings } else { Verdict::Ok })
    }
}

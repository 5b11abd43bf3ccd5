//! `meshwright change`.

use clap::Subcommand;
use serde_json::{Value, json};

use super::client::Client;
use super::output::{self, Output};
use super::{Failure, Outcome, Verdict};
use crate::change::State;

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
    /// Approve a change at its present content
    Approve(Step),
    /// Ask for changes
    RequestChanges(Step),
    /// Merge an approved change into main
    Merge(Step),
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
    /// The change; may be left out while only one is open
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
    /// The change; may be left out while only one is open
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

impl Changes {
    pub(super) fn run(self) -> Outcome {
        match self.command {
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Approve(step) => step.run("approve"),
            Command::RequestChanges(step) => step.run("request-changes"),
            Command::Merge(step) => step.run("merge"),
            Command::Withdraw(step) => step.run("withdraw"),
            Command::Reject(step) => step.run("reject"),
        }
    }
}

/// The change that is meant: the one that is named, else the only one that is open.
fn which(client: &Client, named: Option<String>) -> Result<String, Failure> {
    if let Some(id) = named {
        return Ok(id);
    }
    let page = client.get("/v2/changes?limit=500")?;
    let all = page.get("changes").and_then(Value::as_array).into_iter().flatten();
    let open: Vec<&Value> = all.filter(|change| !state(change).is_some_and(State::is_final)).collect();
    match open.as_slice() {
        [only] => Ok(text(only, "id").to_owned()),
        [] => Err(Failure::Failed("no change is open; see `meshwright change list`".into())),
        several => {
            let list: Vec<_> = several.iter().map(|change| head(change)).collect();
            Err(Failure::Usage(format!("several changes are open, name one:\n{}", list.concat().trim_end())))
        }
    }
}

impl List {
    fn run(self) -> Outcome {
        let mut changes: Vec<Value> = vec![];
        let mut after: Option<String> = None;
        loop {
            let filters = [("state", &self.state), ("project", &self.project), ("after", &after)];
            let query: Vec<_> = filters
                .iter()
                .filter_map(|(key, value)| Some(format!("{key}={}", encode(value.as_deref()?))))
                .collect();
            let page = self.client.get(format!("/v2/changes?limit=500&{}", query.join("&")).trim_end_matches('&'))?;
            changes.extend(page.get("changes").and_then(Value::as_array).into_iter().flatten().cloned());
            after = page.get("next").and_then(Value::as_str).map(ToOwned::to_owned);
            if after.is_none() {
                break;
            }
        }
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
            output::print(&format!(
                "{}  {:<18} {}  {}\n",
                text(change, "id"),
                text(change, "state"),
                text(change, "created"),
                groups.join(", ")
            ))?;
        }
        Ok(Verdict::Ok)
    }
}

impl Show {
    fn run(self) -> Outcome {
        let path = format!("/v2/changes/{}", encode(&which(&self.client, self.id)?));
        let change = self.client.get(&path)?;
        if self.output == Output::Json {
            return output::json(&change);
        }
        print(&change)?;
        if self.diff {
            output::print(&format!("\n{}", self.client.text(&format!("{path}/diff"))?))?;
        }
        Ok(Verdict::Ok)
    }
}

impl Step {
    fn run(self, verb: &str) -> Outcome {
        let body = json!({ "comment": self.message.unwrap_or_default() }).to_string();
        let path = format!("/v2/changes/{}/{verb}", encode(&which(&self.client, self.id)?));
        let change = self.client.post(&path, "application/json", body)?;
        if self.output == Output::Json {
            return output::json(&change);
        }
        output::print(&head(&change))?;
        Ok(Verdict::Ok)
    }
}

/// Prints a change with its plan in words.
pub(super) fn print(change: &Value) -> Result<(), Failure> {
    output::print(&head(change))?;
    match text(change, "summary") {
        "" => Ok(()),
        summary => output::print(&format!("\n{summary}")),
    }
}

/// A change in a line or two.
pub(super) fn head(change: &Value) -> String {
    let reason = text(change, "reason");
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let merged = text(change, "merged");
    let merged = if merged.is_empty() { String::new() } else { format!(" as {merged}") };
    format!("change {} is {}{merged}{reason}\n", text(change, "id"), text(change, "state"))
}

pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Escapes a query value or path segment (RFC 3986, section 2.1).
pub(super) fn encode(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => (byte as char).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}

/// The state of a change; none for one that only newer servers know.
pub(super) fn state(change: &Value) -> Option<State> {
    State::parse(text(change, "state"))
}

/// The change `id` as the server shows it.
pub(super) fn fetch(client: &Client, id: &str) -> Result<Value, Failure> {
    client.get(&format!("/v2/changes/{}", encode(id)))
}

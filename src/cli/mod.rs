//! The command line, one file per command.

mod access;
mod against;
mod annotate;
mod answer;
mod apply;
mod bundle;
mod change;
mod check;
mod client;
mod completions;
mod follow;
mod lint;
mod output;
mod plan;
mod plugins;
mod render;
mod report;
mod serve;
mod sources;
mod suppress;

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::finding::Finding;

/// What a command ends with: what was asked for held, or did not.
type Outcome = Result<Verdict, Failure>;

/// How a command that ran ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// All is well.
    Ok,
    /// It ran, and found something that needs attention.
    Findings,
}

/// Why a command did not run to its end.
#[derive(Debug)]
enum Failure {
    /// It was asked for something that makes no sense.
    Usage(String),
    /// It could not be done.
    Failed(String),
    /// It could not be done because of what was found in the files it was given.
    Found(Vec<Finding>),
}

impl Failure {
    /// An error, within a line: it may name a file.
    fn failed(why: impl std::fmt::Display) -> Self {
        Self::Failed(output::line(&why.to_string()))
    }
}

/// Turns traffic intents into reviewed pull requests of Istio configuration.
///
/// Exit codes: 0 ok, 1 findings or a failed operation, 2 usage.
#[derive(Parser)]
#[command(name = "meshwright", version, propagate_version = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    // Described where they are defined, at length: words here would take the place of all that.
    Serve(serve::Serve),
    Render(render::Render),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Check(check::Check),
    Lint(lint::Lint),
    Access(Box<access::Access>),
    Change(change::Changes),
    /// Print the OpenAPI document of the REST API
    Openapi,
    Completions(completions::Completions),
    Version(completions::Version),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are printed to standard output and are no failure.
            let usage = error.use_stderr();
            drop(error.print());
            return ExitCode::from(if usage { 2 } else { 0 });
        }
    };
    let outcome = match cli.command {
        Command::Serve(command) => command.run(),
        Command::Render(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Apply(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Lint(command) => command.run(),
        Command::Access(command) => command.run(),
        Command::Change(command) => command.run(),
        Command::Openapi => output::json(&crate::http::openapi()),
        Command::Completions(command) => command.run(&mut Cli::command()),
        Command::Version(command) => command.run(),
    };
    match outcome {
        Ok(Verdict::Ok) => ExitCode::SUCCESS,
        Ok(Verdict::Findings) => ExitCode::from(1),
        Err(Failure::Usage(why)) => output::complain(&why, 2),
        Err(Failure::Failed(why)) => output::complain(&why, 1),
        Err(Failure::Found(findings)) => {
            findings.into_iter().collect::<BTreeSet<_>>().iter().for_each(output::note_finding);
            ExitCode::from(1)
        }
    }
}

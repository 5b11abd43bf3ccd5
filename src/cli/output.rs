//! Printing: for people with colour on a terminal, for scripts as JSON.

use std::io::Write;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::{Failure, Outcome, Verdict};
use crate::finding::{Finding, Place, Severity};

/// How a command prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    #[default]
    Text,
    /// For scripts.
    Json,
}

/// Writes text to standard output; colour codes are taken out where there is no terminal.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // The reader went away, as `head` does: that is no failure.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Failure::failed),
    }
}

/// Prints a value as JSON.
pub(super) fn json(value: &impl Serialize) -> Outcome {
    let text = serde_json::to_string_pretty(value).map_err(Failure::failed)?;
    print(&format!("{text}\n"))?;
    Ok(Verdict::Ok)
}

/// Says on standard error what went wrong.
pub(super) fn complain(why: &str, code: u8) -> ExitCode {
    let red = AnsiColor::Red.on_default().bold();
    drop(writeln!(anstream::stderr(), "{red}error:{red:#} {why}"));
    ExitCode::from(code)
}

/// Says something on standard error that is not part of the result.
pub(super) fn note(text: &str) {
    drop(writeln!(anstream::stderr(), "{text}"));
}

/// Says on standard error what was found.
pub(super) fn note_finding(finding: &Finding) {
    note(self::finding(finding).trim_end());
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => AnsiColor::Cyan.on_default(),
    }
}

/// A finding as one or two lines.
pub(super) fn finding(finding: &Finding) -> String {
    lines(finding.severity, finding.rule, &finding.place, &finding.message, &finding.remedy)
}

/// The same of one that a server answered.
pub(super) fn answered(finding: &Value) -> String {
    let text = |pointer: &str| finding.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let severity = match text("/severity") {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => Severity::Note,
    };
    let place = Place::pointing(text("/place/path"), text("/place/pointer"));
    lines(severity, text("/rule"), &place, text("/message"), text("/remedy"))
}

fn lines(severity: Severity, rule: &str, place: &Place, message: &str, remedy: &str) -> String {
    let style = style(severity);
    let severity = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let remedy = if remedy.is_empty() { String::new() } else { format!("\n    → {remedy}") };
    format!("{style}{severity}[{rule}]{style:#} {place}: {message}{remedy}\n")
}

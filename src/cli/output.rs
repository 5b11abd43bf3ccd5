//! Printing: for people with colour on a terminal, for scripts as JSON.
//!
//! Names and files may hold what steers a terminal. It is spelled out in all that is printed for people; the only codes
//! that reach a terminal are the colours of this file. What stands within a line may hold ends of lines, which would make
//! lines that nobody wrote; they are spelled out too.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::Value;

use super::{Failure, Outcome, Verdict};
use crate::finding::{Finding, Place, Severity};
use crate::review::words::steers;
use crate::review::{FileChange, unified};

/// How a command prints what it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    #[default]
    Text,
    /// For scripts.
    Json,
}

/// Writes text to standard output.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(&spelled(text))
}

/// Writes what other programs read to standard output: as it is, unless a terminal shows it.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    if is_seen() { print(text) } else { write(text) }
}

/// Writes a finding to standard output, as one or two lines.
pub(super) fn print_finding(finding: &Finding) -> Result<(), Failure> {
    write(&self::finding(finding))
}

/// Writes the diff of a file to standard output.
pub(super) fn print_diff(change: &FileChange) -> Result<(), Failure> {
    write(&diff(change))
}

/// Text that stays within its line: ends of lines are spelled out as well.
pub(super) fn line(text: &str) -> String {
    spelled(text).replace('\n', "\\n")
}

/// The name of a file or folder, within a line.
pub(super) fn path(path: &Path) -> String {
    line(&path.display().to_string())
}

/// The most characters of what is shown in one line.
const SHORT: usize = 100;

/// The first line of a text, cut where it is long.
pub(super) fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(SHORT).collect();
    if cut.len() < text.len() { format!("{cut}…") } else { cut }
}

/// Whether people see standard output as it comes.
pub(super) fn is_seen() -> bool {
    std::io::stdout().is_terminal()
}

/// Text without what steers a terminal: such characters are spelled out, as in `\u{1b}`.
fn spelled(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) { spelled.extend(c.escape_unicode()) } else { spelled.push(c) }
    }
    spelled
}

/// Colour codes are taken out where there is no terminal.
fn write(text: &str) -> Result<(), Failure> {
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
    write(&format!("{text}\n"))?;
    Ok(Verdict::Ok)
}

/// Says on standard error what went wrong.
pub(super) fn complain(why: &str, code: u8) -> ExitCode {
    let red = AnsiColor::Red.on_default().bold();
    drop(writeln!(anstream::stderr(), "{red}error:{red:#} {}", spelled(why)));
    ExitCode::from(code)
}

/// Says something on standard error that is not part of the result.
pub(super) fn note(text: &str) {
    drop(writeln!(anstream::stderr(), "{}", spelled(text)));
}

/// Says on standard error how far something is, in the place of what was said before if that is on a terminal.
pub(super) fn note_progress(text: &str, first: bool) {
    let erase = if first || !std::io::stderr().is_terminal() { "" } else { "\x1b[1A\x1b[2K" };
    drop(writeln!(anstream::stderr(), "{erase}{}", line(text)));
}

/// Says on standard error what was found.
pub(super) fn note_finding(finding: &Finding) {
    drop(write!(anstream::stderr(), "{}", self::finding(finding)));
}

/// The same of a finding that a server answered.
pub(super) fn note_answered(finding: &Value) {
    drop(write!(anstream::stderr(), "{}", answered(finding)));
}

/// The unified diff of a file in colours, which stand around whole lines.
fn diff(change: &FileChange) -> String {
    let colour = |colour: AnsiColor| colour.on_default();
    let [bold, cyan, red, green] =
        [Style::new().bold(), colour(AnsiColor::Cyan), colour(AnsiColor::Red), colour(AnsiColor::Green)];
    let coloured = |(number, line): (usize, &str)| {
        let style = match line.as_bytes().first() {
            _ if number < 2 => bold,
            Some(b'@') => cyan,
            Some(b'-') => red,
            Some(b'+') => green,
            _ => Style::new(),
        };
        format!("{style}{}{style:#}\n", spelled(line))
    };
    unified(change).split_terminator('\n').enumerate().map(coloured).collect()
}

fn style(severity: Severity) -> Style {
    match severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => AnsiColor::Cyan.on_default(),
    }
}

/// A finding as one or two lines.
fn finding(finding: &Finding) -> String {
    lines(finding.severity, &finding.rule, &finding.place, &finding.message, &finding.remedy)
}

/// The same of one that a server answered.
fn answered(finding: &Value) -> String {
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
    let remedy = if remedy.is_empty() { String::new() } else { format!("\n    → {}", line(remedy)) };
    let [rule, place, message] = [rule, &place.to_string(), message].map(line);
    format!("{style}{severity}[{rule}]{style:#} {place}: {message}{remedy}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::Happening;

    const STEERING: &str = "\u{1b}]0;title\u{7}\u{9b}2J\u{202e}\r";
    const SPELLED: &str = "\\u{1b}]0;title\\u{7}\\u{9b}2J\\u{202e}\\u{d}";

    #[test]
    fn colours_stand_around_whole_lines_and_nothing_else_steers() {
        let change = |old: &str, new: &str| FileChange {
            path: "x.yaml".into(),
            happening: Happening::Changed,
            old: old.into(),
            new: new.into(),
        };
        let text = diff(&change("a\n", "b\n"));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[2..], ["\u{1b}[36m@@ -1 +1 @@\u{1b}[0m", "\u{1b}[31m-a\u{1b}[0m", "\u{1b}[32m+b\u{1b}[0m"]);
        let steering = diff(&change("", &format!("{STEERING}\n")));
        assert!(steering.ends_with(&format!("\u{1b}[32m+{SPELLED}\u{1b}[0m\n")), "{steering:?}");
    }

    #[test]
    fn what_is_shown_in_one_line_is_cut_to_it() {
        assert_eq!(shortened("by carol"), "by carol");
        assert_eq!(shortened("first\nsecond"), "first…");
        assert_eq!(shortened(&"ä".repeat(SHORT + 1)), format!("{}…", "ä".repeat(SHORT)));
    }

    #[test]
    fn what_steers_a_terminal_is_spelled_out_in_text_and_findings() {
        assert_eq!(spelled(&format!("a\n\tb{STEERING}")), format!("a\n\tb{SPELLED}"));
        let wrong = Finding::error("x", Place::at(STEERING), STEERING, STEERING);
        let bold = "\u{1b}[1m\u{1b}[31merror[x]\u{1b}[0m";
        assert_eq!(finding(&wrong), format!("{bold} {SPELLED}: {SPELLED}\n    → {SPELLED}\n"));
        assert_eq!(answered(&serde_json::to_value(wrong.clone()).unwrap()), finding(&wrong));
    }

    #[test]
    fn nothing_that_is_named_makes_a_line_of_its_own() {
        assert_eq!(line(&format!("a\n\tb{STEERING}")), format!("a\\n\tb{SPELLED}"));
        assert_eq!(spelled(&line("a\nb")), line("a\nb"), "it is as it is printed");
        assert_eq!(path(Path::new("a\nok: b.yaml")), "a\\nok: b.yaml");
        let text = "a\nok: 0 errors";
        let wrong = finding(&Finding::error("x", Place::pointing(text, text), text, text));
        assert_eq!(wrong.lines().count(), 2, "{wrong}");
    }
}

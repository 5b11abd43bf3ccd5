//! `meshwright access --requests`: one verdict a line for one request a line.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Value, json};

use super::super::sources::{self, Sources};
use super::super::{Failure, Outcome, Verdict, bundle, output};
use crate::access::Request;
use crate::finding::{Finding, Severity};
use crate::review::Given;

/// The longest line that is read, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// The most lines that are worked on at once.
const MOST_LINES: usize = 4096;
/// The bytes of lines beyond which no further one is worked on at once.
const MOST_BYTES: usize = 16 << 20;

/// Decides about every request in a file, or on standard input for `-`.
pub(super) fn decide(policies: &Given, file: &Path) -> Outcome {
    let requests: Box<dyn Read> = match file.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(std::fs::File::open(file).map_err(|error| failed(file, &error))?),
    };
    let mut requests = BufReader::with_capacity(1 << 16, requests);
    let (mut verdict, mut number) = (Verdict::Ok, 0);
    loop {
        let batch = lines(&mut requests, &mut number).map_err(|error| failed(file, &error))?;
        if batch.is_empty() {
            return Ok(verdict);
        }
        let answers: Vec<Result<String, Value>> = batch.par_iter().map(|line| answer(policies, line)).collect();
        let mut text = String::new();
        for answer in answers {
            let line = answer.unwrap_or_else(|error| {
                verdict = Verdict::Findings;
                error.to_string()
            });
            text.push_str(&line);
            text.push('\n');
        }
        if !print(&text)? {
            return Ok(verdict);
        }
    }
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", output::path(path)))
}

/// The files that are named, and those below folders that are, each once with its path.
pub(super) fn texts(named: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut sources = Sources::below(named);
    sources.once();
    let Sources { files, findings, .. } = sources;
    // A note that a checkout is one may be passed over; a folder that is left out may hold what decides.
    let unread = |finding: &Finding| finding.severity != Severity::Note || finding.rule == sources::LINK;
    if findings.iter().any(unread) {
        // What is a warning to who checks manifests leaves nothing to decide by.
        let fatal = findings.into_iter().filter(unread);
        return Err(Failure::Found(fatal.map(|it| Finding { severity: Severity::Error, ..it }).collect()));
    }
    let text = |path: &PathBuf| {
        let text = bundle::text(path)?;
        match path.as_os_str() == "-" && text.trim().is_empty() {
            true => Err(Failure::Found(vec![sources::nothing_came()])),
            false => Ok((sources::name(path), text)),
        }
    };
    files.iter().map(text).collect()
}

/// A line of a file.
struct Line {
    /// From 1.
    number: u64,
    /// What it says, without its end; none where it is too long, and nothing is kept of it.
    text: Option<Vec<u8>>,
}

/// The next lines that are not blank, as many as are worked on at once; none at the end. `number` is that of the last line
/// that was read.
fn lines(from: &mut impl BufRead, number: &mut u64) -> io::Result<Vec<Line>> {
    let (mut batch, mut bytes) = (vec![], 0);
    while batch.len() < MOST_LINES && bytes < MOST_BYTES {
        let mut line = vec![];
        from.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        *number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LONGEST_LINE {
            skip_line(from)?;
            batch.push(Line { number: *number, text: None });
            continue;
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        bytes += line.len();
        batch.push(Line { number: *number, text: Some(line) });
    }
    Ok(batch)
}

/// Passes over the rest of a line.
fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffered = from.fill_buf()?;
        let end = buffered.iter().position(|byte| *byte == b'\n');
        let (length, done) = (end.map_or(buffered.len(), |end| end + 1), end.is_some() || buffered.is_empty());
        from.consume(length);
        if done {
            return Ok(());
        }
    }
}

/// The verdict about the request of a line; what is wrong with it, and where, in place of one that cannot be read.
fn answer(policies: &Given, Line { number, text }: &Line) -> Result<String, Value> {
    let Some(text) = text else {
        return Err(json!({ "error": format!("the line is longer than {LONGEST_LINE} bytes"), "line": number }));
    };
    let request = serde_json::from_slice::<Request>(text).map_err(|error| {
        let (row, column) = (error.line(), error.column());
        let why = error.to_string();
        let why = why.strip_suffix(&format!(" at line {row} column {column}")).unwrap_or(&why);
        let why = if error.is_data() { why.to_owned() } else { format!("the line is no JSON: {why}") };
        let mut said = json!({ "error": why, "line": number, "column": column });
        if let Some(field) = field(text).filter(|_| error.is_data()) {
            said["field"] = field.into();
        }
        said
    })?;
    serde_json::to_string(&policies.decide(&request))
        .map_err(|error| json!({ "error": error.to_string(), "line": number }))
}

/// The field that keeps a text from being a request, such as `from.ip`; none where it is the whole of it.
fn field(text: &[u8]) -> Option<String> {
    let mut text = serde_json::Deserializer::from_slice(text);
    let error = serde_path_to_error::deserialize::<_, Request>(&mut text).err()?;
    Some(error.path().to_string()).filter(|path| path != ".")
}

/// Writes to standard output; false when its reader went away.
fn print(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        result => result.map(|()| true).map_err(Failure::failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whole_and_those_that_are_blank_or_too_long_are_dropped() {
        let long = "x".repeat(LONGEST_LINE + 1);
        let text = format!("a\n\n \r\n{long}\n{}\n{long}{long}\nb", &long[1..]);
        let mut from = BufReader::with_capacity(7, text.as_bytes());
        let mut last = 0;
        let read = lines(&mut from, &mut last).unwrap();
        let read: Vec<_> = read.iter().map(|line| (line.number, line.text.as_ref().map(Vec::len))).collect();
        assert_eq!(read, [(1, Some(1)), (4, None), (5, Some(LONGEST_LINE)), (6, None), (7, Some(1))]);
        assert!(lines(&mut from, &mut last).unwrap().is_empty());
    }
}

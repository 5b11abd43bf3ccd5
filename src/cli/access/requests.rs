//! `meshwright access --requests`: one verdict a line for one request a line.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::json;

use super::super::sources::Sources;
use super::super::{Failure, Outcome, Verdict, bundle, output};
use crate::access::{Policies, Request};
use crate::finding::Severity;

/// The longest line that is read, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// The most lines, and the most of their bytes, that are worked on at once.
const BATCH: (usize, usize) = (4096, 16 << 20);

/// Decides about every request in a file, or on standard input for `-`.
pub(super) fn decide(policies: &Policies, file: &Path) -> Outcome {
    let requests: Box<dyn Read> = match file.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(std::fs::File::open(file).map_err(|error| failed(file, &error))?),
    };
    let mut requests = BufReader::with_capacity(1 << 16, requests);
    let mut verdict = Verdict::Ok;
    loop {
        let batch = lines(&mut requests).map_err(|error| failed(file, &error))?;
        if batch.is_empty() {
            return Ok(verdict);
        }
        let answers: Vec<Result<String, String>> = batch.par_iter().map(|line| answer(policies, line)).collect();
        let mut text = String::new();
        for answer in answers {
            let line = answer.unwrap_or_else(|error| {
                verdict = Verdict::Findings;
                json!({ "error": error }).to_string()
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
    if findings.iter().any(|finding| finding.severity != Severity::Note) {
        return Err(Failure::Found(findings));
    }
    files.iter().map(|path| Ok((path.display().to_string(), bundle::text(path)?))).collect()
}

/// A line without its end; none where it is too long, and nothing is kept of it.
type Line = Option<Vec<u8>>;

/// The next lines, as many as are worked on at once; none at the end.
fn lines(from: &mut impl BufRead) -> io::Result<Vec<Line>> {
    let (mut batch, mut bytes) = (vec![], 0);
    while batch.len() < BATCH.0 && bytes < BATCH.1 {
        let mut line = vec![];
        from.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > LONGEST_LINE {
            skip_line(from)?;
            batch.push(None);
            continue;
        }
        bytes += line.len();
        batch.push(Some(line));
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

fn answer(policies: &Policies, line: &Line) -> Result<String, String> {
    let line = line.as_ref().ok_or_else(|| format!("the line is longer than {LONGEST_LINE} bytes"))?;
    let request: Request = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    serde_json::to_string(&policies.decide(&request)).map_err(|error| error.to_string())
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
    fn lines_are_read_whole_and_those_that_are_too_long_are_dropped() {
        let long = "x".repeat(LONGEST_LINE + 1);
        let text = format!("a\n\n{long}\n{}\n{long}{long}\nb", &long[1..]);
        let mut from = BufReader::with_capacity(7, text.as_bytes());
        let lengths: Vec<_> = lines(&mut from).unwrap().iter().map(|line| line.as_ref().map(Vec::len)).collect();
        assert_eq!(lengths, [Some(1), Some(0), None, Some(LONGEST_LINE), None, Some(1)]);
        assert!(lines(&mut from).unwrap().is_empty());
    }
}

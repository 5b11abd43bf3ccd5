//! `meshwright access`.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::json;

use super::{Failure, Outcome, Verdict, bundle, output};
use crate::access::{Mesh, Policies, Request};

/// The longest line that is read, in bytes.
const LONGEST_LINE: usize = 1 << 20;
/// The most lines, and the most of their bytes, that are worked on at once.
const BATCH: (usize, usize) = (4096, 16 << 20);

/// Decide whether requests are let through, as Istio decides it
///
/// Reads one JSON object a line, such as {"from": {"principal": "cluster.local/ns/a/sa/b"}, "to": {"namespace": "c",
/// "labels": {"app": "d"}, "port": 80, "protocol": "http"}, "method": "GET", "path": "/"}, and prints for each the verdict,
/// the policy and the index of its rule that decided. A line that cannot be read gives one with `error`. The answer is as far
/// as these manifests show. Exit code 1 when a line could not be read.
#[derive(clap::Args)]
pub(super) struct Access {
    /// Manifests with the policies; `-` for standard input, a folder for all its *.yaml by name
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    manifests: Vec<PathBuf>,
    /// Requests, one JSON object a line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    requests: PathBuf,
    /// The namespace whose policies hold for the whole mesh
    #[arg(long, value_name = "NAME", default_value_t = Mesh::default().root_namespace)]
    root_namespace: String,
    /// The local trust domain
    #[arg(long, value_name = "NAME", default_value = "cluster.local")]
    trust_domain: String,
    /// Another name of the local trust domain; may be given several times
    #[arg(long, value_name = "NAME")]
    trust_domain_alias: Vec<String>,
}

impl Access {
    pub(super) fn run(self) -> Outcome {
        if self.requests.as_os_str() == "-" && self.manifests.iter().any(|path| path.as_os_str() == "-") {
            return Err(Failure::Usage("--requests -: standard input holds the manifests".to_owned()));
        }
        let trust_domains = std::iter::once(self.trust_domain).chain(self.trust_domain_alias).collect();
        let mesh = Mesh { root_namespace: self.root_namespace, trust_domains };
        let policies = Policies::read(mesh, &manifests(&self.manifests)?).map_err(Failure::Found)?;
        let requests: Box<dyn Read> = match self.requests.as_os_str() == "-" {
            true => Box::new(io::stdin()),
            false => Box::new(std::fs::File::open(&self.requests).map_err(|error| failed(&self.requests, &error))?),
        };
        let mut requests = BufReader::with_capacity(1 << 16, requests);
        let mut verdict = Verdict::Ok;
        loop {
            let batch = lines(&mut requests).map_err(|error| failed(&self.requests, &error))?;
            if batch.is_empty() {
                return Ok(verdict);
            }
            let answers: Vec<Result<String, String>> = batch.par_iter().map(|line| answer(&policies, line)).collect();
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
}

fn failed(path: &std::path::Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("{}: {error}", output::path(path)))
}

/// The manifests that are named, each with its path.
fn manifests(named: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), bundle::text(path)?));
    bundle::files(named, false)?.iter().map(read).collect()
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

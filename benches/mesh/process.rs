//! The program itself, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::Outcome;
use crate::report::time;

const PROGRAM: &str = env!("CARGO_BIN_EXE_meshwright");

/// How long a command takes, how it ends, and the last line it prints.
pub(crate) fn run(arguments: &[&str]) -> Outcome<(Duration, ExitStatus, String)> {
    let (took, output) = time(|| Command::new(PROGRAM).args(arguments).output());
    let output = output?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok((took, output.status, said.lines().last().unwrap_or_default().to_owned()))
}

/// A server in a process of its own, which ends when this is dropped.
pub(crate) struct Server(Child);

impl Server {
    /// Starts a server over `data`; gives how long it takes until it listens.
    pub(crate) fn start(data: &Path) -> Outcome<(Duration, Self)> {
        let (took, server) = time(|| -> Outcome<Self> {
            let mut child = Command::new(PROGRAM)
                .args(["serve", "--listen", "127.0.0.1:0", "--data"])
                .arg(data)
                .stderr(Stdio::piped())
                .spawn()?;
            let log = child.stderr.take().map(BufReader::new);
            let server = Self(child);
            for line in log.into_iter().flat_map(BufRead::lines) {
                if line?.contains("listening") {
                    return Ok(server);
                }
            }
            Err("the server ended before it listened".into())
        });
        Ok((took, server?))
    }

    /// A figure of its memory, such as `VmHWM`, in megabytes.
    pub(crate) fn memory(&self, figure: &str) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no such figure")?;
        Ok(kilobytes.parse::<f64>()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

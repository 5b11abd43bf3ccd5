//! Running the git program: quiet, without prompts, within a time limit.

use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::RepoError;

/// Variables of a calling git (a hook, an alias) that would point the program at another repository, or make it print
/// what it sends.
const FORGOTTEN: [&str; 16] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_CURL_VERBOSE",
    "GIT_TRACE",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
    "GIT_TRACE_REDACT",
];

/// The variables that the server is told its secrets by, which are for no program that it starts.
const SECRETS: [&str; 3] = ["MESHWRIGHT_WEBHOOK_SECRET", "MESHWRIGHT_FORGE_TOKEN", "MESHWRIGHT_APP_PRIVATE_KEY"];

/// What a program said.
pub(in crate::repo) struct Output {
    pub(in crate::repo) success: bool,
    pub(in crate::repo) stdout: String,
    pub(in crate::repo) stderr: String,
}

/// The git program on the repository at `path`; configuration goes by environment, so secrets may be part of it.
pub(in crate::repo) fn git(path: &Path, configuration: &[(String, String)]) -> Command {
    let mut command = Command::new("git");
    for name in FORGOTTEN {
        command.env_remove(name);
    }
    command
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("GIT_ALLOW_PROTOCOL", "file:git:http:https:ssh")
        .env("GIT_CONFIG_COUNT", configuration.len().to_string());
    for (index, (key, value)) in configuration.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
    command.arg("--git-dir").arg(path);
    command
}

/// Runs the command, feeds it `input`, and collects what it says.
///
/// # Errors
/// [`RepoError::Io`] if it cannot be started; [`RepoError::Remote`] if neither of its outputs ends within `timeout`, or
/// the second does not within as much again; it is then killed.
pub(in crate::repo) fn run(
    what: &str,
    mut command: Command,
    input: &[u8],
    timeout: Duration,
) -> Result<Output, RepoError> {
    for name in SECRETS {
        command.env_remove(name);
    }
    let failed = |error| RepoError::io(format!("{what}: run the program"))(error);
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        thread::spawn(move || stdin.write_all(&input));
    }
    let (sender, texts) = mpsc::channel();
    read(child.stdout.take(), 0, sender.clone());
    read(child.stderr.take(), 1, sender);
    let mut output = [String::new(), String::new()];
    loop {
        match texts.recv_timeout(timeout) {
            Ok((index, text)) => output[index] = text,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => return Err(kill(what, &mut child, timeout)),
        }
    }
    let status = child.wait().map_err(failed)?;
    let [stdout, stderr] = output;
    Ok(Output { success: status.success(), stdout, stderr })
}

/// Reads to the end in a thread of its own: a program that fills one pipe while we read the other would wait for ever.
fn read(pipe: Option<impl Read + Send + 'static>, index: usize, sender: mpsc::Sender<(usize, String)>) {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send((index, String::from_utf8_lossy(&bytes).into_owned()));
    });
}

/// The children of the program find their pipes closed and end by themselves.
fn kill(what: &str, child: &mut Child, timeout: Duration) -> RepoError {
    let _ = child.kill();
    let _ = child.wait();
    RepoError::Remote { what: what.to_owned(), detail: format!("did not finish within {} s", timeout.as_secs_f32()) }
}

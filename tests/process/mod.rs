//! The real server as a process of its own, and a client that tells an answer from a lost one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, Request};

/// How long a test waits for something to become true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a run of the program came to.
#[allow(dead_code, reason = "not every program that takes this in asks for it")]
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program in a folder, and waits until it ends.
#[allow(dead_code, reason = "not every program that takes this in asks for it")]
pub(crate) fn meshwright(folder: &Path, arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_meshwright"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("MESHWRIGHT_SERVER")
        .env_remove("MESHWRIGHT_TOKEN")
        .output()
        .expect("the program is there to be started");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A server on a free port of loopback. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    log: Option<JoinHandle<String>>,
    listening: Receiver<String>,
}

impl Server {
    /// Starts a server and does not wait until it listens.
    pub(crate) fn spawn(data: &Path, config: &Path) -> Self {
        Self::within(data, config, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn within(data: &Path, config: &Path, environment: &[(&str, &str)]) -> Self {
        // A core dump would be allowed, if the server did not forbid it itself.
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_meshwright")])
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .arg("--config")
            .arg(config)
            .env_remove("NOTIFY_SOCKET")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server is there to be started");
        let stderr = child.stderr.take().unwrap();
        let (sender, listening) = channel();
        let read = move || {
            let mut log = String::new();
            for line in BufReader::new(stderr).split(b'\n') {
                let line = String::from_utf8_lossy(&line.unwrap()).into_owned();
                // As text, or as JSON.
                let rest = line.split_once("listening url=").or_else(|| line.split_once("\"listening\",\"url\":\""));
                if let Some((_, rest)) = rest {
                    drop(sender.send(rest.split([' ', '"']).next().unwrap_or_default().to_owned()));
                }
                log.push_str(&line);
                log.push('\n');
            }
            log
        };
        Self { child, log: Some(std::thread::spawn(read)), listening }
    }

    /// Waits until it listens, and gives its address.
    pub(crate) fn url(&mut self) -> String {
        match self.listening.recv_timeout(PATIENCE) {
            Ok(url) => url,
            Err(RecvTimeoutError::Timeout) => panic!("the server does not listen\n{}", self.end()),
            Err(RecvTimeoutError::Disconnected) => panic!("the server does not start\n{}", self.end()),
        }
    }

    /// The number of its process.
    #[allow(dead_code, reason = "not every program that takes this in asks for it")]
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as `kill -9` does, and gives all it wrote to its log.
    pub(crate) fn kill(mut self) -> String {
        self.end()
    }

    /// Sends it a signal, such as `HUP`.
    #[allow(dead_code, reason = "not every program that takes this in asks for it")]
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").arg(format!("-{name}")).arg(self.process().to_string()).status();
        assert!(sent.unwrap().success());
    }

    /// Asks it to stop, waits until it has, and gives all it wrote to its log.
    #[allow(dead_code, reason = "not every program that takes this in asks for it")]
    pub(crate) fn stop(self) -> String {
        self.signal("TERM");
        let (code, log) = self.ended();
        assert_eq!(code, Some(0), "{log}");
        log
    }

    /// Waits until it has ended; gives its exit code and all it wrote to its log.
    #[allow(dead_code, reason = "not every program that takes this in asks for it")]
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = self.child.wait().unwrap().code();
        (code, self.end())
    }

    fn end(&mut self) -> String {
        drop(self.child.kill());
        drop(self.child.wait());
        self.log.take().map(|log| log.join().unwrap()).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// An answer that came whole.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// Whether the server did what was asked is not known, for this reason.
pub(crate) struct Lost(String);

impl std::fmt::Debug for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ureq::Error> for Lost {
    fn from(error: ureq::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

/// Talks to one server. Nothing is sent twice.
#[derive(Clone)]
pub(crate) struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .max_idle_connections(4)
            .build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    /// Waits until every part works.
    #[allow(dead_code, reason = "not every program that takes this in asks for it")]
    pub(crate) fn until_ready(&self) {
        let begin = std::time::Instant::now();
        loop {
            let ready = self.send("GET", "/readyz", &[], None).unwrap();
            if ready.status == 200 {
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "{}", ready.body);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends a request; `body` comes with its type.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
    ) -> Result<Answer, Lost> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = match body {
            None => self.agent.run(request.body(()).unwrap()),
            Some((kind, bytes)) => self.agent.run(request.header("Content-Type", kind).body(bytes).unwrap()),
        };
        let mut response = sent?;
        let body = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
        Ok(Answer { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }
}

//! `meshwright serve`.

use std::path::PathBuf;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output;
use super::{Failure, Outcome, Verdict};
use crate::boot::{BootError, Logging, Read, Reload, Server, Source, forbid_core_dumps};
use crate::change::{Change, State};
use crate::config::Config;

/// Run the daemon: REST in, pull requests out
///
/// With no configuration it runs on an embedded store and an embedded forge (a bare repository, DATA/config.git), and
/// listens on loopback only.
#[derive(clap::Args)]
pub(super) struct Serve {
    /// A configuration file (YAML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The folder of the journal and the embedded config repository [default: meshwright-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8470]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Load a sample mesh (Online Boutique over two clusters), if it is not there yet, and leave a change waiting for
    /// review
    #[arg(long)]
    demo: bool,
}

impl Serve {
    pub(super) fn run(self) -> Outcome {
        let source = self.source();
        let read = source.read().map_err(failure)?;
        let logging = Logging::start(&read.config.log).map_err(failure)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
        let outcome = runtime.block_on(self.serve(source, read, logging));
        // What did not end in time holds nobody up.
        runtime.shutdown_background();
        outcome
    }

    /// The configuration file with what the options say over it.
    fn source(&self) -> Source {
        let (demo, data, listen) = (self.demo, self.data.clone(), self.listen.clone());
        Source::new(self.config.clone(), move |config| {
            if demo && !config.tokens.is_empty() {
                let message = "the sample mesh is for trying out, without credentials; leave tokens out";
                return Err(BootError::config("--demo", message));
            }
            let (data, listen) = (data.clone().unwrap_or(config.data), listen.clone().unwrap_or(config.listen));
            Ok(Config { data, listen, ..config })
        })
    }

    async fn serve(self, source: Source, read: Read, logging: Logging) -> Outcome {
        forbid_core_dumps();
        let config = read.config.clone();
        // Before anything is begun, which may take a while: a forge that is away is waited for.
        let mut stops = Stops::new()?;
        // Who has no file to read again is ended by SIGHUP, as when a terminal is closed.
        let reload = self.config.as_ref().map(|_| Reload::new(source, read, logging)).transpose().map_err(failure)?;
        let data = config.data.clone();
        // As a task of its own: some of it blocks, and signals are heeded all the same.
        let starting = tokio::spawn(async move { Server::start(&config).await });
        let started = tokio::select! {
            started = starting => started,
            _ = stops.next() => {
                tracing::info!("stopped before it listened");
                return Ok(Verdict::Ok);
            }
        };
        let mut server = started.map_err(Failure::failed)?.map_err(failure)?;
        if let Some(reload) = reload {
            server = server.with_reload(reload);
        }
        let url = format!("http://{}", server.address());
        tracing::info!(%url, data = %data.display(), "listening");
        if self.demo {
            server.load_demo().await.map_err(Failure::failed)?;
            tokio::select! {
                () = introduce(&server, &url) => {}
                _ = stops.next() => return Ok(Verdict::Ok),
            }
        }
        server.serve(stops.stopped()).await.map_err(Failure::failed)?;
        tracing::info!("stopped");
        Ok(Verdict::Ok)
    }
}

/// What the configuration gets wrong is for whoever wrote it.
fn failure(error: BootError) -> Failure {
    match error {
        BootError::File { path, message } => Failure::Usage(format!("{}: {message}", output::path(&path))),
        BootError::Config { .. } => Failure::Usage(error.to_string()),
        error => Failure::failed(error),
    }
}

/// Waits until the sample change is there to be looked at, and says what to try.
async fn introduce(server: &Server, url: &str) {
    let desk = server.desk();
    for _ in 0..200 {
        let early = [State::Journaled, State::Planned, State::Draft];
        if !desk.view().active().iter().any(|change| early.contains(&change.state)) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let view = desk.view();
    let server = if url.ends_with(":8470") { String::new() } else { format!(" --server {url}") };
    let Some(change) = view.active().first().map(|change| Change::clone(change)) else {
        return output::note(&format!(
            "\nThe sample mesh is on main; nothing waits for review. Look, in another terminal:\n\n  meshwright change \
             list{server}\n"
        ));
    };
    let (waits, steps) = next(change.state);
    let steps: Vec<_> = steps.iter().map(|step| format!("  meshwright change {step} {}{server}", change.id)).collect();
    let reason =
        change.reason.filter(|_| change.state == State::Blocked).map(|reason| format!(" ({})", output::line(&reason)));
    output::note(&format!(
        "\nChange {} is {}{} and {waits}. Try next, in another terminal:\n\n{}\n",
        change.id,
        change.state,
        reason.unwrap_or_default(),
        steps.join("\n")
    ));
}

/// What a change waits for, and the steps that lead on from there.
fn next(state: State) -> (&'static str, &'static [&'static str]) {
    match state {
        State::Approved | State::Merging => ("waits to be merged", &["show", "merge"]),
        State::Blocked => ("cannot go on", &["show", "withdraw"]),
        _ => ("waits for your review", &["show", "approve", "merge"]),
    }
}

/// The signals that ask the process to stop.
struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    /// From now on they no longer end the process by themselves.
    fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::failed);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for the next one; gives the exit code of a process that it ends.
    async fn next(&mut self) -> i32 {
        let signal = tokio::select! {
            _ = self.interrupt.recv() => SignalKind::interrupt(),
            _ = self.terminate.recv() => SignalKind::terminate(),
        };
        128 + signal.as_raw_value()
    }

    /// Resolves when the process is asked to stop; when it is asked again, it ends at once.
    async fn stopped(mut self) {
        self.next().await;
        tracing::info!("stopping");
        tokio::spawn(async move {
            let code = self.next().await;
            tracing::warn!("ended at once, as it was asked to stop again");
            std::process::exit(code);
        });
    }
}

//! `meshwright serve`.

use std::path::PathBuf;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::output;
use super::{Failure, Outcome, Verdict};
use crate::boot::{BootError, Server, forbid_core_dumps};
use crate::change::{Change, State};
use crate::config::{Config, Log};

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
        let mut config = match &self.config {
            None => Config::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Failure::Usage(format!("{}: {error}", output::path(path))))?;
                Config::read(&text).map_err(|error| Failure::Usage(format!("{}: {error}", output::path(path))))?
            }
        };
        if self.demo && !config.tokens.is_empty() {
            return Err(Failure::Usage(
                "--demo: the sample mesh is for trying out, without credentials; leave tokens out".into(),
            ));
        }
        config.data = self.data.clone().unwrap_or(config.data);
        config.listen = self.listen.clone().unwrap_or(config.listen);
        log(&config.log)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::failed)?;
        runtime.block_on(self.serve(&config))
    }

    async fn serve(self, config: &Config) -> Outcome {
        forbid_core_dumps();
        let server = Server::start(config).await.map_err(|error| match error {
            BootError::Config { .. } => Failure::Usage(error.to_string()),
            error => Failure::failed(error),
        })?;
        let url = format!("http://{}", server.address());
        tracing::info!(%url, data = %config.data.display(), "listening");
        if self.demo {
            server.load_demo().await.map_err(Failure::failed)?;
            introduce(&server, &url).await;
        }
        server.serve(stopped()).await.map_err(Failure::failed)?;
        tracing::info!("stopped");
        Ok(Verdict::Ok)
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

/// Resolves when the process is asked to stop.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    drop(tokio::signal::ctrl_c().await);
}

fn log(config: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&config.filter).map_err(|error| Failure::Usage(format!("log.filter: {error}")))?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let result = if config.json {
        registry.with(layer.json()).try_init()
    } else {
        registry.with(layer.with_ansi(false)).try_init()
    };
    result.map_err(Failure::failed)
}

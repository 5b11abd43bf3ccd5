//! What is written to the log, which lines of it can be chosen anew while the server runs.

use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::error::BootError;
use crate::config::Log;

/// The log of this process. Cloning shares it.
#[derive(Clone)]
pub struct Logging(reload::Handle<EnvFilter, Registry>);

/// Which lines are written.
pub(super) struct Lines(EnvFilter);

impl Lines {
    /// Reads levels by module, such as `meshwright::change=debug`.
    ///
    /// # Errors
    /// What is wrong with `log.filter`.
    pub(super) fn read(filter: &str) -> Result<Self, BootError> {
        EnvFilter::try_new(filter).map(Self).map_err(|error| BootError::config("log.filter", error.to_string()))
    }
}

impl Logging {
    /// Begins to write the log to standard error.
    ///
    /// # Errors
    /// What is wrong with the configuration, or that something else writes a log already.
    pub fn start(config: &Log) -> Result<Self, BootError> {
        let (lines, handle) = reload::Layer::new(Lines::read(&config.filter)?.0);
        // Whichever lines are chosen: they tell of which request and of which change they are.
        let spans = filter_fn(|of| of.is_span() && of.target().starts_with(env!("CARGO_PKG_NAME")));
        let chosen = lines.or(spans.with_max_level_hint(LevelFilter::ERROR));
        let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
        let registry = tracing_subscriber::registry();
        let started = if config.json {
            registry.with(layer.json().with_filter(chosen)).try_init()
        } else {
            registry.with(layer.with_ansi(false).with_filter(chosen)).try_init()
        };
        started.map_err(|error| BootError::config("log", error.to_string()))?;
        Ok(Self(handle))
    }

    /// Chooses other lines.
    pub(super) fn choose(&self, lines: Lines) {
        if let Err(error) = self.0.reload(lines.0) {
            tracing::error!(%error, "the log goes on as it was");
        }
    }
}

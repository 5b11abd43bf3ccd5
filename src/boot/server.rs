//! A whole server: the parts with the edge in front.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::BootError;
use super::parts::{Parts, Stores};
use super::registrar::{register_when_ready, registrar};
use super::reload::{Reload, Reloaded};
use super::{SystemClock, demo, sinks, supervisor, terms};
use crate::change::{Clock, Desk, Timing};
use crate::config::Config;
use crate::http::{self, Api, Door, Limits, Reloads};
use crate::orchestrator::Registrar;

/// The longest that the server waits for anything when it is told to stop.
const LONGEST_SHUTDOWN: Duration = Duration::from_secs(86_400);

/// A server that is ready to serve.
pub struct Server {
    listener: TcpListener,
    api: Api,
    parts: Parts,
    address: SocketAddr,
    registrar: Option<Registrar>,
    reload: Option<Reload>,
    /// How long what was begun may go on when it stops.
    shutdown: Duration,
}

impl Server {
    /// Builds a server as a configuration says, and binds its address.
    ///
    /// # Errors
    /// What cannot be used; above all an address other than loopback without credentials.
    pub async fn start(config: &Config) -> Result<Self, BootError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let stores = Stores::open(config, &clock)?;
        Self::over(config, stores, clock).await
    }

    /// The same over stores that were opened already.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn over(config: &Config, stores: Stores, clock: Arc<dyn Clock>) -> Result<Self, BootError> {
        let door = Door::new(terms::terms(config)?);
        let address = terms::address(&config.listen, config.tokens.is_empty())?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| BootError::config("listen", format!("{address}: {source}")))?;
        let address = listener.local_addr().map_err(|source| BootError::config("listen", source.to_string()))?;
        let registrar = config.orchestrator.as_ref().map(|it| registrar(it, address.port())).transpose()?;
        let timing =
            Timing { settle: config.timing.settle.0, ready_after: config.timing.ready_after.0, poll: config.poll().0 };
        let parts = Parts::start(stores, clock.clone(), timing).await?;
        let request_prefix = format!("{:x}", clock.now().0);
        let (limits, readiness, reloads) = (Limits::default(), parts.readiness(), Reloads::default());
        let api = Api { desk: parts.desk.clone(), door, limits, readiness, clock, request_prefix, reloads };
        let shutdown = Duration::from_millis(config.timing.shutdown.0.unsigned_abs()).min(LONGEST_SHUTDOWN);
        Ok(Self { listener, api, parts, address, registrar, reload: None, shutdown })
    }

    /// The same, which takes over what it can of its configuration while it runs.
    #[must_use]
    pub fn with_reload(self, reload: Reload) -> Self {
        Self { reload: Some(reload), ..self }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The handle on what is behind the edge.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.parts.desk
    }

    /// Posts the sample mesh, unless it is there.
    ///
    /// # Errors
    /// Why it was refused.
    pub async fn load_demo(&self) -> Result<(), crate::change::Refusal> {
        demo::load(&self.parts.desk).await
    }

    /// Serves until `stop` resolves, then withdraws its registration, tells the sinks, and lets requests and what is being
    /// done to changes end, for as long as `timing.shutdown` says in all.
    ///
    /// # Errors
    /// What the system says when it takes the listener away.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let (registrar, readiness) = (self.registrar, self.api.readiness.clone());
        if let Some(registrar) = registrar.clone() {
            tokio::spawn(register_when_ready(registrar, readiness.clone()));
        }
        supervisor::ready();
        let (stopping, stopped) = oneshot::channel();
        let announcing = sinks::announce_readiness(readiness.clone(), self.parts.desk.clone(), stopped);
        let mut announcing = tokio::spawn(announcing);
        readiness.rely_on("sinks", announcing.abort_handle());
        let attending = tokio::spawn(supervisor::attend(readiness.clone()));
        let reloading = self.reload.map(|reload| {
            let (door, plugins) = (self.api.door.clone(), self.parts.plugins.clone());
            let reloaded = Reloaded { door, plugins, sinks: self.parts.sinks.clone() };
            let reloading = tokio::spawn(reload.watch(reloaded, self.api.reloads.clone(), self.address));
            readiness.rely_on("reload", reloading.abort_handle());
            reloading
        });
        let (time, desk) = (self.shutdown, self.parts.desk.clone());
        let by = Arc::new(OnceLock::new());
        let deadline = {
            let by = Arc::clone(&by);
            move || *by.get_or_init(|| Instant::now() + time)
        };
        let begun = deadline.clone();
        let stop = async move {
            stop.await;
            let by = begun();
            readiness.stop();
            desk.stop();
            drop(stopping);
            attending.abort();
            if let Some(reloading) = reloading {
                reloading.abort();
            }
            supervisor::stopping();
            if let Some(registrar) = registrar {
                drop(tokio::time::timeout_at(by, registrar.withdraw()).await);
            }
            by
        };
        let result = http::serve(self.listener, self.api, stop).await;
        drop(tokio::time::timeout_at(deadline(), &mut announcing).await);
        announcing.abort();
        self.parts.stop(deadline()).await;
        result
    }
}

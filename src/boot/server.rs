//! A whole server: the parts with the edge in front.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use tokio::net::TcpListener;

use super::error::BootError;
use super::parts::{Parts, Stores};
use super::registrar::{register_when_ready, registrar};
use super::{SystemClock, demo, forges, sinks, supervisor};
use crate::change::{Clock, Desk, Timing};
use crate::config::{self, Config, MayActFor};
use crate::http::{self, ActsFor, Api, Auth, Limits, Right};
use crate::orchestrator::Registrar;

/// Requests per second that the holder of a token may send in the long run, unless configured otherwise: more than an
/// orchestrator needs that posts intents one by one, and a small part of what the journal takes.
const RATE: f64 = 100.0;

/// A server that is ready to serve.
pub struct Server {
    listener: TcpListener,
    api: Api,
    parts: Parts,
    address: SocketAddr,
    registrar: Option<Registrar>,
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
        let auth = auth(&config.tokens)?;
        let address = address(&config.listen, config.tokens.is_empty())?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| BootError::config("listen", format!("{address}: {source}")))?;
        let address = listener.local_addr().map_err(|source| BootError::config("listen", source.to_string()))?;
        let registrar = config.orchestrator.as_ref().map(|it| registrar(it, address.port())).transpose()?;
        let timing =
            Timing { settle: config.timing.settle.0, ready_after: config.timing.ready_after.0, poll: config.poll().0 };
        let parts = Parts::start(stores, clock.clone(), timing).await?;
        let request_prefix = format!("{:x}", clock.now().0);
        let (limits, readiness) = (limits(config), parts.readiness());
        let webhooks = forges::webhooks(&config.forge)?;
        let api = Api { desk: parts.desk.clone(), auth, limits, readiness, clock, webhooks, request_prefix };
        Ok(Self { listener, api, parts, address, registrar })
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

    /// Serves until `stop` resolves, then withdraws its registration and lets requests end.
    ///
    /// # Errors
    /// What the system says when it takes the listener away.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
        let (registrar, readiness) = (self.registrar, self.api.readiness.clone());
        if let Some(registrar) = registrar.clone() {
            tokio::spawn(register_when_ready(registrar, readiness.clone()));
        }
        let announcing = tokio::spawn(sinks::announce_readiness(readiness.clone(), self.parts.desk.clone()));
        let attending = tokio::spawn(supervisor::attend(readiness));
        let stop = async move {
            stop.await;
            attending.abort();
            announcing.abort();
            supervisor::stopping();
            if let Some(registrar) = registrar {
                registrar.withdraw().await;
            }
        };
        let result = http::serve(self.listener, self.api, stop).await;
        drop(self.parts);
        result
    }
}

/// Without credentials only this machine may call.
fn address(listen: &str, open: bool) -> Result<SocketAddr, BootError> {
    let resolved = listen.to_socket_addrs().map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let Some(address) = resolved.first() else {
        return Err(BootError::config("listen", format!("`{listen}` is not an address; write it as 127.0.0.1:8470")));
    };
    if open && !resolved.iter().all(|address| address.ip().is_loopback()) {
        let message = format!(
            "{listen} can be reached from other machines, and no tokens are configured: anybody could change the mesh. \
             Configure tokens, or listen on 127.0.0.1"
        );
        return Err(BootError::config("listen", message));
    }
    Ok(*address)
}

/// Callers with tokens are others' programs, which may run wild; without them it is one's own machine.
fn limits(config: &Config) -> Limits {
    let default = Limits::default();
    let rate = if config.tokens.is_empty() { default.rate } else { RATE };
    Limits { rate: config.limits.rate.unwrap_or(rate), burst: config.limits.burst.unwrap_or(default.burst), ..default }
}

fn auth(tokens: &[config::Token]) -> Result<Auth, BootError> {
    if tokens.is_empty() {
        return Ok(Auth::open());
    }
    let wrong = |message: String| BootError::config("tokens", message);
    let tokens = tokens.iter().map(token).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    Auth::tokens(tokens).map_err(wrong)
}

fn token(configured: &config::Token) -> Result<http::Token, String> {
    let mut token = http::Token::new(&configured.name, &configured.sha256)?.logins(configured.logins.clone());
    for (project, words) in &configured.rights {
        let right = |word: &String| {
            Right::parse(word)
                .ok_or_else(|| format!("{}: `{word}` is no right; known: propose, approve, operate", configured.name))
        };
        token = token.grant(project, &words.iter().map(right).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(token.acts_for(match &configured.may_act_for {
        MayActFor::Anybody(true) => ActsFor::Anybody,
        MayActFor::Anybody(false) => ActsFor::Nobody,
        MayActFor::These(actors) => ActsFor::These(actors.clone()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_with_tokens_have_a_rate_unless_it_is_configured() {
        let limits = |text: &str| {
            let limits = limits(&Config::read(text).unwrap());
            (limits.rate, limits.burst)
        };
        let tokens = "tokens:\n- {name: ci, sha256: ab}\n";
        assert_eq!(limits(""), (0.0, 1000.0), "nobody is told apart");
        assert_eq!(limits(tokens), (100.0, 1000.0));
        assert_eq!(limits(&format!("{tokens}limits: {{rate: 0}}\n")), (0.0, 1000.0));
        assert_eq!(limits(&format!("{tokens}limits: {{rate: 5, burst: 7}}\n")), (5.0, 7.0));
        assert_eq!(limits("limits: {rate: 5}\n"), (5.0, 1000.0));
    }
}

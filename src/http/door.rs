//! Who may come in and how often, which is exchanged as a whole while requests are served.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::auth::{Auth, Caller};
use super::rate::Buckets;
use super::signature::{Engines, Webhooks};
use crate::change::Timestamp;

/// On which terms callers come in.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Who may call.
    pub auth: Auth,
    /// Requests per second and caller in the long run; 0 for no limit.
    pub rate: f64,
    /// Requests that a caller may send at once.
    pub burst: f64,
    /// Whose webhooks are taken, if any.
    pub webhooks: Option<Webhooks>,
    /// The GitOps engines whose webhooks are taken.
    pub engines: Engines,
}

impl From<Auth> for Terms {
    /// These callers, as often as they like, and no webhooks.
    fn from(auth: Auth) -> Self {
        Self { auth, rate: 0.0, burst: 1.0, webhooks: None, engines: Engines::default() }
    }
}

/// The terms in force. Cloning shares them.
///
/// A request that came in keeps to the terms it came in on. What a caller may still send is counted by its name, so that an
/// exchange gives nobody more than it had left.
#[derive(Clone)]
pub struct Door {
    terms: Arc<ArcSwap<Terms>>,
    buckets: Arc<Buckets>,
    exchanged: watch::Sender<()>,
}

impl Door {
    /// A door on these terms.
    #[must_use]
    pub fn new(terms: Terms) -> Self {
        let terms = Arc::new(ArcSwap::from_pointee(terms));
        Self { terms, buckets: Arc::default(), exchanged: watch::Sender::new(()) }
    }

    /// Puts other terms in force, for every request that comes in from now on.
    pub fn exchange(&self, terms: Terms) {
        let terms = Arc::new(terms);
        self.terms.store(Arc::clone(&terms));
        self.buckets.keep(|name| terms.auth.names().any(|known| known == name));
        self.exchanged.send_replace(());
    }

    /// The terms in force now.
    pub(super) fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    /// Takes one request of `caller` at `now`.
    ///
    /// # Errors
    /// When it has none left: the whole seconds until it has.
    pub(super) fn take(&self, terms: &Terms, caller: &Caller, now: Timestamp) -> Result<(), u64> {
        self.buckets.take(caller.name(), terms.rate, terms.burst, now)
    }

    /// Changes each time that terms are exchanged.
    pub(super) fn exchanges(&self) -> watch::Receiver<()> {
        self.exchanged.subscribe()
    }

    /// Whether what `caller` came in with would still let it in.
    pub(super) fn knows(&self, caller: &Caller) -> bool {
        self.terms.load().auth.knows(caller)
    }
}

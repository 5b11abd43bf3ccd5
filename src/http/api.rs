//! What the edge is made of, and what its handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use super::apart::apart;
use super::door::Door;
use super::metrics::Metrics;
use super::place::Places;
use super::problem::Problem;
use super::readiness::Readiness;
use super::reloads::Reloads;
use super::routes;
use super::streams::Streams;
use crate::change::{Clock, Desk};

/// Bounds of what callers may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// The longest JSON body, and the longest `metadata` part of a multipart body, in bytes.
    pub body: usize,
    /// The longest multipart body, in bytes.
    pub multipart: usize,
    /// The longest bundle, in bytes.
    pub bundle: usize,
    /// How long a body, a head or a reader may keep the server waiting.
    pub patience: Duration,
    /// The most requests that are worked on at once; those whose bodies are still on their way do not count.
    pub requests: usize,
    /// The most bytes that the longer bodies may take together, those on their way and those being worked on.
    pub room: usize,
    /// The most webhooks that are worked on at once. They have places and room of their own: anybody may send what is not
    /// signed, and then only webhooks wait, which the refresh loop makes up for.
    pub webhooks: usize,
    /// The most bytes that the longer webhooks may take together.
    pub webhook_room: usize,
    /// The most connections that are open at once; more wait to be accepted.
    pub connections: usize,
    /// The most event streams that are open at once.
    pub event_streams: usize,
    /// The most of them that one caller may have: the holder of a token, or everybody on this machine without tokens.
    pub own_event_streams: usize,
    /// The most plans that are made at once; more wait.
    pub plans: usize,
    /// The most long bodies that are made sense of at once; more wait.
    pub readers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            multipart: 10 << 20,
            bundle: 1 << 20,
            patience: Duration::from_secs(30),
            requests: 1024,
            room: 256 << 20,
            webhooks: 64,
            webhook_room: 64 << 20,
            connections: 4096,
            event_streams: 256,
            own_event_streams: 16,
            plans: 2,
            readers: 2,
        }
    }
}

/// What the edge is made of.
#[derive(Clone)]
pub struct Api {
    /// Where changes are asked for.
    pub desk: Desk,
    /// Who may come in, and how often.
    pub door: Door,
    /// Bounds.
    pub limits: Limits,
    /// How the parts are.
    pub readiness: Readiness,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What request ids begin with, so that those of two runs differ.
    pub request_prefix: String,
    /// How readings of the configuration went.
    pub reloads: Reloads,
}

/// What handlers share.
pub(super) struct Shared {
    pub(super) desk: Desk,
    pub(super) door: Door,
    pub(super) limits: Limits,
    pub(super) readiness: Readiness,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Metrics,
    pub(super) reloads: Reloads,
    places: Places,
    webhook_places: Places,
    planning: Arc<Semaphore>,
    pub(super) reading: Arc<Semaphore>,
    /// Long webhooks have their signature checked one at a time.
    pub(super) checking: Arc<Semaphore>,
    pub(super) streams: Streams,
    /// Whether the server stops: streams end then.
    pub(super) stopping: watch::Receiver<bool>,
    prefix: String,
    served: AtomicU64,
}

impl Shared {
    pub(super) fn new(api: Api, stopping: watch::Receiver<bool>) -> Arc<Self> {
        let limits = api.limits;
        Arc::new(Self {
            places: Places::new(limits.requests, limits.room),
            webhook_places: Places::new(limits.webhooks, limits.webhook_room),
            planning: Arc::new(Semaphore::new(limits.plans.max(1))),
            reading: Arc::new(Semaphore::new(limits.readers)),
            checking: Arc::new(Semaphore::new(1)),
            streams: Streams::new(limits.event_streams, limits.own_event_streams),
            metrics: Metrics::default(),
            reloads: api.reloads,
            desk: api.desk,
            door: api.door,
            limits,
            readiness: api.readiness,
            clock: api.clock,
            stopping,
            prefix: api.request_prefix,
            served: AtomicU64::new(0),
        })
    }

    /// The places where requests of this path are worked on.
    pub(super) fn places(&self, path: &str) -> &Places {
        if routes::template(path) == Some(routes::WEBHOOKS) { &self.webhook_places } else { &self.places }
    }

    /// The id of a request that brought none.
    pub(super) fn request_id(&self) -> String {
        format!("{}-{}", self.prefix, self.served.fetch_add(1, Ordering::Relaxed))
    }

    /// Does work that keeps a core busy, away from the threads that serve; a few at once.
    pub(super) async fn plan<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let shared = Arc::clone(self);
        apart(&self.planning, move || work(&shared)).await
    }
}

//! A server on loopback over stores in a temporary folder.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use meshwright::boot::{Parts, Stores, SystemClock};
use meshwright::change::{Clock, Timing};
use meshwright::config::Config;
use meshwright::http::{self, Api, Door, Limits, Readiness, Reloads, Terms};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A server that runs until it is stopped or dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _data: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(terms: impl Into<Terms>, limits: Limits, port: u16) -> Self {
        Self::start_with(terms, limits, port, None)
    }

    /// The same with something else to say about its parts.
    pub(crate) fn start_with(terms: impl Into<Terms>, limits: Limits, port: u16, readiness: Option<Readiness>) -> Self {
        let (door, reloads) = (Door::new(terms.into()), Reloads::default());
        let data = tempfile::tempdir().unwrap();
        let config = Config { data: data.path().to_owned(), ..Config::default() };
        let (stop, stopped) = oneshot::channel::<()>();
        let (started, address) = std::sync::mpsc::channel();
        let serve = async move {
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let stores = Stores::open(&config, &clock).unwrap();
            let timing = Timing { settle: 20, ready_after: 200, poll: 200 };
            let parts = Parts::start(stores, clock.clone(), timing).await.unwrap();
            while !parts.readiness().is_ready() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let readiness = readiness.unwrap_or_else(|| parts.readiness());
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            let api = Api {
                desk: parts.desk.clone(),
                door,
                limits,
                readiness,
                clock,
                request_prefix: "test".into(),
                reloads,
            };
            let stop = async {
                drop(stopped.await);
                Instant::now() + Duration::from_secs(10)
            };
            http::serve(listener, api, stop).await.unwrap();
            drop(parts);
        };
        let thread = std::thread::spawn(move || tokio::runtime::Runtime::new().unwrap().block_on(serve));
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread), _data: data }
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

//! How connections to a plugin are made.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tonic::codegen::http::Uri;
use tonic::codegen::{Service, StdError};
use tonic::transport::{Channel, Endpoint};

use super::corked::Corked;
use super::quota::{Metered, Quota};

/// How long it may take until a socket is connected, and until it can be used, with TLS: who waits for it has a deadline and
/// goes, but while it is being made no other is.
const CONNECT: Duration = Duration::from_secs(5);
const ESTABLISH: Duration = Duration::from_secs(8);

/// Makes connections to one plugin.
#[derive(Debug, Clone)]
pub(super) struct Dialer {
    endpoint: Endpoint,
    way: Way,
    address: String,
}

#[derive(Debug, Clone)]
enum Way {
    Tcp(HttpConnector),
    Unix(PathBuf),
}

/// Makes the connections of one channel.
struct Connector {
    way: Way,
    quota: Quota,
}

/// A stream of either kind.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Duplex for S {}

impl Dialer {
    /// To an endpoint, by a Unix socket where that is named, which is called `address` in the configuration.
    pub(super) fn new(endpoint: Endpoint, socket: Option<PathBuf>, address: String) -> Self {
        let way = socket.map_or_else(|| Way::Tcp(tcp()), Way::Unix);
        Self { endpoint: endpoint.connect_timeout(ESTABLISH), way, address }
    }

    /// Where to, as it is configured.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A channel that connects when it is first used, and takes in what `quota` allows.
    pub(super) fn channel(&self, quota: Quota) -> Channel {
        self.endpoint.connect_with_connector_lazy(Connector { way: self.way.clone(), quota })
    }
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    // TLS comes on top of it.
    tcp.enforce_http(false);
    // What is small does not wait for more.
    tcp.set_nodelay(true);
    tcp.set_connect_timeout(Some(CONNECT));
    tcp
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Corked<Metered<Box<dyn Duplex>>>>;
    type Error = StdError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, StdError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        match &mut self.way {
            Way::Tcp(tcp) => tcp.poll_ready(cx).map_err(StdError::from),
            Way::Unix(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        // The one that is ready; its clone is not.
        let next = self.way.clone();
        let (mut way, quota) = (std::mem::replace(&mut self.way, next), self.quota.clone());
        Box::pin(async move {
            let stream: Box<dyn Duplex> = match &mut way {
                Way::Tcp(tcp) => Box::new(tcp.call(to).await?.into_inner()),
                Way::Unix(socket) => Box::new(UnixStream::connect(socket).await?),
            };
            Ok(TokioIo::new(Corked::new(Metered::new(stream, quota))))
        })
    }
}

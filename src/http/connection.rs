//! Connections: how many, and how long one may keep the server waiting.
//!
//! A peer that is owed no answer has a while to ask for one, and a peer that is being answered has a while to take it.
//! Heads and answers that trickle are cut, event streams and long plans are not. Where most connections are in use, who
//! has not asked for anything yet has much less of a while.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// How long a connection may stay without its first request while most are in use.
const HASTE: Duration = Duration::from_secs(5);

/// A listener whose connections are bounded in number and in patience.
pub(super) struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
    most: usize,
    patience: Duration,
}

impl Bounded {
    /// At most `most` connections at once, each of which may keep the server waiting for `patience`.
    pub(super) fn new(listener: TcpListener, most: usize, patience: Duration) -> Self {
        Self { listener, room: Arc::new(Semaphore::new(most)), most, patience }
    }
}

impl Listener for Bounded {
    type Io = Patient;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Patient, SocketAddr) {
        let place = Arc::clone(&self.room).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Answers are written whole; waiting for more to send would only delay them.
        _ = stream.set_nodelay(true);
        let patient = Patient {
            stream,
            patience: self.patience,
            crowd: self.most / 4,
            timer: Box::pin(tokio::time::sleep(self.patience)),
            left: None,
            answered: false,
            work: Work::default(),
            place,
        };
        (patient, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// How many requests of a connection are being worked on.
#[derive(Debug, Clone, Default)]
pub(super) struct Work(Arc<AtomicUsize>);

/// One request that is being worked on, until this is dropped.
pub(super) struct Working(Work);

impl Work {
    /// A request begins.
    pub(super) fn begin(&self) -> Working {
        self.0.fetch_add(1, Ordering::Relaxed);
        Working(self.clone())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Bounded>> for Work {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        stream.io().work.clone()
    }
}

/// A connection that is not waited for forever.
pub(super) struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// How many connections fewer than that are free when most are in use.
    crowd: usize,
    timer: Pin<Box<Sleep>>,
    /// What is left of patience when the timer ends; none while it does not run. Anything that was written stops it.
    left: Option<Duration>,
    /// Whether anything was written.
    answered: bool,
    work: Work,
    place: Option<OwnedSemaphorePermit>,
}

impl Patient {
    /// What waiting comes to: more waiting, or the end of patience.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        loop {
            let Some(left) = self.left else {
                self.wait_on(self.patience);
                continue;
            };
            match self.timer.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) if self.work.0.load(Ordering::Relaxed) > 0 => self.left = None,
                Poll::Ready(()) if left.is_zero() || (!self.answered && self.is_crowded()) => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                Poll::Ready(()) => self.wait_on(left),
            }
        }
    }

    /// Starts the timer for what it may run of `patience` until things are looked at again.
    fn wait_on(&mut self, patience: Duration) {
        let step = patience.min(HASTE);
        self.timer.set(tokio::time::sleep(step));
        self.left = Some(patience - step);
    }

    /// Whether more than three quarters of all connections are in use.
    fn is_crowded(&self) -> bool {
        self.place.as_ref().is_some_and(|place| place.semaphore().available_permits() < self.crowd)
    }

    /// Something was written.
    fn wrote(&mut self) {
        self.left = None;
        self.answered = true;
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_read(context, into) {
            Poll::Pending => self.wait(context),
            ready => ready,
        }
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, from) {
            Poll::Pending => self.wait(context),
            ready => {
                self.wrote();
                ready
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(context, from) {
            Poll::Pending => self.wait(context),
            ready => {
                self.wrote();
                ready
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

//! Connections that break off when they are told to, as those of a process that is killed do.

use std::io::{ErrorKind, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// How many bytes all connections of a server may still send together; none where that has no end.
#[derive(Clone, Default)]
pub(super) struct Allowance(Arc<Mutex<Option<usize>>>);

impl Allowance {
    pub(super) fn set(&self, bytes: Option<usize>) {
        *self.0.lock().unwrap() = bytes;
    }
}

/// A connection that is gone when nothing more may be sent.
pub(super) struct Line<C> {
    pub(super) connection: C,
    pub(super) allowance: Allowance,
}

impl<C: AsyncRead + Unpin> AsyncRead for Line<C> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.connection).poll_read(context, into)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Line<C> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let Self { connection, allowance } = &mut *self;
        let mut allowance = allowance.0.lock().unwrap();
        let most = allowance.unwrap_or(usize::MAX).min(bytes.len());
        if most == 0 && !bytes.is_empty() {
            // The server gives it up then, and closes the socket.
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let sent = Pin::new(connection).poll_write(context, &bytes[..most]);
        if let (Poll::Ready(Ok(count)), Some(left)) = (&sent, &mut *allowance) {
            *left -= count;
        }
        sent
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.connection).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(context)
    }
}

impl<C: Connected> Connected for Line<C> {
    type ConnectInfo = C::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.connection.connect_info()
    }
}

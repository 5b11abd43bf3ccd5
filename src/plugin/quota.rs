//! How much a plugin may send on a connection, whatever it is: frames that say nothing are none of an answer's bytes, and
//! whoever sends them without end would keep a core busy, asked or not.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that come while nothing is asked: twice what may still be on its way when a call is given up.
const UNASKED: usize = 8 << 20;

/// What may still be sent on a connection. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(super) struct Quota(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    left: usize,
    calls: usize,
    exceeded: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { left: UNASKED, calls: 0, exceeded: false }
    }
}

impl Quota {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allows for an answer of so many bytes, and as many more that carry it, until all calls are over.
    pub(super) fn call(&self, bytes: usize) -> Call {
        let mut state = self.state();
        state.left = state.left.saturating_add(bytes.saturating_mul(2));
        state.calls += 1;
        Call(self.clone())
    }

    /// Takes notice of bytes that came.
    fn take(&self, bytes: usize) -> io::Result<()> {
        let mut state = self.state();
        match state.left.checked_sub(bytes) {
            Some(left) => state.left = left,
            None => {
                (state.left, state.exceeded) = (0, true);
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
        }
        Ok(())
    }

    /// Whether more came than was allowed for, since this was asked last.
    pub(super) fn was_exceeded(&self) -> bool {
        std::mem::take(&mut self.state().exceeded)
    }
}

/// A call that runs.
pub(super) struct Call(Quota);

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.calls -= 1;
        if state.calls == 0 {
            state.left = UNASKED;
        }
    }
}

/// A stream that breaks off when more comes than its quota has left.
pub(super) struct Metered<S> {
    stream: S,
    quota: Quota,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, quota: Quota) -> Self {
        Self { stream, quota }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = to.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, to))?;
        Poll::Ready(self.quota.take(to.filled().len() - before).inspect_err(|_| to.set_filled(before)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[test]
    fn calls_are_allowed_for_until_all_are_over() {
        let quota = Quota::default();
        assert!(quota.take(UNASKED).is_ok() && quota.take(0).is_ok());
        let (one, other) = (quota.call(50), quota.call(50));
        assert!(quota.take(120).is_ok());
        drop(one);
        assert!(quota.take(80).is_ok() && !quota.was_exceeded());
        assert_eq!(quota.take(1).unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
        assert!(quota.was_exceeded() && !quota.was_exceeded());
        drop(other);
        assert!(quota.take(UNASKED).is_ok() && quota.take(1).is_err());
    }

    #[tokio::test]
    async fn a_stream_breaks_off_when_more_comes() {
        let (here, mut there) = duplex(1 << 20);
        let quota = Quota::default();
        let mut metered = Metered::new(here, quota.clone());
        let flood = tokio::spawn(async move { while there.write_all(&[0; 1 << 16]).await.is_ok() {} });
        let mut came = vec![];
        let error = metered.read_to_end(&mut came).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
        assert!(quota.was_exceeded());
        drop(metered);
        flood.await.unwrap();
    }
}

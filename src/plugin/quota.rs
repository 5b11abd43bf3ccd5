//! How much a plugin may send on a connection, whatever it is: frames that say nothing are none of an answer's bytes, and
//! whoever sends them without end would keep a core busy, asked or not.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that come while nothing is asked: twice what may still be on its way when a call is given up.
const UNASKED: usize = 8 << 20;

/// What is said of a plugin that sends more.
pub(super) const EXCEEDED: &str = "sends more than twice what its answers may have, or 8 MiB between calls";

/// What may still be sent on a connection. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(super) struct Quota(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    left: usize,
    calls: usize,
    /// What the calls that run allow for.
    allowed: usize,
    /// How often more came while calls ran.
    exceeded: u64,
    /// Whether more came while none did, and nobody was told yet.
    unasked: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { left: UNASKED, calls: 0, allowed: 0, exceeded: 0, unasked: false }
    }
}

impl Quota {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Allows for an answer of so many bytes, and as many more that carry it, until it is over.
    pub(super) fn call(&self, bytes: usize) -> Call {
        let (mut state, allows) = (self.state(), bytes.saturating_mul(2));
        state.left = state.left.saturating_add(allows);
        state.allowed = state.allowed.saturating_add(allows);
        state.calls += 1;
        Call { quota: self.clone(), allows, before: state.exceeded }
    }

    /// Takes notice of bytes that came.
    fn take(&self, bytes: usize) -> io::Result<()> {
        let mut state = self.state();
        if let Some(left) = state.left.checked_sub(bytes) {
            state.left = left;
            return Ok(());
        }
        state.left = 0;
        match state.calls {
            0 => state.unasked = true,
            _ => state.exceeded += 1,
        }
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, EXCEEDED))
    }

    /// Whether more came than is taken while nothing was asked, since this was asked last.
    pub(super) fn was_exceeded_unasked(&self) -> bool {
        std::mem::take(&mut self.state().unasked)
    }
}

/// A call that runs.
pub(super) struct Call {
    quota: Quota,
    allows: usize,
    before: u64,
}

impl Call {
    /// Whether more came than was allowed for since it began.
    pub(super) fn exceeded(&self) -> bool {
        self.quota.state().exceeded > self.before
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let mut state = self.quota.state();
        state.calls -= 1;
        state.allowed = state.allowed.saturating_sub(self.allows);
        state.left = match state.calls {
            0 => UNASKED,
            // What it did not take is not for others.
            _ => state.left.min(UNASKED + state.allowed),
        };
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
    fn calls_are_allowed_for_until_they_are_over() {
        let quota = Quota::default();
        assert!(quota.take(UNASKED).is_ok() && quota.take(0).is_ok());
        let (one, other) = (quota.call(50), quota.call(50));
        assert!(quota.take(120).is_ok());
        drop(one);
        assert!(quota.take(80).is_ok());
        drop((quota.call(UNASKED), quota.call(UNASKED)));
        assert_eq!(quota.state().left, UNASKED + 100);
        drop(other);
        assert!(quota.take(UNASKED).is_ok() && !quota.was_exceeded_unasked());
        assert_eq!(quota.take(1).unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
        assert!(quota.was_exceeded_unasked() && !quota.was_exceeded_unasked());
    }

    #[test]
    fn every_call_learns_of_what_came_while_it_ran_and_of_nothing_else() {
        let quota = Quota::default();
        assert!(quota.take(UNASKED + 1).is_err());
        let calls = [quota.call(50), quota.call(50)];
        assert!(quota.take(201).is_err());
        assert!(calls.iter().all(Call::exceeded));
        let later = quota.call(1);
        assert!(quota.take(2).is_ok() && !later.exceeded());
        assert!(quota.was_exceeded_unasked());
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
        assert!(quota.was_exceeded_unasked());
        drop(metered);
        flood.await.unwrap();
    }
}

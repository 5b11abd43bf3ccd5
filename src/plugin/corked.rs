//! A stream that hands what is written to the system in large pieces. HTTP/2 writes in frames of 16 KiB and flushes each;
//! each that is handed over by itself wakes whoever reads the other end.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that are held back.
const MOST: usize = 256 << 10;

/// Holds back what is written until its owner reads next, closes or drops it, or writes much more.
///
/// Who flushes is woken to read, as every connection of HTTP/2 does whenever it is woken.
pub(super) struct Corked<S: AsyncWrite + Unpin> {
    stream: S,
    held: Vec<u8>,
    /// How many bytes of these the stream has taken.
    taken: usize,
    /// Whether the stream takes no more by now; it wakes whoever writes when it does.
    blocked: bool,
}

impl<S: AsyncWrite + Unpin> Corked<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, held: vec![], taken: 0, blocked: false }
    }

    /// Hands over what is held back.
    fn hand_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.held.get(self.taken..).filter(|rest| !rest.is_empty()) {
            let written = Pin::new(&mut self.stream).poll_write(cx, rest)?;
            self.blocked = written.is_pending();
            match ready!(written) {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.taken += count,
            }
        }
        self.held.clear();
        self.taken = 0;
        Poll::Ready(Ok(()))
    }

    /// Holds back as much of `pieces` as there is room for.
    fn hold_back(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        if self.held.len() >= MOST {
            ready!(self.hand_over(cx))?;
        }
        let before = self.held.len();
        for piece in pieces {
            let room = MOST - self.held.len();
            self.held.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        Poll::Ready(Ok(self.held.len() - before))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Corked<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let handed_over = self.hand_over(cx);
        match (Pin::new(&mut self.stream).poll_read(cx, to), handed_over) {
            // What the other end said before it was gone comes first.
            (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error)),
            (read, _) => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Corked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.hold_back(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.hold_back(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.held.is_empty() && !self.blocked {
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.hand_over(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What is still held is handed over as far as the stream takes it: why a handshake failed, for one.
impl<S: AsyncWrite + Unpin> Drop for Corked<S> {
    fn drop(&mut self) {
        // Whom it was for is told by the end of the stream.
        let _ = self.hand_over(&mut Context::from_waker(Waker::noop()));
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    /// Two ends between which so many bytes are on their way at the most.
    fn ends(bytes: usize) -> (Corked<DuplexStream>, DuplexStream) {
        let (here, there) = duplex(bytes);
        (Corked::new(here), there)
    }

    /// Reads as a connection does that expects nothing yet.
    fn read_nothing(corked: &mut Corked<DuplexStream>, cx: &mut Context<'_>) {
        let mut buffer = [0; 8];
        let read = Pin::new(corked).poll_read(cx, &mut ReadBuf::new(&mut buffer));
        assert!(read.is_pending());
    }

    #[tokio::test]
    async fn what_is_flushed_in_small_pieces_comes_at_once_when_its_owner_reads_next() {
        let (mut corked, mut there) = ends(1 << 20);
        for piece in [b"one", b"two"] {
            corked.write_all(piece).await.unwrap();
            corked.flush().await.unwrap();
        }
        let mut came = vec![0; 100];
        let mut cx = Context::from_waker(Waker::noop());
        let early = Pin::new(&mut there).poll_read(&mut cx, &mut ReadBuf::new(&mut came));
        assert!(early.is_pending());
        read_nothing(&mut corked, &mut cx);
        let count = there.read(&mut came).await.unwrap();
        assert_eq!(&came[..count], b"onetwo");
    }

    /// How often somebody was woken.
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn its_owner_is_woken_to_read_whenever_it_flushed() {
        let (mut corked, mut there) = ends(1 << 20);
        let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&wakes));
        let mut cx = Context::from_waker(&waker);
        for number in 0..3_u8 {
            corked.write_all(&[number]).await.unwrap();
            assert!(Pin::new(&mut corked).poll_flush(&mut cx).is_ready());
            assert_eq!(wakes.0.load(Ordering::Relaxed), usize::from(number) + 1);
            read_nothing(&mut corked, &mut cx);
            assert_eq!(there.read_u8().await.unwrap(), number);
        }
        assert!(Pin::new(&mut corked).poll_flush(&mut cx).is_ready());
        assert_eq!(wakes.0.load(Ordering::Relaxed), 3, "there is nothing left to hand over");
    }

    #[tokio::test]
    async fn nothing_is_lost_or_held_without_bound_where_the_other_end_reads_slowly() {
        let (mut corked, mut there) = ends(1000);
        let sent: Vec<u8> = (0..4 * MOST + 7).map(|number| (number % 251) as u8).collect();
        let write = async {
            for (number, piece) in sent.chunks(16 << 10).enumerate() {
                let (head, body) = piece.split_at(piece.len().min(9));
                let count = corked.write_vectored(&[IoSlice::new(head), IoSlice::new(body)]).await.unwrap();
                corked.write_all(&piece[count..]).await.unwrap();
                assert!(corked.held.len() <= MOST);
                if number % 3 == 0 {
                    poll_fn(|cx| {
                        read_nothing(&mut corked, cx);
                        Poll::Ready(())
                    })
                    .await;
                }
            }
            corked.shutdown().await.unwrap();
        };
        let mut came = vec![];
        let (_, count) = tokio::join!(write, there.read_to_end(&mut came));
        assert_eq!(count.unwrap(), sent.len());
        assert!(came == sent);
    }

    #[tokio::test]
    async fn its_owner_is_not_woken_while_the_stream_takes_no_more() {
        let (mut corked, mut there) = ends(10);
        corked.write_all(&[7; 100]).await.unwrap();
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        // As a connection does whenever it is polled.
        let owner = tokio::spawn(poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            read_nothing(&mut corked, cx);
            assert!(Pin::new(&mut corked).poll_flush(cx).is_ready());
            if corked.held.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        }));
        let mut came = 0;
        while came < 100 {
            // Whoever was woken is polled meanwhile.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            came += there.read(&mut [0; 10]).await.unwrap();
        }
        owner.await.unwrap();
        let polls = polls.load(Ordering::Relaxed);
        assert!(polls <= 11, "{polls}");
    }

    #[tokio::test]
    async fn what_the_other_end_said_comes_before_that_it_is_gone() {
        let (mut corked, mut there) = ends(1000);
        there.write_all(b"x").await.unwrap();
        drop(there);
        corked.write_all(b"one").await.unwrap();
        assert_eq!(corked.read_u8().await.unwrap(), b'x');
        assert!(corked.read_u8().await.is_err());
        assert!(corked.shutdown().await.is_err(), "what was written is not there");
    }

    #[tokio::test]
    async fn what_is_held_when_it_is_dropped_is_sent() {
        let (mut corked, mut there) = ends(1000);
        corked.write_all(b"why").await.unwrap();
        drop(corked);
        let mut came = String::new();
        there.read_to_string(&mut came).await.unwrap();
        assert_eq!(came, "why");
    }
}

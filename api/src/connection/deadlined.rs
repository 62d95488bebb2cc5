//! A socket that ends when nothing could be written to it for too long, and that is not read while
//! its peer does not take the answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Load;

/// How exactly the silence is kept: setting a timer for every write would cost more than it gives.
const GRAIN: Duration = Duration::from_secs(1);
/// Bytes that are handed over at once. The HTTP library makes a request of everything it was
/// handed before it looks at its own limit of pipelined requests, so a larger share would be a
/// longer queue.
const READ_BYTES_MAX: usize = 4096;

/// A connection with a deadline, put off by each write that succeeds.
///
/// Reading does not put it off: a head or a body that drips in for ever is the attack.
pub struct Deadlined<T> {
    io: T,
    load: Load,
    silence: Duration,
    deadline: Pin<Box<Sleep>>,
    /// The last read was a full one: the reader has to work it off before the next.
    is_full: bool,
    /// The peer does not take what is written.
    is_blocked: bool,
    /// A read was held back, and nothing but a write will wake it.
    is_withheld: bool,
}

impl<T> Deadlined<T> {
    /// Lets `io` be silent for `silence`, and up to a second more.
    pub fn new(io: T, silence: Duration, load: Load) -> Self {
        let deadline = Box::pin(sleep_until(Instant::now() + silence + GRAIN));
        let (is_full, is_blocked, is_withheld) = (false, false, false);
        Self { io, load, silence, deadline, is_full, is_blocked, is_withheld }
    }

    /// What the connection has carried.
    pub const fn load(&self) -> &Load {
        &self.load
    }

    /// `Pending` while there is time, with a wake-up at its end.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.deadline.as_mut().poll(cx).map(|()| io::ErrorKind::TimedOut.into())
    }

    fn put_off(&mut self) {
        let deadline = Instant::now() + self.silence + GRAIN;
        if deadline.duration_since(self.deadline.deadline()) >= GRAIN {
            self.deadline.as_mut().reset(deadline);
        }
    }

    /// Takes note of how a write went.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.is_blocked = poll.is_pending();
        if poll.is_pending() {
            return self.poll_deadline(cx).map(Err);
        }
        if matches!(poll, Poll::Ready(Ok(1..))) {
            self.put_off();
        }
        if std::mem::take(&mut self.is_withheld) {
            cx.waker().wake_by_ref();
        }
        poll
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Deadlined<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(late) = this.poll_deadline(cx) {
            return Poll::Ready(Err(late));
        }
        if this.is_blocked || !this.load.may_read() {
            this.is_withheld = true;
            return Poll::Pending;
        }
        if std::mem::take(&mut this.is_full) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = buf.remaining().min(READ_BYTES_MAX);
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.io).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.advance(read);
        this.load.add_read(read);
        this.is_full = read == READ_BYTES_MAX;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Deadlined<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.io).poll_write(cx, bytes);
        this.written(cx, poll)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let poll = Pin::new(&mut this.io).poll_write_vectored(cx, parts);
        this.written(cx, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    use super::*;

    const SILENCE: Duration = Duration::from_secs(120);
    const SECOND: Duration = Duration::from_secs(1);

    fn pair(pipe_bytes: usize) -> (DuplexStream, Deadlined<DuplexStream>) {
        let (peer, io) = duplex(pipe_bytes);
        (peer, Deadlined::new(io, SILENCE, Load::new(1 << 20)))
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_that_drip_in_do_not_keep_a_connection() {
        let (mut peer, mut connection) = pair(64);
        let start = Instant::now();
        let dripping = async {
            while peer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SECOND).await;
            }
        };
        let reading = async {
            loop {
                if let Err(error) = connection.read_u8().await {
                    break error.kind();
                }
            }
        };
        let kind = tokio::select! { kind = reading => kind, () = dripping => unreachable!() };
        assert_eq!(kind, io::ErrorKind::TimedOut);
        let held = start.elapsed();
        assert!(held >= SILENCE && held <= SILENCE + 2 * SECOND, "{held:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_answered_in_time_is_kept() {
        let (mut peer, mut connection) = pair(64);
        for _ in 0..5 {
            // As for a poll that comes late and is parked: nothing is written meanwhile.
            let parked = timeout(SILENCE - SECOND, connection.read_u8()).await;
            assert!(parked.is_err(), "{parked:?}");
            connection.write_all(b"answer").await.unwrap();
            peer.read_exact(&mut [0; 6]).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_no_answers_is_not_read_and_then_let_go() {
        let (mut peer, mut connection) = pair(4);
        peer.write_all(b"more").await.unwrap();
        let blocked = timeout(SECOND, connection.write_all(b"answer")).await;
        assert!(blocked.is_err(), "{blocked:?}");
        let read = timeout(SECOND, connection.read_u8()).await;
        assert!(read.is_err(), "{read:?}");
        let error = connection.write_all(b"er").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn reading_goes_on_when_the_answers_are_taken() {
        let (mut peer, connection) = pair(4);
        peer.write_all(b"more").await.unwrap();
        // One task polls both halves, as the HTTP library does.
        let mut connection = connection;
        assert!(timeout(SECOND, connection.write_all(b"answer")).await.is_err());
        assert!(timeout(SECOND, connection.read_u8()).await.is_err());
        peer.read_exact(&mut [0; 4]).await.unwrap();
        connection.write_all(b"er").await.unwrap();
        let read = timeout(SECOND, connection.read_u8()).await;
        assert_eq!(read.expect("it is read").unwrap(), b'm');
    }

    #[tokio::test(start_paused = true)]
    async fn much_is_read_in_small_shares_and_whole() {
        let (mut peer, mut connection) = pair(1 << 16);
        peer.write_all(&[7; 3 * READ_BYTES_MAX + 5]).await.unwrap();
        drop(peer);
        let mut bytes = vec![0; 1 << 16];
        assert_eq!(connection.read(&mut bytes).await.unwrap(), READ_BYTES_MAX);
        let mut rest = Vec::new();
        connection.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, [7; 2 * READ_BYTES_MAX + 5]);
    }
}

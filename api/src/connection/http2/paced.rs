//! Socket of an HTTP/2 connection that reads a limited number of bytes at a time. It ends the
//! connection if the peer exceeds its budget of frames.

use std::future::Future as _;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::task::yield_now;

use super::frame_budget::FrameHeads;
use super::streams::Streams;
use crate::connection::linger::Leave;
use crate::connection::protocol_sniff::{Looked, socket};
use crate::telemetry::FRAME_FLOODS;

/// Bytes that are read from one connection before its worker runs other tasks. Without the limit
/// the library would read as long as the socket has data.
pub const READ_BYTES_PER_TURN: usize = 4096;
/// GOAWAY frame with `ENHANCE_YOUR_CALM` (RFC 9113, section 7). Its last stream is 0.
const CALM: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];

/// Socket of an HTTP/2 connection.
pub(super) struct Paced<T> {
    io: Take<Looked<T>>,
    streams: Rc<Streams>,
    heads: FrameHeads,
    /// Bytes read since the worker last ran other tasks.
    read: usize,
    /// True if the socket accepted only a part of the last write.
    is_cut: bool,
    leave: Option<Leave>,
}

impl<T: AsyncRead> Paced<T> {
    pub(super) fn new(io: Looked<T>, streams: Rc<Streams>) -> Self {
        let (io, heads) = (io.take(0), FrameHeads::new());
        Self { io, streams, heads, read: 0, is_cut: false, leave: None }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Paced<T> {
    fn io(&mut self) -> Pin<&mut T> {
        Pin::new(socket(&mut self.io))
    }

    fn ends(&mut self) {
        metrics::counter!(FRAME_FLOODS).increment(1);
        tracing::debug!("a connection sends more frames than its requests need");
        // After a partial write GOAWAY would arrive in the middle of another frame, so it is not
        // sent.
        let last = if self.is_cut { Vec::new() } else { CALM.to_vec() };
        self.leave = Some(Leave::new(last));
    }

    fn written(&mut self, bytes: usize, poll: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.is_cut = !matches!(poll, Poll::Ready(Ok(written)) if written == bytes);
        poll
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(leave) = &mut this.leave {
            ready!(leave.poll(socket(&mut this.io), cx));
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let room = READ_BYTES_PER_TURN.saturating_sub(this.read);
        if room == 0 {
            this.read = 0;
            // The worker runs every other ready task and socket before it wakes this one.
            let _ = pin!(yield_now()).poll(cx);
            return Poll::Pending;
        }
        this.io.set_limit(room as u64);
        let before = buf.filled().len();
        let Poll::Ready(read) = Pin::new(&mut this.io).poll_read(cx, buf) else {
            this.read = 0;
            return Poll::Pending;
        };
        read?;
        let bytes = buf.filled().get(before..).unwrap_or_default();
        this.read += bytes.len();
        let cost = this.heads.cost(bytes, this.streams.is_leaving());
        if cost == 0 || this.streams.spend(cost) {
            return Poll::Ready(Ok(()));
        }
        buf.set_filled(before);
        this.ends();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.leave.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        let poll = this.io().poll_write(cx, bytes);
        this.written(bytes.len(), poll)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let bytes = slices.iter().map(|slice| slice.len()).sum();
        if this.leave.is_some() {
            return Poll::Ready(Ok(bytes));
        }
        let poll = this.io().poll_write_vectored(cx, slices);
        this.written(bytes, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.get_ref().get_ref().1.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().io().poll_flush(cx)
    }

    /// Closes the writing half, then reads for a short time. A client still sends window updates
    /// for the last responses, and closing a socket with unread bytes could discard these
    /// responses.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let leave = this.leave.get_or_insert_with(|| Leave::new(Vec::new()));
        ready!(leave.poll(socket(&mut this.io), cx));
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use tokio::io::{duplex, repeat};
    use tokio::time::Instant;

    use super::*;
    use crate::connection::idle::Idleness;
    use crate::connection::protocol_sniff::unseen;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Socket that always has data. The data is bytes of value `1`, which are a HEADERS frame of
    /// 65,793 bytes.
    struct Full(tokio::io::Repeat);

    impl AsyncRead for Full {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.get_mut().0).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Full {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[test]
    fn a_busy_connection_lets_others_have_their_turn() {
        let streams = Rc::new(Streams::new(Instant::now(), Idleness::default()));
        let mut paced = Paced::new(unseen(Full(repeat(1))), streams);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let cx = &mut Context::from_waker(&waker);
        for turn in 1..=3 {
            let mut bytes = [0; 4 * READ_BYTES_PER_TURN];
            let mut buf = ReadBuf::new(&mut bytes);
            while Pin::new(&mut paced).poll_read(cx, &mut buf).is_ready() {}
            assert_eq!(buf.filled().len(), READ_BYTES_PER_TURN);
            assert_eq!(woken.0.load(Ordering::Relaxed), turn, "it goes on later");
        }
    }

    #[tokio::test]
    async fn a_flood_is_told_to_be_calm_and_is_not_handed_on() {
        let streams = Rc::new(Streams::new(Instant::now(), Idleness::default()));
        let (mut peer, io) = duplex(1 << 20);
        let mut paced = Paced::new(unseen(io), streams);
        let ping = [&[0, 0, 8, 6, 0, 0, 0, 0, 0], &[0; 8][..]].concat();
        let sent = [vec![0; 24], ping.repeat(10_000)].concat();
        tokio::io::AsyncWriteExt::write_all(&mut peer, &sent).await.unwrap();
        let mut read = Vec::new();
        assert!(paced.read_to_end(&mut read).await.is_err());
        assert!(read.len() < 24 + 17 * 1024, "{} bytes", read.len());
        drop(paced);
        let mut told = Vec::new();
        peer.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, CALM);
    }
}

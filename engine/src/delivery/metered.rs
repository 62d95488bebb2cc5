//! Streams to a webhook's endpoint that refuse to receive more than the bound of one answer.
//!
//! There are two, because only the lower one sees the bytes that TLS receives, and only the upper
//! one sees the begin of a request: TLS also writes on its own, whenever its peer asks for that.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes that are received on one connection from the beginning of a request to the beginning of
/// the next, at most: the answer with all that TLS puts around it. The TLS handshake has as many.
pub(super) const RECEIVED_BYTES_MAX: usize = 64 * 1024;

/// The endpoint sends more than an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is longer than an answer may be")]
pub(super) struct TooLong;

/// A connection that counts received bytes.
pub(super) struct Received {
    stream: TcpStream,
    bytes: Arc<AtomicUsize>,
}

impl Received {
    /// Counts from zero.
    pub(super) fn on(stream: TokioIo<TcpStream>) -> TokioIo<Self> {
        TokioIo::new(Self { stream: stream.into_inner(), bytes: Arc::default() })
    }
}

impl AsyncRead for Received {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.load(Ordering::Relaxed) >= RECEIVED_BYTES_MAX {
            return Poll::Ready(Err(io::Error::other(TooLong)));
        }
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.bytes.fetch_add(buf.filled().len() - before, Ordering::Relaxed);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Received {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Connection for Received {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

type Https = MaybeHttpsStream<TokioIo<Received>>;

/// A connection on which each request lets the endpoint send anew.
pub(super) struct Called {
    stream: Https,
    received: Arc<AtomicUsize>,
}

impl Called {
    /// Allows the endpoint the bytes of one answer, not counting the handshake.
    pub(super) fn on(stream: Https) -> Self {
        let tcp = match &stream {
            MaybeHttpsStream::Http(tcp) => tcp,
            MaybeHttpsStream::Https(tls) => tls.inner().get_ref().0.inner(),
        };
        let received = Arc::clone(&tcp.inner().bytes);
        Self { stream, received }
    }

    /// Nothing is written but requests, one after the answer to the other.
    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(bytes)) if bytes > 0) {
            self.received.store(0, Ordering::Relaxed);
        }
        written
    }
}

impl Read for Called {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Called {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(written)
    }
}

impl Connection for Called {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

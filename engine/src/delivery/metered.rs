//! Connections to a webhook's endpoint that refuse to receive more than the bound of one answer.
//!
//! The bytes are counted below TLS, which receives more than the answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use hyper::http::Extensions;
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
    bytes: Bytes,
}

/// Number of bytes, known to the client as a property of the connection.
type Bytes = Arc<AtomicUsize>;

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
}

impl Connection for Received {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(Bytes::clone(&self.bytes))
    }
}

/// Lets the endpoint send anew, because a request begins on its connection.
pub(super) fn begin_request(connection: &Connected) {
    let mut extras = Extensions::new();
    connection.get_extras(&mut extras);
    if let Some(bytes) = extras.get::<Bytes>() {
        bytes.store(0, Ordering::Relaxed);
    }
}

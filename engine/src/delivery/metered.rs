//! Connections to a webhook's endpoint that fail if one response is too long.
//!
//! The received bytes are counted below TLS, so that the overhead of TLS counts too.

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

/// Maximum number of bytes received on one connection from the start of a request to the start of
/// the next: the response with its TLS overhead. The TLS handshake has the same limit.
pub(super) const RECEIVED_BYTES_MAX: usize = 64 * 1024;

/// Error: the endpoint has sent more bytes than one response may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is longer than an answer may be")]
pub(super) struct TooLong;

/// A connection that counts received bytes.
pub(super) struct Received {
    stream: TcpStream,
    bytes: Bytes,
}

/// Number of received bytes, which the HTTP client stores among the connection's extras.
type Bytes = Arc<AtomicUsize>;

impl Received {
    /// Wraps a stream, with a count of zero bytes.
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

/// Resets the count of received bytes, because a new request begins on the connection.
pub(super) fn begin_request(connection: &Connected) {
    let mut extras = Extensions::new();
    connection.get_extras(&mut extras);
    if let Some(bytes) = extras.get::<Bytes>() {
        bytes.store(0, Ordering::Relaxed);
    }
}

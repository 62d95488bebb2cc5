//! A socket that gives back the bytes that were read to detect the protocol.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// The preface of HTTP/2 up to its version, which no request of HTTP/1.1 begins with.
const PREFACE: &[u8; 12] = b"PRI * HTTP/2";

/// A socket of which the first bytes were looked at, and are read again.
pub(super) struct Rewound<T> {
    first: [u8; PREFACE.len()],
    /// Number of bytes read.
    read: usize,
    /// Number of bytes given back.
    given: usize,
    io: T,
}

impl<T: AsyncRead + Unpin> Rewound<T> {
    /// Reads until it is clear whether `io` begins as HTTP/2 does, and answers that too.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) async fn look(io: T) -> io::Result<(Self, bool)> {
        let mut this = Self { first: [0; PREFACE.len()], read: 0, given: 0, io };
        loop {
            let rest = this.first.get_mut(this.read..).unwrap_or_default();
            let read = this.io.read(rest).await?;
            this.read += read;
            let begins = this.come().is_some_and(|come| PREFACE.starts_with(come));
            if read == 0 || !begins || this.read == PREFACE.len() {
                return Ok((this, begins && read > 0));
            }
        }
    }

    fn come(&self) -> Option<&[u8]> {
        self.first.get(..self.read)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Rewound<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let rest = this.first.get(this.given..this.read).unwrap_or_default();
        if rest.is_empty() {
            return Pin::new(&mut this.io).poll_read(cx, buf);
        }
        let given = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..given).unwrap_or_default());
        this.given += given;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Rewound<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, slices)
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
    use super::*;

    async fn looked(sent: &[u8]) -> bool {
        let (mut rewound, is_http2) = Rewound::look(sent).await.unwrap();
        // The pieces are small, and end within the detected bytes.
        let mut back = Vec::<u8>::new();
        let mut piece = [0; 5];
        while let read @ 1.. = rewound.read(&mut piece).await.unwrap() {
            back.extend(&piece[..read]);
        }
        assert_eq!(back, sent);
        is_http2
    }

    #[tokio::test]
    async fn what_was_looked_at_is_read_again() {
        assert!(looked(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await);
        for other in ["POST / HTTP/1.1\r\n", "PRI * HTTP/1", "PRI * HTTP/1.1\r\n", "P", ""] {
            assert!(!looked(other.as_bytes()).await, "{other:?}");
        }
    }
}

//! Lingering close: the server sends its last bytes, closes the writing half, and discards what the
//! peer still sends for a short time. Otherwise the kernel resets a socket that has unread bytes,
//! and the peer may lose the last response.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Longest time for which a connection lingers before it is closed.
pub(super) const LEAVE: Duration = Duration::from_secs(1);
/// Maximum number of bytes that are discarded.
const DRAINED_BYTES_MAX: usize = 1 << 20;
/// Number of bytes that one read discards.
const DRAIN_BYTES: usize = 4096;

/// A connection that is being closed.
pub(super) struct Leave {
    last: Vec<u8>,
    written: usize,
    has_ended: bool,
    drained: usize,
    until: Pin<Box<Sleep>>,
}

impl Leave {
    /// Starts the lingering close. `last` is sent first.
    pub(super) fn new(last: Vec<u8>) -> Self {
        let until = Box::pin(sleep_until(Instant::now() + LEAVE));
        Self { last, written: 0, has_ended: false, drained: 0, until }
    }

    /// Returns ready when the connection can be closed.
    pub(super) fn poll<T: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        io: &mut T,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if self.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        while let Some(rest) = self.last.get(self.written..).filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut *io).poll_write(cx, rest)) {
                Ok(written @ 1..) => self.written += written,
                Ok(0) | Err(_) => return Poll::Ready(()),
            }
        }
        if !self.has_ended {
            if ready!(Pin::new(&mut *io).poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            self.has_ended = true;
        }
        while self.drained < DRAINED_BYTES_MAX {
            let mut bytes = [0; DRAIN_BYTES];
            let mut buf = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut *io).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
            self.drained += buf.filled().len();
        }
        Poll::Ready(())
    }
}

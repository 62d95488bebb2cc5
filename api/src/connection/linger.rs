//! Lingering close: the last answer, and a short time in which further bytes of the peer are thrown
//! away. A socket that is closed over unread bytes is reset, and the peer may lose the answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Time for which a connection lingers before its close.
pub(super) const LEAVE: Duration = Duration::from_secs(1);
/// Bytes that are thrown away, at most.
const DRAINED_BYTES_MAX: usize = 1 << 20;
/// Bytes that one read throws away.
const DRAIN_BYTES: usize = 4096;

/// A connection that is being closed: it waits for the peer's last bytes.
pub(super) struct Leave {
    last: Vec<u8>,
    written: usize,
    has_ended: bool,
    drained: usize,
    until: Pin<Box<Sleep>>,
}

impl Leave {
    /// Begins to linger, with the last bytes to send.
    pub(super) fn new(last: Vec<u8>) -> Self {
        let until = Box::pin(sleep_until(Instant::now() + LEAVE));
        Self { last, written: 0, has_ended: false, drained: 0, until }
    }

    /// Ready when the connection can be closed.
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

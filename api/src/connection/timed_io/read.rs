//! Reads of a connection with deadlines: one request at a time, and the end of the peer's bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{READ_BYTES_MAX, TimedIo};
use crate::connection::pipeline::{Next, PIPELINED_BYTES_MAX};

impl<T: AsyncRead + AsyncWrite + Unpin> TimedIo<T> {
    /// Handles the end of the peer's bytes.
    ///
    /// The peer may still wait for its response (RFC 9293, section 3.6). So the HTTP library sees
    /// the end only after all requests have their responses. A parked poll is aborted instead, so
    /// that others get its permits, because most peers that close their writing half during a poll
    /// have disconnected.
    fn ended(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !matches!(self.requests.next, Next::Answer) {
            return Poll::Ready(Ok(()));
        }
        if self.load.is_parked() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        self.load.has_left(cx.waker());
        self.is_withheld = true;
        Poll::Pending
    }

    /// Passes on stored bytes, or else reads. `Ready` without bytes means the end.
    pub(super) fn poll_requests(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if matches!(self.requests.next, Next::Answer) && self.load.is_answered() {
                self.requests.begin_next(&self.load);
                self.take = None;
                if self.requests.behind() > 0 {
                    self.begin_head();
                }
            }
            let most = buf.remaining().min(READ_BYTES_MAX);
            let taken = self.requests.take(most, |bytes| buf.put_slice(bytes));
            if taken > 0 {
                self.is_full = taken == most;
                return Poll::Ready(Ok(()));
            }
            let room = match self.requests.next {
                Next::Head | Next::Malformed => most,
                Next::Body(_) => most.min(self.load.body_room()),
                Next::Answer => {
                    most.min(PIPELINED_BYTES_MAX.saturating_sub(self.requests.behind()))
                }
            };
            // Further bytes would change nothing: only the response decides if another request
            // follows.
            let is_next_known = self.requests.behind() > 0 || self.load.closes();
            self.is_withheld = matches!(self.requests.next, Next::Answer) && is_next_known;
            if room == 0 {
                self.is_withheld = true;
                return Poll::Pending;
            }
            if self.is_ended {
                return self.ended(cx);
            }
            let is_handed_over = ready!(self.poll_socket(cx, buf, room))?;
            if is_handed_over {
                return Poll::Ready(Ok(()));
            }
            if std::mem::take(&mut self.is_full) {
                // The socket may have more bytes. Other tasks run first.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }

    /// Reads up to `room` bytes. Returns true if some of them may be passed on. The others are
    /// stored.
    fn poll_socket(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        room: usize,
    ) -> Poll<io::Result<bool>> {
        self.io.set_limit(room as u64);
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.io).poll_read(cx, buf));
        // We replace the error of a reset, because the library would treat it as a regular end if
        // it has read some bytes before.
        read.map_err(|error| io::Error::new(io::ErrorKind::ConnectionAborted, error))?;
        let read = buf.filled_mut().get_mut(before..).unwrap_or_default();
        let bytes = read.len();
        if bytes == 0 {
            self.is_ended = true;
            return Poll::Ready(Ok(false));
        }
        self.has_read = true;
        if matches!(self.requests.next, Next::Body(_)) {
            self.load.add_body(bytes);
        }
        let is_alone = self.requests.behind() == 0;
        let given = if is_alone { self.requests.admit(read, &self.load) } else { 0 };
        if given < bytes {
            self.requests.keep(read.get(given..).unwrap_or_default(), &self.load);
            buf.set_filled(before + given);
        }
        if matches!(self.requests.next, Next::Head) || given > 0 {
            self.begin_head();
        }
        self.is_full = bytes == room;
        Poll::Ready(Ok(given > 0))
    }
}

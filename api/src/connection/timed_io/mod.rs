//! Socket with deadlines. It ends if a head is not complete in time, if the peer reads its
//! responses too slowly, or if nothing could be written for too long. While the peer does not read
//! its responses, the socket is not read either.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf, Take};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Load;
use super::bad_head::{BadHead, bare};
use super::linger::Leave;
use super::pipeline::Pipeline;
use super::protocol_sniff::{Looked, socket, unseen};
use super::take_deadline::TakeDeadline;

mod read;
#[cfg(test)]
mod tests;

/// Maximum of bytes that are read or passed on at once. The HTTP library reads until the socket
/// returns `Pending`, so a larger value would need a larger buffer.
const READ_BYTES_MAX: usize = 4096;

/// Deadlines of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Time within which a request's head must be complete. It counts from the head's first byte,
    /// and for the first request from the start of the connection.
    pub head: Duration,
    /// Maximum time between successful writes.
    pub silence: Duration,
}

/// An incomplete head.
#[derive(Clone, Copy)]
struct Head {
    since: Instant,
    /// Number of requests that had begun before this head.
    requests: u32,
}

/// HTTP/1.1 connection with deadlines.
///
/// Bytes that arrive do not extend a deadline, because an attacker may send a head or a body as an
/// endless trickle.
pub struct TimedIo<T> {
    /// Socket. Its read limit is set before each read.
    io: Take<Looked<T>>,
    load: Load,
    patience: Patience,
    /// Timer of the earliest deadline. It may fire too early and is reset only then, so that a
    /// request does not cost a reset.
    timer: Pin<Box<Sleep>>,
    silent_since: Instant,
    head: Option<Head>,
    leave: Option<Leave>,
    requests: Pipeline,
    /// Deadline for the peer to read its response, set while the peer is slow.
    take: Option<TakeDeadline>,
    has_read: bool,
    /// True if the last read returned the maximum, so that the reader should process it before the
    /// next read.
    is_full: bool,
    /// True if the peer closed its writing half.
    is_ended: bool,
    /// True while the socket accepts no bytes, because the peer does not read.
    is_blocked: bool,
    /// True if a read was suspended, and only a write can wake it.
    is_withheld: bool,
}

impl<T: AsyncRead> TimedIo<T> {
    /// Creates a connection that begins now. Nothing was read from `io` before.
    pub fn new(io: T, patience: Patience, load: Load) -> Self {
        Self::since(Instant::now(), unseen(io), patience, load)
    }

    /// Creates a connection that began at `since`.
    pub(super) fn since(since: Instant, io: Looked<T>, patience: Patience, load: Load) -> Self {
        Self {
            io: io.take(0),
            patience,
            timer: Box::pin(sleep_until(since + patience.head.min(patience.silence))),
            silent_since: since,
            head: Some(Head { since, requests: load.requests() }),
            load,
            leave: None,
            requests: Pipeline::default(),
            take: None,
            has_read: false,
            is_full: false,
            is_ended: false,
            is_blocked: false,
            is_withheld: false,
        }
    }

    /// Returns the state of the connection's requests.
    pub const fn load(&self) -> &Load {
        &self.load
    }

    /// Returns the incomplete head. Returns `None` while the peer does not read its responses,
    /// because the server reads no head then.
    fn head(&self) -> Option<Head> {
        self.head.filter(|head| head.requests == self.load.requests() && !self.is_blocked)
    }

    fn due(&self) -> Instant {
        let silence = self.silent_since + self.patience.silence;
        let head = self.head().map(|head| head.since + self.patience.head);
        let take = self.take.as_ref().filter(|_| self.is_blocked).map(TakeDeadline::at);
        [head, take].into_iter().flatten().fold(silence, Instant::min)
    }

    /// Returns `Pending` until the earliest deadline, and wakes the task then.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let due = self.due();
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
    }

    /// Makes the timer fire at `due` or earlier.
    fn look_by(&mut self, due: Instant) {
        if self.timer.deadline() > due {
            self.timer.as_mut().reset(due);
        }
    }

    /// Starts the time of a head whose first bytes have arrived.
    fn begin_head(&mut self) {
        if self.load.is_under_way() || self.head().is_some() {
            return;
        }
        let since = Instant::now();
        self.head = Some(Head { since, requests: self.load.requests() });
        self.load.idleness().begin(since);
        self.look_by(since + self.patience.head);
    }

    /// Returns the last bytes for a peer that missed a deadline: an error, or nothing.
    fn too_late(&self) -> Vec<u8> {
        // A request in flight, or one whose body is incomplete, has its own response.
        let has_begun = self.has_read && !self.load.is_under_way() && !self.load.is_unread();
        if has_begun && !self.is_blocked {
            return BadHead::TooSlow(self.patience.head).answer();
        }
        Vec::new()
    }

    /// Records the result of a write.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let was_blocked = std::mem::replace(&mut self.is_blocked, poll.is_pending());
        if poll.is_pending() {
            if !was_blocked {
                self.load.idleness().begin(Instant::now());
            }
            let take = self.take.get_or_insert_with(|| TakeDeadline::new(Instant::now()));
            let due = take.at();
            self.look_by(due);
            return self.poll_deadline(cx).map(|()| Err(late()));
        }
        if let Poll::Ready(Ok(bytes @ 1..)) = poll {
            self.silent_since = Instant::now();
            if !self.load.is_under_way() {
                self.load.idleness().begin(self.silent_since);
            }
            if let Some(take) = &mut self.take {
                take.taken(bytes, self.silent_since);
            }
            if was_blocked && let Some(head) = &mut self.head {
                head.since = self.silent_since;
            }
        }
        if std::mem::take(&mut self.is_withheld) {
            cx.waker().wake_by_ref();
        }
        poll
    }
}

fn late() -> io::Error {
    io::ErrorKind::TimedOut.into()
}

impl<T: AsyncRead + AsyncWrite + Unpin> TimedIo<T> {
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.leave {
            Some(leave) => leave.poll(socket(&mut self.io), cx),
            None => Poll::Ready(()),
        }
    }

    /// Starts the lingering close after the last response was written. The library would close the
    /// connection too, but at once and with unread bytes.
    fn leave_after_the_last_answer(&mut self) {
        if self.leave.is_none() && self.load.is_spent() && !self.is_blocked {
            self.leave = Some(Leave::new(Vec::new()));
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for TimedIo<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.leave.is_none() && this.poll_deadline(cx).is_ready() {
            this.leave = Some(Leave::new(this.too_late()));
        }
        this.leave_after_the_last_answer();
        if this.leave.is_some() {
            let end = if this.load.is_spent() { Ok(()) } else { Err(late()) };
            return this.poll_leave(cx).map(|()| end);
        }
        if this.is_blocked {
            this.is_withheld = true;
            return Poll::Pending;
        }
        if std::mem::take(&mut this.is_full) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.poll_requests(cx, buf)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedIo<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut answers = bytes;
        if this.leave.is_none()
            && let Some((start, refusal)) = bare(bytes)
        {
            answers = bytes.get(..start).unwrap_or_default();
            if answers.is_empty() {
                // The request's route has responded to the invalid body already.
                let is_answered = this.load.is_unread();
                let last = if is_answered { Vec::new() } else { refusal.answer() };
                this.leave = Some(Leave::new(last));
            }
        }
        if this.leave.is_some() {
            // Nothing is sent after the last response.
            return this.poll_leave(cx).map(|()| Ok(bytes.len()));
        }
        let poll = Pin::new(socket(&mut this.io)).poll_write(cx, answers);
        this.written(cx, poll)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(socket(&mut self.get_mut().io)).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.leave_after_the_last_answer();
        if this.leave.is_some() {
            return this.poll_leave(cx).map(Ok);
        }
        Pin::new(socket(&mut this.io)).poll_shutdown(cx)
    }
}

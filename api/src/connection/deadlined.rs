//! A socket that ends when a head does not come in time or nothing could be written to it for too
//! long, and that is not read while its peer does not take the answers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::Load;
use super::leave::Leave;
use super::refusal::{Refusal, bare};

/// Bytes that are handed over at once. The HTTP library makes a request of everything it was
/// handed before it looks at its own limit of pipelined requests, so a larger share would be a
/// longer queue.
const READ_BYTES_MAX: usize = 4096;

/// How long a connection is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From a request's first byte, or from the start of the connection, to the end of its head.
    pub head: Duration,
    /// From one write that succeeds to the next.
    pub silence: Duration,
}

/// A head that is not complete.
#[derive(Clone, Copy)]
struct Head {
    since: Instant,
    /// Requests that had begun before it.
    requests: u32,
}

/// A connection with deadlines.
///
/// Reading does not put them off: a head or a body that drips in for ever is the attack.
pub struct Deadlined<T> {
    io: T,
    load: Load,
    patience: Patience,
    /// It may go off before anything is due: it is set anew only then, and not with every request.
    timer: Pin<Box<Sleep>>,
    silent_since: Instant,
    head: Option<Head>,
    leave: Option<Leave>,
    has_read: bool,
    /// The last read was a full one: the reader has to work it off before the next.
    is_full: bool,
    /// The peer has sent its end.
    is_ended: bool,
    /// The peer does not take what is written.
    is_blocked: bool,
    /// A read was held back, and nothing but a write will wake it.
    is_withheld: bool,
}

impl<T> Deadlined<T> {
    /// Waits for `io` as long as `patience` says.
    pub fn new(io: T, patience: Patience, load: Load) -> Self {
        let since = Instant::now();
        Self {
            io,
            patience,
            timer: Box::pin(sleep_until(since + patience.head.min(patience.silence))),
            silent_since: since,
            head: Some(Head { since, requests: load.requests() }),
            load,
            leave: None,
            has_read: false,
            is_full: false,
            is_ended: false,
            is_blocked: false,
            is_withheld: false,
        }
    }

    /// What the connection has carried.
    pub const fn load(&self) -> &Load {
        &self.load
    }

    /// The head that is not complete, although nothing keeps it from being read.
    fn head(&self) -> Option<Head> {
        self.head.filter(|head| head.requests == self.load.requests() && !self.is_blocked)
    }

    fn due(&self) -> Instant {
        let silence = self.silent_since + self.patience.silence;
        self.head().map_or(silence, |head| silence.min(head.since + self.patience.head))
    }

    /// `Pending` while there is time, with a wake-up at its end.
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

    fn add_read(&mut self, bytes: usize) {
        self.has_read = true;
        self.load.add_read(bytes);
        if self.load.is_under_way() || self.head().is_some() {
            return;
        }
        let since = Instant::now();
        self.head = Some(Head { since, requests: self.load.requests() });
        let due = since + self.patience.head;
        if self.timer.deadline() > due {
            self.timer.as_mut().reset(due);
        }
    }

    /// What is sent to a peer whose time is over.
    fn too_late(&self) -> Vec<u8> {
        // A request under way, and one of which the rest is awaited, has an answer of its own.
        let has_begun = self.has_read && !self.load.is_under_way() && !self.load.is_unread();
        if has_begun && !self.is_blocked {
            return Refusal::TooSlow(self.patience.head).answer();
        }
        Vec::new()
    }

    /// Takes note of how a write went.
    fn written(
        &mut self,
        cx: &mut Context<'_>,
        poll: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let was_blocked = std::mem::replace(&mut self.is_blocked, poll.is_pending());
        if poll.is_pending() {
            return self.poll_deadline(cx).map(|()| Err(late()));
        }
        if matches!(poll, Poll::Ready(Ok(1..))) {
            self.silent_since = Instant::now();
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

impl<T: AsyncRead + AsyncWrite + Unpin> Deadlined<T> {
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.leave {
            Some(leave) => leave.poll(&mut self.io, cx),
            None => Poll::Ready(()),
        }
    }

    /// The peer has sent its end. What it sent before is worked off first; a request that is under
    /// way even then is given up, so that no poll is held for a peer that has left.
    fn ended(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_ended, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let gone = self.load.is_under_way();
        Poll::Ready(if gone { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) })
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Deadlined<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.leave.is_none() && this.poll_deadline(cx).is_ready() {
            this.leave = Some(Leave::new(this.too_late()));
        }
        if this.leave.is_some() {
            return this.poll_leave(cx).map(|()| Err(late()));
        }
        if this.is_blocked || this.load.room() == 0 {
            this.is_withheld = true;
            return Poll::Pending;
        }
        if std::mem::take(&mut this.is_full) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = buf.remaining().min(READ_BYTES_MAX).min(this.load.room());
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        ready!(Pin::new(&mut this.io).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        if read == 0 {
            return this.ended(cx);
        }
        buf.advance(read);
        this.add_read(read);
        this.is_full = read == room;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Deadlined<T> {
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
                // What is wrong with a body was answered by the request's own route.
                let is_answered = this.load.is_unread();
                let last = if is_answered { Vec::new() } else { refusal.answer() };
                this.leave = Some(Leave::new(last));
            }
        }
        if this.leave.is_some() {
            // Nothing follows what was sent last.
            return this.poll_leave(cx).map(|()| Ok(bytes.len()));
        }
        let poll = Pin::new(&mut this.io).poll_write(cx, answers);
        this.written(cx, poll)
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

    const HEAD: Duration = Duration::from_secs(5);
    const SILENCE: Duration = Duration::from_secs(120);
    const SECOND: Duration = Duration::from_secs(1);

    fn pair(pipe_bytes: usize) -> (DuplexStream, Deadlined<DuplexStream>) {
        let (peer, io) = duplex(pipe_bytes);
        let patience = Patience { head: HEAD, silence: SILENCE };
        (peer, Deadlined::new(io, patience, Load::new(1 << 20)))
    }

    /// Lets `peer` send a byte every second, whatever comes of it, and reads `connection` to its
    /// end.
    async fn drip(peer: &mut DuplexStream, connection: &mut Deadlined<DuplexStream>) -> Duration {
        let start = Instant::now();
        let dripping = async {
            while peer.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SECOND).await;
            }
            std::future::pending().await
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
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_in_is_refused_in_its_time() {
        let (mut peer, mut connection) = pair(4096);
        let held = drip(&mut peer, &mut connection).await;
        assert!(held >= HEAD && held <= HEAD + 2 * SECOND, "{held:?}");
        let mut refusal = String::new();
        peer.read_to_string(&mut refusal).await.unwrap();
        assert!(refusal.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{refusal}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_in_does_not_keep_a_connection() {
        let (mut peer, mut connection) = pair(4096);
        connection.load().begin(true);
        let held = drip(&mut peer, &mut connection).await;
        assert!(held >= SILENCE && held <= SILENCE + 2 * SECOND, "{held:?}");
        let mut answer = Vec::new();
        peer.read_to_end(&mut answer).await.unwrap();
        assert!(answer.is_empty(), "its own route answers it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_asks_for_nothing_is_closed_without_a_word() {
        let (mut peer, mut connection) = pair(64);
        assert_eq!(connection.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(connection);
        assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_answered_in_time_is_kept() {
        let (mut peer, mut connection) = pair(64);
        for _ in 0..5 {
            peer.write_all(b"x").await.unwrap();
            connection.read_u8().await.unwrap();
            connection.load().begin(false);
            // As for a poll that is parked: nothing is written meanwhile.
            let parked = timeout(SILENCE - SECOND, connection.read_u8()).await;
            assert!(parked.is_err(), "{parked:?}");
            connection.load().end(false);
            connection.write_all(b"answer").await.unwrap();
            peer.read_exact(&mut [0; 6]).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn little_is_read_behind_requests_until_all_are_answered() {
        let (mut peer, mut connection) = pair(1 << 20);
        peer.write_all(&[7; 1 << 18]).await.unwrap();
        let mut bytes = vec![0; 1 << 18];
        assert_eq!(connection.read(&mut bytes).await.unwrap(), READ_BYTES_MAX);
        let mut behind = 0;
        // As many requests were in that share, one behind the other.
        for _ in 0..40 {
            connection.load().begin(false);
            while let Ok(read) = timeout(SECOND, connection.read(&mut bytes)).await {
                behind += read.unwrap();
            }
            connection.load().end(false);
            connection.write_all(b"answer").await.unwrap();
        }
        assert_eq!(behind, 1024);
        let read = timeout(SECOND, connection.read(&mut bytes)).await;
        assert_eq!(read.expect("it is read").unwrap(), READ_BYTES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_is_read_to_its_limit_whatever_was_read_before() {
        let (mut peer, mut connection) = pair(4 << 20);
        peer.write_all(&[7; 3 << 20]).await.unwrap();
        let mut bytes = vec![0; 4 << 20];
        connection.load().begin(false);
        while timeout(SECOND, connection.read(&mut bytes)).await.is_ok() {}
        connection.load().end(false);
        connection.load().begin(true);
        let mut body = 0;
        while let Ok(read) = timeout(SECOND, connection.read(&mut bytes)).await {
            body += read.unwrap();
        }
        assert_eq!(body, 1 << 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_peer_has_left_is_given_up_and_no_other() {
        let (mut peer, mut connection) = pair(64);
        peer.write_all(b"x").await.unwrap();
        drop(peer);
        assert_eq!(connection.read_u8().await.unwrap(), b'x');
        connection.load().begin(false);
        let gone = connection.read_u8().await.unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::ConnectionAborted);
        let (peer, mut connection) = pair(64);
        drop(peer);
        assert_eq!(connection.read(&mut [0]).await.unwrap(), 0);
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

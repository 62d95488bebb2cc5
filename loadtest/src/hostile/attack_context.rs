//! Shared tools of the abuses: connections from several addresses, counts, and rate limits.

use std::io;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::order::{AttackCounts, Listener, Order};
use crate::run::lock;

/// Number of the attackers' addresses: 127.0.0.2 to 127.0.0.9. The users who sign in come from
/// 127.0.0.1.
const ADDRESSES: u64 = 8;
/// Longest time to open a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// Pause before an attacker opens its next connection.
const PAUSE: Duration = Duration::from_millis(50);
/// Pause between two checks of a connection that nobody reads.
const LOOK: Duration = Duration::from_secs(1);
/// Longest lag behind its rate that an abuse makes up for by sending faster afterwards.
const CATCH_UP: Duration = Duration::from_millis(100);

/// The context of one attack, which all its connections share.
pub(super) type Context = Arc<AttackContext>;

/// The order, the number of the next source address, and the counts.
pub(super) struct AttackContext {
    /// The order, which holds all that the attackers know about the server.
    pub(super) order: Order,
    next: AtomicU64,
    did: Mutex<AttackCounts>,
}

impl AttackContext {
    pub(super) fn new(order: Order) -> Arc<Self> {
        Arc::new(Self { order, next: AtomicU64::new(0), did: Mutex::default() })
    }

    /// Returns the value for the attacked listener.
    pub(super) fn either<T>(&self, public: T, operators: T) -> T {
        match self.order.listener {
            Listener::Public => public,
            Listener::Operators => operators,
        }
    }

    /// Returns the next source address, in turn.
    pub(super) fn source(&self) -> Ipv4Addr {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % ADDRESSES;
        Ipv4Addr::new(127, 0, 0, 2 + number as u8)
    }

    /// Opens a connection from the next source address.
    ///
    /// # Errors
    /// If the server does not accept it within [`CONNECT`].
    pub(super) async fn dial(self: &Arc<Self>) -> io::Result<AttackConnection> {
        self.dial_with(None).await
    }

    /// Opens a connection as [`Self::dial`] does, with a receive buffer of `buffer` bytes if it is
    /// given.
    ///
    /// # Errors
    /// Those of [`Self::dial`].
    pub(super) async fn dial_with(
        self: &Arc<Self>,
        buffer: Option<u32>,
    ) -> io::Result<AttackConnection> {
        let dialed = timeout(CONNECT, self.dialed(buffer)).await;
        let dialed = dialed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let mut did = lock(&self.did);
        *(if dialed.is_ok() { &mut did.connections } else { &mut did.unconnected }) += 1;
        Ok(AttackConnection { stream: dialed?, context: self.clone() })
    }

    async fn dialed(&self, buffer: Option<u32>) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.set_reuseaddr(true)?;
        socket.bind((self.source(), 0).into())?;
        let stream = socket.connect(self.order.address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Counts bytes that were not sent or received through an [`AttackConnection`].
    pub(super) fn count(&self, sent: usize, received: usize) {
        let mut did = lock(&self.did);
        did.sent_bytes += sent as u64;
        did.received_bytes += received as u64;
    }

    /// Counts a call that got a response, and its bytes.
    pub(super) fn called(&self, sent: usize, received: usize) {
        lock(&self.did).calls += 1;
        self.count(sent, received);
    }

    /// Returns the counts so far.
    pub(super) fn did(&self) -> AttackCounts {
        *lock(&self.did)
    }

    /// Runs `count` loops at the same time, each of which repeats `one` after a short pause. The
    /// loops start at a rate of `per_second`.
    pub(super) async fn lanes<F>(
        self: Arc<Self>,
        count: u64,
        per_second: u64,
        one: impl Fn(Arc<Self>, u64) -> F + Copy + Send + 'static,
    ) where
        F: Future<Output = io::Result<()>> + Send,
    {
        let mut lanes = JoinSet::new();
        for number in 0..count {
            let (context, delay) = (self.clone(), Duration::from_secs(1) * number as u32);
            lanes.spawn(async move {
                sleep(delay / per_second.max(1) as u32).await;
                loop {
                    // If the server closes the connection, the attacker opens a new one.
                    let _ended = one(context.clone(), number).await;
                    sleep(PAUSE).await;
                }
            });
        }
        while lanes.join_next().await.is_some() {}
    }

    /// Starts `one` at a rate of `per_second`, with at most `at_once` of them running.
    pub(super) async fn paced<F>(
        self: Arc<Self>,
        per_second: u64,
        at_once: usize,
        one: impl Fn(Arc<Self>, u64) -> F,
    ) where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let (mut throttle, mut under_way) = (Throttle::new(per_second), JoinSet::new());
        for number in 0.. {
            throttle.turns(1).await;
            while under_way.try_join_next().is_some() {}
            if under_way.len() >= at_once {
                under_way.join_next().await;
            }
            under_way.spawn(one(self.clone(), number));
        }
    }
}

/// A rate limit for an attacker.
pub(super) struct Throttle {
    every: Duration,
    next: Instant,
}

impl Throttle {
    pub(super) fn new(per_second: u64) -> Self {
        Self { every: Duration::from_secs(1) / per_second.max(1) as u32, next: Instant::now() }
    }

    /// Waits until the rate allows the next action, and reserves `count` actions.
    pub(super) async fn turns(&mut self, count: u32) {
        let now = Instant::now();
        if self.next > now {
            sleep_until(self.next).await;
        } else {
            self.next = self.next.max(now.checked_sub(CATCH_UP).unwrap_or(now));
            tokio::task::yield_now().await;
        }
        self.next += self.every * count;
    }
}

/// An attacker's connection, which counts its bytes.
pub(super) struct AttackConnection {
    stream: TcpStream,
    context: Arc<AttackContext>,
}

impl AttackConnection {
    /// Sends bytes.
    ///
    /// # Errors
    /// If the connection is closed.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.context.count(bytes.len(), 0);
        Ok(())
    }

    /// Reads some bytes and discards them.
    ///
    /// # Errors
    /// If the connection is closed.
    pub(super) async fn take(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16_384];
        match self.stream.read(&mut buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.context.count(0, read);
                Ok(())
            }
        }
    }

    /// Reads until the server closes the connection, at most for `longest`.
    pub(super) async fn take_all(&mut self, longest: Duration) {
        let all = async { while self.take().await.is_ok() {} };
        let _in_time = timeout(longest, all).await;
    }

    /// Waits until the server closes the connection, and reads nothing.
    pub(super) async fn stay(&mut self) {
        // The socket's readiness reports the close even while unread bytes are in its buffer.
        let interest = Interest::READABLE | Interest::ERROR;
        while let Ok(ready) = self.stream.ready(interest).await {
            if ready.is_read_closed() || ready.is_write_closed() || ready.is_error() {
                return;
            }
            sleep(LOOK).await;
        }
    }

    /// Sends blocks at the rate of `throttle`, and discards everything that the server sends
    /// meanwhile. One block counts as `turns` actions. The flood ends only with an error.
    ///
    /// # Errors
    /// If the connection is closed.
    pub(super) async fn flood(
        &mut self,
        mut throttle: Throttle,
        turns: u32,
        mut block: impl FnMut() -> Vec<u8>,
    ) -> io::Result<()> {
        let context = self.context.clone();
        let (mut read, mut write) = self.stream.split();
        let receive = async {
            let mut buffer = vec![0; 65_536];
            loop {
                match read.read(&mut buffer).await? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    read => context.count(0, read),
                }
            }
        };
        let send = async {
            loop {
                throttle.turns(turns).await;
                let block = block();
                write.write_all(&block).await?;
                context.count(block.len(), 0);
            }
        };
        tokio::select! {
            ended = receive => ended,
            ended = send => ended,
        }
    }

    /// Closes the sending side of the connection.
    ///
    /// # Errors
    /// If the connection is closed.
    pub(super) async fn half_close(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Closes the connection with a TCP reset.
    ///
    /// # Errors
    /// If the system refuses.
    pub(super) fn reset(self) -> io::Result<()> {
        self.stream.set_zero_linger()
    }
}

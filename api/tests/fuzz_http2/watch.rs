//! Watch over the server: it must live, every worker must respond, and neither memory nor
//! descriptors may grow.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::server::Server;

/// Longest time to wait for a response. A worker that hangs never responds.
const ANSWER: Duration = Duration::from_secs(5);
/// Pause between two checks, so that the checks do not keep the server busy.
const PAUSE: Duration = Duration::from_millis(100);
/// Bytes by which the server's memory may grow after its start.
const GROWTH_MAX: u64 = 64 << 20;
/// Time in which the server must close connections that its clients have closed.
const CLOSES: Duration = Duration::from_secs(20);
/// New connections of one check. Two connections would reach both workers if no other client
/// connected, because the workers accept in turn.
const PROBES: usize = 4;

/// An assertion inside the HTTP library, which only test builds have. It fails if a connection
/// closes while the library still counts one of its reset streams. It is ignored, because neither
/// the connection nor the stream stays in memory.
const LIBRARY_COUNTS: &str = "panic: assertion failed: !self.has_streams() location=";

pub(crate) struct Watch<'a> {
    server: &'a Server,
    resident_bytes: u64,
    descriptors: usize,
}

impl<'a> Watch<'a> {
    pub(crate) async fn begin(server: &'a Server) -> Self {
        let mut watch = Self { server, resident_bytes: u64::MAX - GROWTH_MAX, descriptors: 0 };
        watch.look().await.expect("it answers at first");
        watch.resident_bytes = server.resident_bytes().expect("it lives");
        watch.descriptors = server.descriptors();
        watch
    }

    /// Checks the server once.
    pub(crate) async fn look(&self) -> Result<(), String> {
        for _ in 0..PROBES {
            answers(self.server.public, "/v1/nowhere", 404).await?;
            answers(self.server.operators, "/health/live", 200).await?;
        }
        let bytes = self.server.resident_bytes().ok_or("the server has ended")?;
        let grown = bytes.saturating_sub(self.resident_bytes);
        if grown > GROWTH_MAX {
            return Err(format!("it takes {grown} bytes more than at its start"));
        }
        let log = self.server.log();
        let is_bad = |line: &&str| line.contains("panic") && !line.contains(LIBRARY_COUNTS);
        log.lines().find(is_bad).map_or(Ok(()), |line| Err(line.to_owned()))
    }

    /// Repeats the check until it fails, and returns the error.
    pub(crate) async fn fails(&self) -> String {
        loop {
            if let Err(error) = self.look().await {
                return error;
            }
            sleep(PAUSE).await;
        }
    }

    /// Checks the server after all clients have closed, and waits until it has closed their
    /// descriptors.
    pub(crate) async fn ends(&self) -> Result<(), String> {
        self.look().await?;
        let since = Instant::now();
        while self.server.descriptors() > self.descriptors {
            if since.elapsed() > CLOSES {
                let (now, before) = (self.server.descriptors(), self.descriptors);
                return Err(format!("{now} descriptors are open, {before} were at the start"));
            }
            sleep(PAUSE).await;
        }
        Ok(())
    }
}

async fn answers(address: SocketAddr, path: &str, status: u16) -> Result<(), String> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = timeout(ANSWER, asked).await.map_err(|_| format!("{path} is not answered"))?;
    let answer = answer.map_err(|error| format!("{path}: {error}"))?;
    let is_good = answer.starts_with(&format!("HTTP/1.1 {status} "));
    if is_good { Ok(()) } else { Err(format!("{path}: {answer:?}")) }
}

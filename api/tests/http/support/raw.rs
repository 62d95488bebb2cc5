//! A connection on which a test chooses every byte, for requests that no client library sends.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use countersign_wire::basic;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::answer::assert_reason;
use super::{PATIENCE, SECRET, Server};

/// A response as read from the connection. Header names are in lower case.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) text: String,
}

impl RawAnswer {
    /// Checks that the response is this refusal, with the contract's three keys and a reason of the
    /// table.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.headers["content-type"], "application/json", "{self:?}");
        let body: Value = serde_json::from_str(&self.text).expect("every answer is JSON");
        assert_eq!((&body["error"], &body["errorCode"]), (&code.into(), &code.into()), "{body}");
        assert!(body["errorDescription"].is_string(), "{body}");
        assert_reason(&body, status, code);
    }

    /// Returns the error code of a refusal.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).expect("every answer is JSON");
        body["errorCode"].as_str().expect("an error has a code").to_owned()
    }
}

/// A TCP connection to the server.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::open_at(server.address).await
    }

    pub(crate) async fn open_at(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.expect("the server listens"))
    }

    pub(super) const fn over(stream: TcpStream) -> Self {
        Self(stream)
    }

    /// Returns the connection's local address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is open")
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        // A server that refuses early may have closed the connection before everything was sent.
        let _ = self.0.write_all(bytes).await;
    }

    /// Reads one response.
    pub(crate) async fn read(&mut self) -> RawAnswer {
        let read = timeout(PATIENCE, read(&mut self.0, true)).await.expect("in time");
        read.expect("an answer")
    }

    /// Reads one response. Returns `None` if the server closes the connection first.
    pub(crate) async fn try_read(&mut self) -> Option<RawAnswer> {
        timeout(PATIENCE, read(&mut self.0, true)).await.expect("in time")
    }

    /// Reads the response to a HEAD request, which has no body.
    pub(crate) async fn read_head(&mut self) -> RawAnswer {
        let read = timeout(PATIENCE, read(&mut self.0, false)).await.expect("in time");
        read.expect("an answer")
    }

    /// Waits until the server closes the connection. Returns `false` if the server sends something
    /// first.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.0.read(&mut byte)).await.expect("in time");
        !matches!(read, Ok(1))
    }

    /// Closes the sending half of the connection. The test can still read.
    pub(crate) async fn end(&mut self) {
        self.0.shutdown().await.expect("it is open");
    }

    /// Closes the connection with a reset.
    pub(crate) fn reset(self) {
        self.0.set_zero_linger().expect("it is open");
    }

    /// Reads everything until the server closes the connection. A reset fails the test.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut text = String::new();
        let read = timeout(PATIENCE, self.0.read_to_string(&mut text)).await.expect("in time");
        read.expect("in order, not by a reset");
        text
    }

    /// Sends one complete request on a new connection, and reads the response.
    pub(crate) async fn send(server: &Server, request: &[u8]) -> RawAnswer {
        let mut connection = Self::open(server).await;
        connection.write(request).await;
        connection.read().await
    }
}

impl Server {
    /// Makes a request of the backend of tenant `demo`. `line` has the method and the target,
    /// `headers` has further header lines.
    pub(crate) fn request(line: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let secret = basic::encode_standard(SECRET);
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {secret}\r\n\
             Content-Length: {length}\r\n{headers}\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    /// Makes a request with [`Self::request`], sends it on a new connection, and reads the
    /// response.
    pub(crate) async fn raw(&self, line: &str, headers: &str, body: &[u8]) -> RawAnswer {
        Connection::send(self, &Self::request(line, headers, body)).await
    }
}

async fn read(stream: &mut TcpStream, has_body: bool) -> Option<RawAnswer> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let split = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: BTreeMap<_, _> = lines.filter_map(split).collect();
    let length = headers.get("content-length").filter(|_| has_body);
    let length = length.and_then(|l| l.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(RawAnswer { status, headers, text: String::from_utf8(body).ok()? })
}

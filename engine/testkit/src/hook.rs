//! A relying party's webhook whose responses the test sends one by one, and a parser for its
//! requests.

use std::net::Ipv4Addr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request, with header names in lower case.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    /// Returns the value of a header that must be present exactly once.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let mut values = self.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v);
        let value = values.next().expect("the header is there");
        assert!(values.next().is_none(), "{name} is there once");
        value
    }

    /// Reads a request. None if the stream ends before the request does.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Self> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let line = lines.next().unwrap().to_owned();
        let split = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let mut request = Self { line, headers: lines.map(split).collect(), body: String::new() };
        let mut body = vec![0; request.header("content-length").parse().unwrap()];
        stream.read_exact(&mut body).await.ok()?;
        request.body = String::from_utf8(body).unwrap();
        Some(request)
    }
}

/// A webhook on a loopback address.
pub struct Hook {
    port: u16,
    calls: UnboundedReceiver<Request>,
    answers: UnboundedSender<String>,
}

impl Hook {
    pub async fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (call, calls) = unbounded_channel();
        let (answers, mut answer) = unbounded_channel::<String>();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                while let Some(request) = Request::read(&mut stream).await {
                    call.send(request).expect("the test is not over");
                    let Some(text) = answer.recv().await else { return };
                    // The caller may have closed the connection.
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        break;
                    }
                }
            }
        });
        Self { port, calls, answers }
    }

    /// Returns the URL of the hook. The tenant has to allow the host `127.0.0.1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Waits for the next call, and returns its request.
    pub async fn called(&mut self) -> Request {
        self.calls.recv().await.expect("the listener runs")
    }

    /// Tells whether the test has received every call so far.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.calls.is_empty()
    }

    /// Sends an empty response with this status to the call under way, or to the next one.
    pub fn answer(&self, status: u16) {
        self.answer_with(format!("HTTP/1.1 {status} As Told\r\nContent-Length: 0\r\n\r\n"));
    }

    /// Sends this text as the response to the call under way, or to the next one.
    pub fn answer_with(&self, text: String) {
        self.answers.send(text).expect("the listener runs");
    }
}

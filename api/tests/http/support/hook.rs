//! A relying party's webhook that answers when the test says so.

use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A listener on loopback.
pub(crate) struct Hook {
    port: u16,
    calls: UnboundedReceiver<String>,
    answers: UnboundedSender<String>,
}

impl Hook {
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (call, calls) = unbounded_channel();
        let (answers, mut answer) = unbounded_channel::<String>();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                while let Some(request) = read(&mut stream).await {
                    call.send(request).expect("the test is not over");
                    let Some(text) = answer.recv().await else { return };
                    // The caller may have died.
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        break;
                    }
                }
            }
        });
        Self { port, calls, answers }
    }

    /// Gives the address of the hook. The tenant has to allow the host `127.0.0.1`.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Waits for a call, and gives the request as text.
    pub(crate) async fn called(&mut self) -> String {
        self.calls.recv().await.expect("the listener runs")
    }

    /// Tells whether every call so far has been looked at.
    pub(crate) fn is_quiet(&self) -> bool {
        self.calls.is_empty()
    }

    /// Answers a call, be it under way or to come.
    pub(crate) fn answer(&self, status: u16) {
        self.answer_with(format!("HTTP/1.1 {status} As Told\r\nContent-Length: 0\r\n\r\n"));
    }

    /// Answers a call with this text.
    pub(crate) fn answer_with(&self, text: String) {
        self.answers.send(text).expect("the listener runs");
    }
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let mut request = String::from_utf8(request).unwrap();
    let length = request
        .lines()
        .find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("a body of known length")];
    stream.read_exact(&mut body).await.ok()?;
    request.push_str(std::str::from_utf8(&body).unwrap());
    Some(request)
}

//! A client that sends any frames a test chooses, unlike a client library.

use std::net::SocketAddr;

use countersign_testkit::http2::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{PATIENCE, Server};

pub(crate) struct Frame {
    pub(crate) kind: u8,
    flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// Returns true if this is the last frame of its stream.
    pub(crate) fn ends(&self) -> bool {
        self.flags & END_STREAM != 0
    }
}

pub(crate) struct Frames(pub(crate) TcpStream);

impl Frames {
    pub(crate) async fn open(server: &Server) -> Self {
        Self::open_at(server.address, &[]).await
    }

    pub(crate) async fn open_at(address: SocketAddr, settings: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(PREFACE).await.unwrap();
        let mut frames = Self(stream);
        frames.write(&frame(SETTINGS, 0, 0, settings)).await;
        frames
    }

    /// Reads to the next non-empty DATA frame. Returns its stream and its content.
    pub(crate) async fn body(&mut self) -> (u32, String) {
        loop {
            let frame = self.find(DATA).await.expect("there is an answer");
            if !frame.payload.is_empty() {
                return (frame.stream, String::from_utf8(frame.payload).unwrap());
            }
        }
    }

    /// Sends a request with this head on the first stream. Returns `Ok` for status 200, and the
    /// response's body otherwise.
    pub(crate) async fn ask(server: &Server, head: &[u8]) -> Result<(), String> {
        let mut frames = Self::open(server).await;
        frames.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, head)).await;
        // Status 200 is in the static table of HPACK.
        let is_ok = frames.find(HEADERS).await.unwrap().payload[0] == 0x88;
        if is_ok { Ok(()) } else { Err(frames.body().await.1) }
    }

    /// Writes bytes. An error is ignored, because the server may have closed the connection.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    pub(crate) async fn read(&mut self) -> Option<Frame> {
        timeout(PATIENCE, async {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.ok()?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let mut payload = vec![0; length as usize];
            self.0.read_exact(&mut payload).await.ok()?;
            Some(Frame { kind: head[3], flags: head[4], stream, payload })
        })
        .await
        .expect("it is answered, or closed, in time")
    }

    /// Reads frames until one of this kind arrives. Returns `None` if the server closes the
    /// connection first.
    pub(crate) async fn find(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.read().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }
}

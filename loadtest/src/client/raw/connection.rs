//! HTTP/1.1 connections for requests whose bytes were written beforehand, so that the driver uses
//! little processor time beside the server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use countersign_client::ClientError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// A response, with the parts that a driver reads.
#[derive(Debug, Default)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Seconds until a retry, from the `Retry-After` header; `None` without one.
    pub retry_after: Option<u64>,
    /// The body, as text.
    pub body: String,
    is_last: bool,
}

impl Answer {
    /// Returns the text of a member of the JSON body; `None` if the body has no such text.
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("\"{name}\":\""))?;
        Some(rest.split_once('"')?.0)
    }

    /// Converts every status other than 200 into an error.
    ///
    /// # Errors
    /// [`ClientError::Refused`].
    pub fn ok(self) -> Result<Self, ClientError> {
        if self.status == 200 {
            return Ok(self);
        }
        Err(refused(self.status, self.body, self.retry_after))
    }
}

/// Builds the error for a refusal, with the whole body as its description.
pub(crate) fn refused(status: u16, description: String, retry_after: Option<u64>) -> ClientError {
    let (code, reason) = Default::default();
    ClientError::Refused { status, code, description, reason, retry_after }
}

/// A connection that opens at the first request, and again after the server has closed it with its
/// response.
pub struct Connection {
    address: SocketAddr,
    source: Option<Ipv4Addr>,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Creates a connection to a server without opening it.
    pub const fn to(address: SocketAddr) -> Self {
        Self { address, source: None, stream: None, buffer: Vec::new() }
    }

    /// Sets the source address, because one address has too few ports for many connections.
    pub fn from(self, source: Ipv4Addr) -> Self {
        Self { source: Some(source), ..self }
    }

    /// Checks that the connection is open and has no unread bytes. Otherwise the connection is
    /// closed here.
    pub fn is_kept(&mut self) -> bool {
        let waiting = self.stream.as_ref().map(|stream| stream.try_read(&mut [0]));
        let kept = matches!(waiting, Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock);
        if !kept {
            self.close();
        }
        kept
    }

    /// Closes the connection, even if a response is still due on it.
    pub fn close(&mut self) {
        self.stream = None;
        self.buffer.clear();
    }

    /// Sends a request without waiting for its response. Opens the connection if it is closed.
    ///
    /// # Errors
    /// If the server accepts no connection, or has closed this one.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = match self.source {
                None => TcpStream::connect(self.address).await?,
                Some(source) => {
                    let socket = TcpSocket::new_v4()?;
                    socket.bind((source, 0).into())?;
                    socket.connect(self.address).await?
                }
            };
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(request).await
    }

    /// Waits for bytes of the response, and reads them into the buffer.
    ///
    /// # Errors
    /// If the server has closed the connection.
    pub async fn read(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        self.buffer.reserve(2048);
        match stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads the whole response to the last request.
    ///
    /// # Errors
    /// If the server closes the connection before, or if the response is not valid HTTP/1.1.
    pub async fn receive(&mut self) -> io::Result<Answer> {
        let answer = loop {
            if let Some(answer) = parse(&self.buffer)? {
                break answer;
            }
            self.read().await?;
        };
        self.buffer.clear();
        if answer.is_last {
            self.stream = None;
        }
        Ok(answer)
    }

    /// Sends a request and reads the response.
    ///
    /// # Errors
    /// As [`Self::send`] and [`Self::receive`].
    pub async fn call(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.send(request).await?;
        self.receive().await
    }

    /// Sends a request whose response has to have status 200. A broken connection is closed.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ask(&mut self, request: &[u8]) -> Result<Answer, ClientError> {
        match self.call(request).await {
            Ok(answer) => answer.ok(),
            Err(error) => {
                self.close();
                Err(ClientError::Protocol(error.to_string()))
            }
        }
    }
}

/// Parses a response; `None` while it is incomplete. No bytes follow the response, because only one
/// request is sent at a time.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let wrong = || io::Error::from(io::ErrorKind::InvalidData);
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| wrong())?;
    let mut connections = head.split("\r\n");
    let status = connections.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let mut answer = Answer { status: status.ok_or_else(wrong)?, ..Answer::default() };
    let mut length = 0;
    for (name, value) in connections.filter_map(|line| line.split_once(':')) {
        match name {
            "content-length" => length = value.trim().parse().map_err(|_| wrong())?,
            "retry-after" => answer.retry_after = value.trim().parse().ok(),
            "connection" => answer.is_last = value.trim() == "close",
            _ => {}
        }
    }
    let Some(body) = bytes.get(end + 4..end + 4 + length) else { return Ok(None) };
    answer.body = String::from_utf8(body.to_vec()).map_err(|_| wrong())?;
    Ok(Some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_once_all_of_it_is_there() {
        let whole = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 13\r\n\
                      retry-after: 1\r\nconnection: close\r\n\r\n{\"token\":\"t\"}";
        assert!(parse(&whole[..whole.len() - 1]).unwrap().is_none());
        let answer = parse(whole).unwrap().unwrap();
        assert_eq!((answer.status, answer.retry_after, answer.is_last), (503, Some(1), true));
        assert_eq!(answer.field("token"), Some("t"));
        assert_eq!(answer.field("challengeId"), None);
        assert!(parse(b"garbage\r\n\r\n").is_err());
    }
}

//! Detection of HTTP/2 from a socket's first bytes, which can be read again afterwards.

use std::io::{self, Cursor};

use tokio::io::{AsyncRead, AsyncReadExt as _, Chain, Take};

/// Start of the HTTP/2 preface up to the version. No HTTP/1.1 request begins with it.
const PREFACE: &[u8; 12] = b"PRI * HTTP/2";

/// Socket with the detected bytes before it, so that they are read again.
pub(super) type Looked<T> = Chain<Take<Cursor<[u8; PREFACE.len()]>>, T>;

/// Reads until it is clear whether `io` begins with the HTTP/2 preface. Returns the socket, and
/// true for HTTP/2.
///
/// # Errors
/// Those of reading.
pub(super) async fn look<T: AsyncRead + Unpin>(mut io: T) -> io::Result<(Looked<T>, bool)> {
    let (mut first, mut come) = ([0; PREFACE.len()], 0);
    loop {
        let read = io.read(first.get_mut(come..).unwrap_or_default()).await?;
        come += read;
        let begins = first.get(..come).is_some_and(|first| PREFACE.starts_with(first));
        if read == 0 || !begins || come == PREFACE.len() {
            return Ok((behind(first, come, io), begins && read > 0));
        }
    }
}

/// Wraps a socket of which nothing was read.
pub(super) fn unseen<T: AsyncRead>(io: T) -> Looked<T> {
    behind([0; PREFACE.len()], 0, io)
}

fn behind<T: AsyncRead>(first: [u8; PREFACE.len()], come: usize, io: T) -> Looked<T> {
    Cursor::new(first).take(come as u64).chain(io)
}

/// Returns the wrapped socket, for writes.
pub(super) fn socket<T: AsyncRead>(io: &mut Take<Looked<T>>) -> &mut T {
    io.get_mut().get_mut().1
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn looked(sent: &[u8]) -> bool {
        let (mut looked, is_http2) = look(sent).await.unwrap();
        // The pieces are small, and end within the detected bytes.
        let mut back = Vec::<u8>::new();
        let mut piece = [0; 5];
        while let read @ 1.. = looked.read(&mut piece).await.unwrap() {
            back.extend(&piece[..read]);
        }
        assert_eq!(back, sent);
        is_http2
    }

    #[tokio::test]
    async fn what_was_looked_at_is_read_again() {
        assert!(looked(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await);
        for other in ["POST / HTTP/1.1\r\n", "PRI * HTTP/1", "PRI * HTTP/1.1\r\n", "P", ""] {
            assert!(!looked(other.as_bytes()).await, "{other:?}");
        }
    }
}

//! The first bytes of a socket, which are looked at to detect the protocol, and read again.

use std::io::{self, Cursor};

use tokio::io::{AsyncRead, AsyncReadExt as _, Chain, Take};

/// The preface of HTTP/2 up to its version, which no request of HTTP/1.1 begins with.
const PREFACE: &[u8; 12] = b"PRI * HTTP/2";

/// A socket behind the bytes that were looked at.
pub(super) type Looked<T> = Chain<Take<Cursor<[u8; PREFACE.len()]>>, T>;

/// Reads until it is clear whether `io` begins as HTTP/2 does, and answers that too.
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

/// A socket at which nobody has looked.
pub(super) fn unseen<T: AsyncRead>(io: T) -> Looked<T> {
    behind([0; PREFACE.len()], 0, io)
}

fn behind<T: AsyncRead>(first: [u8; PREFACE.len()], come: usize, io: T) -> Looked<T> {
    Cursor::new(first).take(come as u64).chain(io)
}

/// The socket itself, to write to.
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

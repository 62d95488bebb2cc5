//! Parser of a request's head, as far as a connection needs it: the end of the head, the framing of
//! the body, and permission for another request on the connection.

use std::mem::MaybeUninit;

use httparse::{Request, Status};

use super::chunks::{Chunks, Extent};

/// Maximum length of one request's head, in bytes. The HTTP library would read four times as many.
pub(super) const HEAD_BYTES_MAX: usize = 32_768;
/// Maximum number of headers in one request's head. It is that of the HTTP library.
const LINES_MAX: usize = 96;
/// Replacement for `upgrade` in a head, of the same length.
const IGNORED: &[u8; 7] = b"ignored";

/// Body of a request, as far as it is still to come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Number of bytes that are still to come.
    Sized(u64),
    /// A chunked body. Its length is unknown until its end.
    Chunked(Chunks),
}

impl Body {
    /// Consumes the bytes of the body at the start of `bytes`.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Extent {
        match self {
            Self::Sized(left) => {
                let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= here as u64;
                if *left == 0 { Extent::Ends(here) } else { Extent::GoesOn }
            }
            Self::Chunked(chunks) => chunks.pass(bytes),
        }
    }
}

/// A complete head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) bytes: usize,
    pub(super) body: Body,
    /// True if the client sends no further request on this connection (RFC 9112, section 9.6).
    pub(super) is_last: bool,
}

/// Result of a search for a head at the start of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The start of a head that is not complete.
    Part,
    Head(Head),
    /// A head that the HTTP library refuses.
    Malformed,
}

/// Headers that decide the framing of a request.
#[derive(Default)]
struct Lines {
    length: Option<u64>,
    is_chunked: bool,
    closes: bool,
    keeps_alive: bool,
    /// Positions of `upgrade`: as the name of a header, or as an option in `Connection`.
    upgrades: Vec<usize>,
}

impl Head {
    /// Finds the head at the start of `bytes`, and overwrites its request for an upgrade. The
    /// server never upgrades a connection, and may ignore the request (RFC 9110, section 7.8). But
    /// the HTTP library would read the body of such a request to the end of the connection,
    /// whatever its `Content-Length` is.
    pub(super) fn find(bytes: &mut [u8]) -> Found {
        let mut headers = [const { MaybeUninit::uninit() }; LINES_MAX];
        let mut request = Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(bytes, &mut headers) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Found::Part,
            Err(_) => return Found::Malformed,
        };
        let start = bytes.as_ptr().addr();
        let Some(lines) = Lines::read(&request, start) else { return Found::Malformed };
        let is_old = request.version == Some(0);
        let is_tunnel = request.method == Some("CONNECT");
        let head = Self {
            bytes: length,
            body: match lines.length {
                _ if lines.is_chunked => Body::Chunked(Chunks::default()),
                length => Body::Sized(length.unwrap_or(0)),
            },
            // Bytes behind a CONNECT would belong to the tunnel.
            is_last: lines.closes || is_tunnel || (is_old && !lines.keeps_alive),
        };
        for at in lines.upgrades {
            if let Some(name) = bytes.get_mut(at..at + IGNORED.len()) {
                name.copy_from_slice(IGNORED);
            }
        }
        Found::Head(head)
    }
}

impl Lines {
    /// Reads the headers of a head that begins at the address `start`. Returns `None` for framing
    /// that the HTTP library refuses.
    fn read(request: &Request<'_, '_>, start: usize) -> Option<Self> {
        let mut lines = Self::default();
        for header in request.headers.iter() {
            let (name, value) = (header.name, header.value);
            if name.eq_ignore_ascii_case("content-length") {
                let length = std::str::from_utf8(value).ok()?.trim();
                let is_number = length.bytes().all(|b| b.is_ascii_digit());
                let length = length.parse().ok().filter(|_| is_number)?;
                if lines.length.replace(length).is_some() {
                    return None;
                }
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                let is_chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
                if !is_chunked || lines.is_chunked || request.version == Some(0) {
                    return None;
                }
                lines.is_chunked = true;
            } else if name.eq_ignore_ascii_case("connection") {
                for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    lines.closes |= option.eq_ignore_ascii_case(b"close");
                    lines.keeps_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                    if option.eq_ignore_ascii_case(b"upgrade") {
                        lines.upgrades.push(option.as_ptr().addr() - start);
                    }
                }
            } else if name.eq_ignore_ascii_case("upgrade") {
                lines.upgrades.push(name.as_ptr().addr() - start);
            }
        }
        (lines.length.is_none() || !lines.is_chunked).then_some(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &str) -> Found {
        Head::find(&mut format!("POST / HTTP/1.1\r\nHost: x\r\n{lines}\r\nrest").into_bytes())
    }

    fn head(lines: &str) -> Head {
        let found = found(lines);
        let Found::Head(head) = found else { panic!("{lines:?}: {found:?}") };
        head
    }

    #[test]
    fn a_body_is_framed_by_its_length_or_its_chunks() {
        assert_eq!(head("").body, Body::Sized(0));
        assert_eq!(head("content-LENGTH:  7 \r\n").body, Body::Sized(7));
        let chunked = Body::Chunked(Chunks::default());
        assert_eq!(head("Transfer-Encoding: Chunked\r\n").body, chunked);
        for malformed in [
            "Content-Length: +1\r\n",
            "Content-Length: \r\n",
            "Content-Length: 1\r\nContent-Length: 1\r\n",
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: identity\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        ] {
            assert_eq!(found(malformed), Found::Malformed, "{malformed:?}");
        }
    }

    #[test]
    fn a_request_says_that_it_is_the_last_in_many_ways() {
        for last in ["close", "CLOSE", "keep-alive , Close", "x\r\nConnection: close"] {
            assert!(head(&format!("Connection: {last}\r\n")).is_last, "{last:?}");
        }
        for other in ["keep-alive", "closed", "x", "upgrade", ""] {
            assert!(!head(&format!("Connection: {other}\r\n")).is_last, "{other:?}");
        }
        let old = |lines: &str| {
            let found = Head::find(&mut format!("GET / HTTP/1.0\r\n{lines}\r\n").into_bytes());
            matches!(found, Found::Head(Head { is_last: true, .. }))
        };
        assert!(old("") && old("Connection: x\r\n"));
        assert!(!old("Connection: Keep-Alive\r\n"));
    }

    #[test]
    fn a_wish_for_an_upgrade_is_hidden_and_nothing_else_is() {
        let mut bytes = b"GET /upgrade HTTP/1.1\r\nHost: x\r\nUPGRADE: websocket\r\n\
                          Connection: keep-alive, Upgrade\r\nupgraded: upgrade\r\n\r\nupgrade: x"
            .to_vec();
        let Found::Head(head) = Head::find(&mut bytes) else { panic!("it is one") };
        let hidden = "GET /upgrade HTTP/1.1\r\nHost: x\r\nignored: websocket\r\n\
                      Connection: keep-alive, ignored\r\nupgraded: upgrade\r\n\r\nupgrade: x";
        assert_eq!(String::from_utf8(bytes).unwrap(), hidden);
        assert_eq!(head.bytes, hidden.len() - "upgrade: x".len());
        assert!(!head.is_last);
    }

    #[test]
    fn a_head_may_be_incomplete() {
        let whole = b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n";
        for cut in 0..whole.len() {
            let mut part = whole[..cut].to_vec();
            assert_eq!(Head::find(&mut part), Found::Part, "{cut}");
            assert_eq!(part, whole[..cut]);
        }
    }
}

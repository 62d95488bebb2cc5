//! Requests in single file: the HTTP library receives the bytes of one request. It receives those
//! of the next request after the peer has read the response.
//!
//! Without this module the library would parse and store all pipelined requests. It would then know
//! only of the last one whether the connection stays open after it.

use super::Load;
use super::chunks::Extent;
use super::head::{Body, Found, HEAD_BYTES_MAX, Head};

/// Maximum of bytes that are read behind a request which has no response yet.
pub(super) const PIPELINED_BYTES_MAX: usize = 1024;

/// Part of a request that the next byte belongs to.
#[derive(Debug, Default)]
pub(super) enum Next {
    #[default]
    Head,
    Body(Body),
    /// No part: the library has received the whole request, and its response is awaited.
    Answer,
    /// A request that the HTTP library will refuse.
    Malformed,
}

/// Requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) next: Next,
    /// Bytes that were read, but not passed to the library.
    behind: Vec<u8>,
    /// Number of leading bytes of `behind` that may be passed to the library.
    ready: usize,
    /// Number of bytes at the last unsuccessful parse of an incomplete head.
    parsed: usize,
}

/// Returns true if bytes may contain the end of a head. The first `known` bytes contain none.
fn ends_head(bytes: &[u8], known: usize) -> bool {
    let fresh = bytes.get(known.saturating_sub(2)..).unwrap_or_default();
    fresh.windows(2).any(|two| two == b"\n\n") || fresh.windows(3).any(|three| three == b"\n\r\n")
}

impl Pipeline {
    /// Returns the number of leading bytes of `bytes` that may be passed to the library. The caller
    /// keeps the other bytes.
    pub(super) fn admit(&mut self, bytes: &mut [u8], load: &Load) -> usize {
        match &mut self.next {
            Next::Head => match Head::find(bytes) {
                Found::Part if bytes.len() < HEAD_BYTES_MAX => {
                    self.parsed = bytes.len();
                    0
                }
                Found::Part | Found::Malformed => self.malformed(bytes, load),
                Found::Head(head) => {
                    load.hand_over(head.is_last);
                    self.next = Next::Body(head.body);
                    let rest = bytes.get_mut(head.bytes..).unwrap_or_default();
                    head.bytes + self.admit(rest, load)
                }
            },
            Next::Body(body) => match body.pass(bytes) {
                Extent::GoesOn => bytes.len(),
                Extent::Ends(end) => {
                    self.next = Next::Answer;
                    end
                }
                Extent::Malformed => self.malformed(bytes, load),
            },
            Next::Answer => 0,
            Next::Malformed => bytes.len(),
        }
    }

    fn malformed(&mut self, bytes: &[u8], load: &Load) -> usize {
        if matches!(self.next, Next::Head) {
            load.hand_over(true);
        }
        load.close();
        self.next = Next::Malformed;
        bytes.len()
    }

    /// Begins the next request. Its bytes may have arrived already.
    pub(super) fn begin_next(&mut self, load: &Load) {
        self.next = Next::Head;
        self.parsed = 0;
        self.admit_behind(load);
    }

    /// Stores bytes that may not be passed to the library yet, or only in part.
    pub(super) fn keep(&mut self, bytes: &[u8], load: &Load) {
        let known = self.behind.len();
        self.behind.extend_from_slice(bytes);
        if self.ready == 0 && self.is_worth_a_look(known) {
            self.admit_behind(load);
        }
    }

    /// Returns true if parsing is worth its cost, so that a head which arrives in small parts is
    /// not parsed for each of them. A head is parsed if it may be complete, if it is too long, or
    /// if it has doubled since the last parse, so that a malformed head is found. `known` bytes
    /// were stored before.
    fn is_worth_a_look(&self, known: usize) -> bool {
        let bytes = self.behind.len();
        !matches!(self.next, Next::Head)
            || bytes >= HEAD_BYTES_MAX
            || bytes >= 2 * self.parsed
            || ends_head(&self.behind, known)
    }

    fn admit_behind(&mut self, load: &Load) {
        let mut behind = std::mem::take(&mut self.behind);
        self.ready = if behind.is_empty() { 0 } else { self.admit(&mut behind, load) };
        self.behind = behind;
    }

    /// Returns the number of stored bytes that were not passed to the library.
    pub(super) const fn behind(&self) -> usize {
        self.behind.len()
    }

    /// Passes up to `most` of the permitted bytes to `give`, and returns their number.
    pub(super) fn take(&mut self, most: usize, give: impl FnOnce(&[u8])) -> usize {
        let taken = self.ready.min(most);
        if taken > 0 {
            give(self.behind.get(..taken).unwrap_or_default());
            self.behind.drain(..taken);
            self.ready -= taken;
            if self.behind.is_empty() {
                // We free the buffer, so that a parked poll keeps no memory for bytes that may
                // never arrive.
                self.behind = Vec::new();
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends a head byte by byte. Returns the number of permitted bytes, and the number of parses.
    fn dripped(head: &[u8]) -> (usize, usize) {
        let (mut requests, load) = (Pipeline::default(), Load::new(1024));
        let (mut looks, mut parsed) = (0, 0);
        for byte in head {
            requests.keep(&[*byte], &load);
            looks += usize::from(requests.parsed != parsed);
            parsed = requests.parsed;
        }
        (requests.ready, looks)
    }

    #[test]
    fn a_head_that_drips_in_is_parsed_a_few_times_and_seen_at_its_end() {
        let long = format!("GET / HTTP/1.1\r\nlong: {}\r\n\r\n", "x".repeat(20_000));
        let (ready, looks) = dripped(long.as_bytes());
        assert_eq!(ready, long.len());
        assert!(looks < 20, "{looks}");
        for head in ["GET / HTTP/1.1\n\n", "\r\n\r\nGET / HTTP/1.1\r\na: b\n\r\n"] {
            assert_eq!(dripped(head.as_bytes()).0, head.len(), "{head:?}");
        }
    }

    #[test]
    fn a_head_that_is_malformed_or_too_long_is_handed_over_to_be_refused() {
        assert!(dripped("G\0T / HTTP/1.1\r\nx".as_bytes()).0 > 0);
        let long = format!("GET / HTTP/1.1\r\nlong: {}", "x".repeat(HEAD_BYTES_MAX));
        assert!(dripped(long.as_bytes()).0 > 0);
    }
}

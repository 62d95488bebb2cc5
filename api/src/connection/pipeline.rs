//! Requests in single file: the HTTP library gets the bytes of one request, and those of the next
//! when the answer to the one before was taken.
//!
//! Left to itself the library makes requests of everything that was read, and holds them all. It
//! then knows only of the last of them whether the connection goes on behind it.

use super::Load;
use super::chunks::Extent;
use super::head::{Body, Found, HEAD_BYTES_MAX, Head};

/// Bytes that are read behind a request whose answer is awaited.
pub(super) const PIPELINED_BYTES_MAX: usize = 1024;

/// The part of a request that comes next.
#[derive(Debug, Default)]
pub(super) enum Next {
    #[default]
    Head,
    Body(Body),
    /// No more bytes: the whole request was handed over, and its answer is awaited.
    Answer,
    /// A request that the HTTP library refuses.
    Malformed,
}

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Pipeline {
    pub(super) next: Next,
    /// Bytes that were read and not handed over.
    behind: Vec<u8>,
    /// Leading bytes of `behind` that may be handed over.
    ready: usize,
    /// Bytes of a head that were parsed and are not all of it.
    parsed: usize,
}

/// Looks for the end of a head among bytes of which the first `known` hold none.
fn ends_head(bytes: &[u8], known: usize) -> bool {
    let fresh = bytes.get(known.saturating_sub(2)..).unwrap_or_default();
    fresh.windows(2).any(|two| two == b"\n\n") || fresh.windows(3).any(|three| three == b"\n\r\n")
}

impl Pipeline {
    /// Answers how many leading bytes of `bytes` may be handed over. The others have to be kept
    /// behind.
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

    /// Begins the next request, whose bytes may be there already.
    pub(super) fn begin_next(&mut self, load: &Load) {
        self.next = Next::Head;
        self.parsed = 0;
        self.admit_behind(load);
    }

    /// Keeps bytes that may not be handed over yet, or not all of them.
    pub(super) fn keep(&mut self, bytes: &[u8], load: &Load) {
        let known = self.behind.len();
        self.behind.extend_from_slice(bytes);
        if self.ready == 0 && self.is_worth_a_look(known) {
            self.admit_behind(load);
        }
    }

    /// Spares a head that comes in small parts from being parsed anew with each of them: only one
    /// that may be complete is, one that is too long, or one that has doubled, so that a malformed
    /// one is seen. `known` bytes were there before.
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

    /// Number of bytes that wait behind the current request.
    pub(super) const fn behind(&self) -> usize {
        self.behind.len()
    }

    /// Hands over up to `most` of the bytes that may be.
    pub(super) fn take(&mut self, most: usize, give: impl FnOnce(&[u8])) -> usize {
        let taken = self.ready.min(most);
        if taken > 0 {
            give(self.behind.get(..taken).unwrap_or_default());
            self.behind.drain(..taken);
            self.ready -= taken;
            if self.behind.is_empty() {
                // A parked poll keeps no room for bytes that do not come.
                self.behind = Vec::new();
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brings a head byte by byte. The bytes that may be handed over, and how often it was parsed.
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

//! Responses to bytes that are not a valid request head.
//!
//! The HTTP library refuses such a head itself: it sends a response without a body, then closes the
//! connection. We recognise that response before it is sent, and send an error in JSON instead.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::HttpDate;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use countersign_wire::error::ErrorBody;
use countersign_wire::reason::Reason;

use crate::telemetry::HEADS_REFUSED;

/// Maximum length of the library's own refusal, in bytes: a status line and three short headers.
const BARE_BYTES_MAX: usize = 256;
/// Statuses of the library's own refusals.
const BARE_STATUS: [&str; 3] = ["400", "408", "431"];

/// Reason for which a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadHead {
    /// The bytes are not HTTP/1.1, or the framing of the body is invalid.
    Malformed,
    /// The head has more bytes or more headers than the server reads.
    TooLong,
    /// The head was not complete within this time.
    TooSlow(Duration),
}

impl BadHead {
    /// Returns the bytes of the whole response, and counts the refusal.
    pub(super) fn answer(self) -> Vec<u8> {
        let (reason, label, text) = match self {
            Self::Malformed => {
                let text = "this is not a well-formed HTTP/1.1 request".to_owned();
                (Reason::RequestMalformed, "malformed", text)
            }
            Self::TooLong => {
                let text = "the request's head is too long".to_owned();
                (Reason::HeadTooLong, "too_long", text)
            }
            Self::TooSlow(limit) => {
                let seconds = limit.as_secs();
                let text = format!("the request's head was not complete after {seconds} seconds");
                (Reason::HeadTooSlow, "too_slow", text)
            }
        };
        metrics::counter!(HEADS_REFUSED, "reason" => label).increment(1);
        let status = StatusCode::from_u16(reason.status()).expect("the table has them of HTTP");
        tracing::debug!(status = status.as_u16(), reason = reason.name(), "refused a head");
        let body = ErrorBody::new(reason, text);
        let body = serde_json::to_string(&body).expect("texts are JSON");
        let length = body.len();
        let now = HttpDate::from(UNIX_EPOCH + Duration::from_millis(SystemClock.now().0));
        // These are the headers that responses of routes have too.
        format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\
             content-type: application/json\r\ncache-control: no-store\r\n\
             referrer-policy: no-referrer\r\ndate: {now}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// Finds the library's own refusal in `bytes`, which are about to be sent. Returns its position and
/// the reason. It is always the last response on a connection.
///
/// A route's response cannot be mistaken for it, because every response of a route has a body or
/// its length, and `cache-control: no-store`.
pub(super) fn bare(bytes: &[u8]) -> Option<(usize, BadHead)> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let from = bytes.len().saturating_sub(BARE_BYTES_MAX);
    let tail = bytes.get(from..)?;
    let start = tail.windows(7).rposition(|window| window == b"HTTP/1.")?;
    let head = std::str::from_utf8(tail.get(start..)?).ok()?;
    let (line, headers) = head.split_once("\r\n")?;
    let status = line.split(' ').nth(1)?;
    let is_bare = BARE_STATUS.contains(&status)
        && headers.contains("content-length: 0\r\n")
        && !headers.contains("cache-control:");
    let refusal = if status == "431" { BadHead::TooLong } else { BadHead::Malformed };
    is_bare.then_some((from + start, refusal))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\
                        date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";

    #[test]
    fn the_librarys_own_refusal_is_found_behind_other_answers() {
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(bare(BARE.as_bytes()), Some((0, BadHead::Malformed)));
        let both = [answer, BARE].concat();
        assert_eq!(bare(both.as_bytes()), Some((answer.len(), BadHead::Malformed)));
        let long = BARE.replace("400 Bad Request", "431 Request Header Fields Too Large");
        assert_eq!(bare(long.as_bytes()), Some((0, BadHead::TooLong)));
    }

    #[test]
    fn no_other_answer_is_taken_for_it() {
        let stored = BARE.replace("date", "cache-control: no-store\r\ndate");
        let head = BARE.replace("length: 0", "length: 17");
        let ok = BARE.replace("400 Bad Request", "200 OK");
        let cut = &BARE[..BARE.len() - 1];
        let goes_on = "HTTP/1.1 100 Continue\r\n\r\n";
        for other in [stored.as_str(), &head, &ok, cut, goes_on, "\r\n\r\n", ""] {
            assert_eq!(bare(other.as_bytes()), None, "{other:?}");
        }
    }
}

//! Conversion of `hyper`'s requests into those of the routes.

use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::PayloadError;
use actix_http::header::{HeaderName, HeaderValue};
use actix_http::{Method, Payload, Request, Uri, Version};
use actix_web::web::{Bytes, BytesMut};
use countersign_wire::reason::Reason;
use futures_util::stream;
use hyper::body::{Body as _, Incoming};
use hyper::header::HOST;
use hyper::http::request::Parts;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::HEADERS_MAX;
use crate::problem::Problem;
use crate::telemetry::HEADS_REFUSED;

/// Maximum of bytes that are read of a body without a permit. The frame in which they end is read
/// whole.
const AHEAD_BYTES_MAX: usize = 4096;
/// Time that a body waits for a permit. A body that is sent without a pause is complete by then,
/// and needs none.
const BODY_WAIT: Duration = Duration::from_secs(1);

/// Converts the head of a request. The result has no body yet.
///
/// # Errors
/// 400 if the head is not valid for the routes, 413 if it has too many headers.
pub(super) fn converted(parts: &Parts, peer: Option<SocketAddr>) -> Result<Request, Problem> {
    if parts.headers.len() > HEADERS_MAX {
        metrics::counter!(HEADS_REFUSED, "reason" => "too_long").increment(1);
        return Err(Problem::head_too_long());
    }
    sound(parts, peer).ok_or_else(|| {
        metrics::counter!(HEADS_REFUSED, "reason" => "malformed").increment(1);
        Problem::new(Reason::RequestMalformed, "this is not a well-formed HTTP/2 request")
    })
}

fn sound(parts: &Parts, peer: Option<SocketAddr>) -> Option<Request> {
    let mut request = Request::with_payload(Payload::None);
    let head = request.head_mut();
    head.method = Method::from_bytes(parts.method.as_str().as_bytes()).ok()?;
    head.uri = Uri::try_from(parts.uri.path_and_query()?.as_str()).ok()?;
    head.version = Version::HTTP_2;
    head.peer_addr = peer;
    // RFC 9113, section 8.3.1: `:authority` and `Host` must be equal if both are present.
    let mut hosts = parts.headers.get_all(HOST).iter();
    match (parts.uri.authority(), hosts.next()) {
        (Some(authority), Some(host)) if authority.as_str().as_bytes() != host.as_bytes() => {
            return None;
        }
        (Some(authority), None) => {
            let name = HeaderName::from_static("host");
            head.headers.append(name, HeaderValue::from_str(authority.as_str()).ok()?);
        }
        (_, _) => {}
    }
    if hosts.next().is_some() {
        return None;
    }
    for (name, value) in &parts.headers {
        let name = HeaderName::from_bytes(name.as_str().as_bytes()).ok()?;
        head.headers.append(name, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    Some(request)
}

type Chunk = Result<Bytes, PayloadError>;

/// Start of a body that has no permit yet. Its bytes are copied, because a part of even one byte
/// would keep the whole buffer into which it was read.
#[derive(Default)]
struct Ahead(BytesMut);

impl Ahead {
    fn push(&mut self, chunk: &Bytes) {
        self.0.extend_from_slice(chunk);
    }

    /// Returns all bytes, or `None` if there are none.
    fn take(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| std::mem::take(&mut self.0).freeze())
    }
}

/// A body while it is read. It returns an error once and then ends, because `hyper` would repeat
/// the error forever.
struct Reading {
    ahead: Ahead,
    /// Source of the body, with its permit. `None` after the body's end or error, so that the
    /// permit is returned.
    unread: Option<(Incoming, Option<OwnedSemaphorePermit>)>,
}

impl Reading {
    async fn chunk(&mut self) -> Option<Chunk> {
        let (body, _) = self.unread.as_mut()?;
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        let chunk = match frame {
            Some(Ok(frame)) => return Some(Ok(frame.into_data().unwrap_or_default())),
            Some(Err(error)) => Some(Err(PayloadError::Io(io::Error::other(error)))),
            // `hyper` reports a reset without an error code as the end of the body.
            None if !body.is_end_stream() => Some(Err(PayloadError::Incomplete(None))),
            None => None,
        };
        self.unread = None;
        chunk
    }

    /// Reads a short body to its end, or to its error. If the body is longer than
    /// [`AHEAD_BYTES_MAX`], never returns.
    ///
    /// # Errors
    /// That of the body.
    async fn read_to_end(&mut self) -> Result<(), PayloadError> {
        while self.ahead.0.len() <= AHEAD_BYTES_MAX {
            let Some(chunk) = self.chunk().await.transpose()? else { return Ok(()) };
            self.ahead.push(&chunk);
        }
        pending().await
    }
}

/// Returns the body when it is complete, or when it has got one of the `places`, which are permits
/// for incomplete bodies. Returns `None` after [`BODY_WAIT`], so that a request whose body does not
/// arrive takes no permit of the server from others.
///
/// # Errors
/// 400 if the peer aborted the body, or if its length contradicts the request's head.
pub(super) async fn body(
    body: Incoming,
    places: &Arc<Semaphore>,
) -> Result<Option<Payload>, Problem> {
    if body.is_end_stream() {
        return Ok(Some(Payload::None));
    }
    let mut reading = Reading { ahead: Ahead::default(), unread: Some((body, None)) };
    let got = tokio::select! {
        biased;
        read = reading.read_to_end() => {
            read.map_err(|_| Problem::incomplete())?;
            None
        }
        place = places.clone().acquire_owned() => Some(place.expect("nobody closes the places")),
        () = sleep(BODY_WAIT) => return Ok(None),
    };
    if let Some((_, place)) = &mut reading.unread {
        *place = got;
    }
    let chunks = stream::unfold(reading, |mut reading| async move {
        let chunk = match reading.ahead.take() {
            Some(chunk) => Ok(chunk),
            None => reading.chunk().await?,
        };
        Some((chunk, reading))
    });
    Ok(Some(Payload::Stream { payload: Box::pin(chunks) as Pin<Box<_>> }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buffer of a socket that counts its owners.
    struct Buffer(Arc<[u8; 4096]>);

    impl AsRef<[u8]> for Buffer {
        fn as_ref(&self) -> &[u8] {
            self.0.as_ref()
        }
    }

    #[test]
    fn the_start_of_a_body_keeps_no_buffer_that_it_was_read_into() {
        let buffer = Arc::new([b'x'; 4096]);
        let mut ahead = Ahead::default();
        for _ in 0..AHEAD_BYTES_MAX {
            let read = Bytes::from_owner(Buffer(buffer.clone()));
            ahead.push(&read.slice(..1));
        }
        assert_eq!(Arc::strong_count(&buffer), 1);
        assert_eq!(ahead.take().unwrap(), buffer.as_slice());
        assert!(ahead.take().is_none());
    }
}

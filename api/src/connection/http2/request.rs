//! Requests as the routes want them.

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

/// Bytes of a body that are read before it has a place. The frame in which they end is read whole.
const AHEAD_BYTES_MAX: usize = 4096;
/// Time for which a body waits for a place. Bodies that are sent without a pause have ended by
/// then.
const BODY_WAIT: Duration = Duration::from_secs(1);

/// Converts the request, still without its body.
///
/// # Errors
/// 400 or 413 if its head has parts that the routes cannot take.
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
    // RFC 9113, section 8.3.1: both name the same, if both are there.
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

/// The start of a body, which was read before the body has its place. It is copied, because each
/// part, be it a single byte, would keep the whole buffer that it was read into.
#[derive(Default)]
struct Ahead(BytesMut);

impl Ahead {
    fn push(&mut self, chunk: &Bytes) {
        self.0.extend_from_slice(chunk);
    }

    /// All of it, unless there is nothing.
    fn take(&mut self) -> Option<Bytes> {
        (!self.0.is_empty()).then(|| std::mem::take(&mut self.0).freeze())
    }
}

/// A body that is read. It gives an error once, and then ends: `hyper` would repeat it for ever.
struct Reading {
    ahead: Ahead,
    /// `None` behind its end, or its error. The place goes with it.
    unread: Option<(Incoming, Option<OwnedSemaphorePermit>)>,
}

impl Reading {
    async fn chunk(&mut self) -> Option<Chunk> {
        let (body, _) = self.unread.as_mut()?;
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        let chunk = match frame {
            Some(Ok(frame)) => return Some(Ok(frame.into_data().unwrap_or_default())),
            Some(Err(error)) => Some(Err(PayloadError::Io(io::Error::other(error)))),
            // `hyper` takes a reset without an error for an end.
            None if !body.is_end_stream() => Some(Err(PayloadError::Incomplete(None))),
            None => None,
        };
        self.unread = None;
        chunk
    }

    /// Reads on while the body is short; does not return before its end, or its error.
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

/// The body, once it has ended or has one of the `places` of those that have not. `None` if it gets
/// no place in time: a request whose body does not come takes no place in the server from others.
///
/// # Errors
/// 400 if the peer broke it off, or if it contradicts the request's head.
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

    /// A buffer of a socket that counts its owners.
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

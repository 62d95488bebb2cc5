//! Conversion of responses into those of `hyper`.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_http::Response;
use actix_http::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::web::Bytes;
use hyper::body::{Body, Buf, Frame, SizeHint};
use hyper::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use tokio::time::Instant;

use super::streams::Stream;

/// Converts the response on a `stream`. `stream` is `None` for a refused request, because that has
/// no [`Stream`].
pub(super) fn answered(
    response: Response<BoxBody>,
    is_head: bool,
    stream: Option<Rc<Stream>>,
) -> hyper::Response<Answer> {
    let (response, body) = response.into_parts();
    let size = body.size();
    let body = if is_head { BoxBody::new(()) } else { body };
    let mut answer = hyper::Response::new(Answer { body, stream });
    let status = hyper::StatusCode::from_u16(response.status().as_u16());
    *answer.status_mut() = status.expect("both know the same statuses");
    for (name, value) in response.headers() {
        let name = hyper::header::HeaderName::from_bytes(name.as_str().as_bytes());
        let value = hyper::header::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value)
            && name != CONNECTION
            && name != TRANSFER_ENCODING
        {
            answer.headers_mut().append(name, value);
        }
    }
    if let (true, BodySize::Sized(bytes)) = (is_head, size) {
        answer.headers_mut().insert(CONTENT_LENGTH, bytes.into());
    }
    answer
}

/// Body of a response. `hyper` polls it for more data when the peer's flow-control window has room.
pub(super) struct Answer {
    body: BoxBody,
    stream: Option<Rc<Stream>>,
}

/// Part of a response's body. It records on its stream how many bytes `hyper` has sent. `hyper`
/// sends them only when the peer's flow-control window has room.
pub(super) struct Piece {
    bytes: Bytes,
    stream: Option<Rc<Stream>>,
}

impl Piece {
    fn new(bytes: Bytes, stream: Option<Rc<Stream>>) -> Self {
        if let Some(stream) = &stream {
            stream.answers(bytes.len(), Instant::now());
        }
        Self { bytes, stream }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, bytes: usize) {
        self.bytes.advance(bytes);
        if let Some(stream) = &self.stream {
            stream.taken(bytes, Instant::now());
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            stream.forget(self.bytes.len());
        }
    }
}

impl Body for Answer {
    type Data = Piece;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Self::Error>>> {
        let chunk = self.body.as_pin_mut().poll_next(cx);
        let piece = |bytes| Frame::data(Piece::new(bytes, self.stream.clone()));
        chunk.map_ok(piece).map_err(|error| io::Error::other(error.to_string()))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.body.size(), BodySize::None | BodySize::Sized(0))
    }

    fn size_hint(&self) -> SizeHint {
        match self.body.size() {
            BodySize::None => SizeHint::with_exact(0),
            BodySize::Sized(bytes) => SizeHint::with_exact(bytes),
            BodySize::Stream => SizeHint::new(),
        }
    }
}

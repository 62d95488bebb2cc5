//! Answers in pieces, so that a peer that does not take an answer holds one piece of it besides.
//!
//! The HTTP library copies each piece that a body gives into the buffer of its connection. A body
//! that gives all of itself at once is copied whole.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;

/// Bytes of an answer that are copied at once.
pub(super) const PIECE_BYTES: usize = 8192;

/// The rest of an answer.
struct Pieces(Bytes);

impl MessageBody for Pieces {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.0.len() as u64)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let bytes = self.0.len().min(PIECE_BYTES);
        Poll::Ready((bytes > 0).then(|| Ok(self.0.split_to(bytes))))
    }
}

/// Has a large answer given piece by piece. A small one stays as it is.
pub fn in_pieces(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let size = response.response().body().size();
    if !matches!(size, BodySize::Sized(bytes) if bytes > PIECE_BYTES as u64) {
        return response;
    }
    response.map_body(|_, body| match body.try_into_bytes() {
        Ok(bytes) => BoxBody::new(Pieces(bytes)),
        Err(body) => body,
    })
}

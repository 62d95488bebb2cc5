//! Responses in pieces, so that a connection whose peer does not read buffers only one piece of its
//! response.
//!
//! The HTTP library copies each piece of a body into the buffer of its connection. A body that
//! returns all bytes at once would be copied whole.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::web::Bytes;

/// Size of a piece, in bytes.
pub(super) const PIECE_BYTES: usize = 8192;

/// Bytes of a response that are still to be sent.
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

/// Splits the body of a large response into pieces. A small one is not changed.
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

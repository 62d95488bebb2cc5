//! Request bodies: JSON, bounded in size and in time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use countersign_wire::json::parse_strict;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;

use crate::admission::Seat;
use crate::connection::Load;
use crate::problem::Problem;
use crate::state::{AppState, RequestLimits};

/// A JSON object as the body of a request. An empty body is an empty object.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let limits = AppState::of(request).limits;
        let declared = request.headers().get(CONTENT_LENGTH);
        let declared = declared.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|bytes| bytes > limits.body_bytes_max) {
            return Box::pin(std::future::ready(Err(Problem::too_large(limits.body_bytes_max))));
        }
        let json = is_json(request);
        let load = request.conn_data::<Load>().cloned();
        let seat = request.extensions().get::<Seat>().cloned();
        let payload = payload.take();
        Box::pin(async move {
            let deadline = Duration::from_secs(limits.body_read_seconds);
            let read = tokio::time::timeout(deadline, read(payload, limits)).await;
            let bytes = read.map_err(|_| Problem::too_slow(limits.body_read_seconds))??;
            if let Some(load) = load {
                load.body_is_read();
            }
            if seat.is_some_and(|seat| !seat.take()) {
                return Err(Problem::overloaded());
            }
            if !bytes.is_empty() && !json {
                return Err(Problem::not_json());
            }
            Ok(Self(parse_strict(&bytes)?))
        })
    }
}

async fn read(mut payload: Payload, limits: RequestLimits) -> Result<BytesMut, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::incomplete())?;
        if bytes.len() + chunk.len() > limits.body_bytes_max {
            return Err(Problem::too_large(limits.body_bytes_max));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn is_json(request: &HttpRequest) -> bool {
    let Some(value) = request.headers().get(CONTENT_TYPE) else { return false };
    let essence = value.to_str().ok().and_then(|v| v.split(';').next());
    essence.is_some_and(|e| e.trim().eq_ignore_ascii_case("application/json"))
}

//! Request bodies: JSON, with limits of size and time.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse};
use countersign_wire::json::parse_strict;
use countersign_wire::spelling::{self, Parsed, ServerRequest, Warned, Warnings};
use futures_util::StreamExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::admission::Seat;
use crate::answer::json;
use crate::connection::Load;
use crate::problem::Problem;
use crate::state::{AppState, RequestLimits};

/// Body of a request, parsed as a JSON object. An empty body counts as an empty object.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let whole = whole(request, payload);
        Box::pin(async move { parse_strict(&whole.await?).map(Self).map_err(Problem::from) })
    }
}

/// Body of a Server API request, with the warnings for its response.
pub struct ServerBody<T> {
    /// The body.
    pub body: T,
    /// Warnings for the response.
    pub warnings: Warnings,
}

impl<T: ServerRequest + 'static> FromRequest for ServerBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let whole = whole(request, payload);
        Box::pin(async move {
            let Parsed { body, warnings } =
                spelling::parse(&whole.await?).map_err(Problem::from)?;
            if !warnings.is_empty() {
                tracing::debug!(warnings = ?warnings.texts(), "a body has unknown fields");
            }
            Ok(Self { body, warnings })
        })
    }
}

/// Builds a response that includes the request's warnings.
pub fn answer<T: Serialize>(answer: T, warnings: &Warnings) -> HttpResponse {
    json(Warned { answer, warnings: warnings.texts() })
}

/// Reads the whole body. Refuses a body that is too large, too slow, encoded or not JSON. For new
/// work it then takes the request's permits.
fn whole(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<BytesMut, Problem>> + use<> {
    let limits = AppState::of(request).limits;
    let declared = request.headers().get(CONTENT_LENGTH);
    let declared = declared.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let is_too_large = declared.is_some_and(|bytes| bytes > limits.body_bytes_max);
    let (json, encoded) = (is_json(request), is_encoded(request));
    let load = request.conn_data::<Load>().cloned();
    let seat = request.extensions().get::<Seat>().cloned();
    let payload = if is_too_large { Payload::None } else { payload.take() };
    async move {
        if is_too_large {
            return Err(Problem::too_large(limits.body_bytes_max));
        }
        let deadline = Duration::from_secs(limits.body_read_seconds);
        let read = tokio::time::timeout(deadline, read(payload, limits)).await;
        let bytes = read.map_err(|_| Problem::too_slow(limits.body_read_seconds))??;
        if let Some(load) = load {
            load.body_is_read();
        }
        if seat.is_some_and(|seat| !seat.take()) {
            return Err(Problem::overloaded());
        }
        match bytes.is_empty() {
            false if encoded => Err(Problem::encoded()),
            false if !json => Err(Problem::not_json()),
            _ => Ok(bytes),
        }
    }
}

/// Takes the permits of new work, in a route that reads no body.
///
/// # Errors
/// 503 if no permit is left.
pub fn begin(request: &HttpRequest) -> Result<(), Problem> {
    let seat = request.extensions().get::<Seat>().cloned();
    if seat.is_some_and(|seat| !seat.take()) { Err(Problem::overloaded()) } else { Ok(()) }
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

/// Returns true if the body has an encoding other than `identity`.
fn is_encoded(request: &HttpRequest) -> bool {
    let mut codings = request.headers().get_all(CONTENT_ENCODING);
    codings.any(|coding| !coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

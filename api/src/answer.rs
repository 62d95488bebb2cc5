//! JSON bodies of responses.

use actix_web::error::JsonPayloadError;
use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// Space for a new body. Nearly every body fits, so that it is written without being moved.
const BODY_BYTES: usize = 1024;

/// Builds a response with status 200.
pub fn json(answer: impl Serialize) -> HttpResponse {
    with_json(HttpResponse::Ok(), answer)
}

/// Adds the body to the head of a response.
pub fn with_json(mut head: HttpResponseBuilder, answer: impl Serialize) -> HttpResponse {
    let mut body = Vec::with_capacity(BODY_BYTES);
    match serde_json::to_writer(&mut body, &answer) {
        Ok(()) => head.insert_header(ContentType::json()).body(body),
        Err(error) => HttpResponse::from_error(JsonPayloadError::Serialize(error)),
    }
}

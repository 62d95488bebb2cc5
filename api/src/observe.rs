//! What an operator sees of requests: latency by route and status, and a line per request at
//! `debug`.
//!
//! Neither has the path or the query, which name users and may carry tokens: only the route's
//! pattern.

use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, REFERRER_POLICY};
use countersign_engine::system::Stopwatch;
use metrics::histogram;

/// From the request's head to its answer, by route, method and status.
pub const HTTP_SECONDS: &str = "countersign_http_seconds";

/// What is answered is for the caller alone and is not to be kept, unless a route says otherwise.
pub fn protect(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

/// Notes what was answered and how long it took.
pub fn observe<B>(response: &ServiceResponse<B>, watch: &Stopwatch) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "none".to_owned());
    let method = known(request.method());
    let status = response.status().as_u16();
    let seconds = watch.seconds();
    tracing::debug!(http.method = method, http.route = route, http.status = status, seconds);
    histogram!(HTTP_SECONDS, "route" => route, "method" => method, "status" => status.to_string())
        .record(seconds);
}

/// A method's name for a label; whatever else a client may invent counts as one.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

//! Headers of every answer.

use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue, REFERRER_POLICY};

/// Marks the answer as private and not to be stored, unless a route says otherwise.
pub fn protect(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

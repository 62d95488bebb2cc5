//! Responses to cross-origin requests. A preflight names no tenant, so it is allowed if any tenant
//! allows the origin. The request itself is checked against its own tenant's list
//! (`caller::origin`).

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::web::Data;

use crate::config::AllowedOrigins;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, prefer");
const EXPOSED: HeaderValue = HeaderValue::from_static("Date, Preference-Applied, Retry-After");
/// Seconds for which a browser may cache a preflight's response.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Web page that sends a cross-origin request.
pub struct Page {
    origin: HeaderValue,
    is_allowed: bool,
    is_preflight: bool,
}

impl Page {
    /// Returns the page that sends a request. Returns `None` for a request without an `Origin`
    /// header.
    pub fn of(request: &ServiceRequest) -> Option<Self> {
        let origin = request.headers().get(ORIGIN)?.clone();
        let origins = request.app_data::<Data<AllowedOrigins>>();
        let is_allowed =
            origins.is_some_and(|o| origin.to_str().is_ok_and(|origin| o.allows(origin)));
        let is_preflight = request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        Some(Self { origin, is_allowed, is_preflight })
    }

    /// Returns the response to a preflight. Returns `None` for any other request.
    pub fn preflight(&self) -> Option<HttpResponse> {
        let answer = || HttpResponse::Ok().content_type("application/json").body("{}");
        self.is_preflight.then(answer)
    }

    /// Adds the headers with which an allowed page can read the response.
    pub fn allow(self, headers: &mut HeaderMap) {
        if !self.is_allowed {
            return;
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
        headers.append(VARY, HeaderValue::from_static("Origin"));
        if self.is_preflight {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
            headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        } else {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

//! Cross-origin answers. A preflight does not say whose page it is, so it allows what any tenant
//! allows; the request that follows is checked against its own tenant's list (`caller::origin`).

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};

use crate::config::AllowedOrigins;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, prefer");
const EXPOSED: HeaderValue = HeaderValue::from_static("Preference-Applied, Retry-After");
/// Seconds for which a browser may remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// Answers preflights, and lets allowed pages read what is answered.
///
/// # Errors
/// Those of the routes behind it.
pub async fn cors(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(origin) = request.headers().get(ORIGIN).cloned() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let origins = request.app_data::<Data<AllowedOrigins>>().cloned();
    let allowed = origins.is_some_and(|o| origin.to_str().is_ok_and(|origin| o.allows(origin)));
    let preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if preflight {
        let response = HttpResponse::Ok().content_type("application/json").body("{}");
        request.into_response(response)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    if allowed {
        allow(response.headers_mut(), origin, preflight);
    }
    Ok(response)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue, preflight: bool) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    } else {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

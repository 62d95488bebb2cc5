//! `GET /`, which leads a newcomer to the demo if it is served, and redirects to where a page's
//! relative links lead to its files. `Location` is relative too, so that it holds behind a proxy
//! that takes a prefix off the path.

use actix_web::http::header::{HeaderValue, LOCATION};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::asset::page;
use super::demo::Demo;

/// Redirects to the demo if it is served; otherwise returns a page that describes this server.
pub async fn home(request: HttpRequest, demo: Option<Data<Demo>>) -> HttpResponse {
    // A path without a slash at its end is that of the public URL, and is redirected.
    if let Some(elsewhere) = with_slash(&request) {
        return elsewhere;
    }
    match demo {
        Some(_) => HttpResponse::Found().insert_header((LOCATION, "demo")).finish(),
        None => page("home.html"),
    }
}

/// Redirects `GET /phone/` and similar paths to the page, with the query. Browsers keep the
/// fragment.
pub async fn without_slash(request: HttpRequest) -> HttpResponse {
    let name = last_segment(request.path().trim_end_matches('/'));
    redirect(&request, &format!("../{name}"))
}

/// Redirects to the path with a slash at its end. Returns `None` if the path has one.
fn with_slash(request: &HttpRequest) -> Option<HttpResponse> {
    let path = request.path();
    (!path.ends_with('/')).then(|| redirect(request, &format!("{}/", last_segment(path))))
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn redirect(request: &HttpRequest, path: &str) -> HttpResponse {
    let query = request.query_string();
    let mark = if query.is_empty() { "" } else { "?" };
    let location = HeaderValue::try_from(format!("{path}{mark}{query}"));
    // A query that no header can contain is dropped, because the page could not read it either.
    let location = location.or_else(|_| HeaderValue::try_from(path));
    let location = location.unwrap_or(HeaderValue::from_static("/"));
    HttpResponse::PermanentRedirect().insert_header((LOCATION, location)).finish()
}

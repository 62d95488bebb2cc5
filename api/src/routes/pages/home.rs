//! `GET /`: where a newcomer arrives. With the demo it leads there.

use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::asset::page;
use super::demo::Demo;
use super::redirect::with_slash;

/// Leads to the demo if it is served; otherwise describes this server.
pub async fn home(request: HttpRequest, demo: Option<Data<Demo>>) -> HttpResponse {
    // The path of the public URL, without a slash at its end.
    if let Some(elsewhere) = with_slash(&request) {
        return elsewhere;
    }
    match demo {
        Some(_) => HttpResponse::Found().insert_header((LOCATION, "demo")).finish(),
        None => page("home.html"),
    }
}

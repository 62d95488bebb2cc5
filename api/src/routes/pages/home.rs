//! `GET /`: where a newcomer arrives. With the demo it leads there.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;

use super::asset::page;
use super::demo::Demo;

/// Leads to the demo where it is served; otherwise says what this server is.
pub async fn home(demo: Option<Data<Demo>>) -> HttpResponse {
    match demo {
        Some(_) => HttpResponse::Found().insert_header((LOCATION, "demo")).finish(),
        None => page("home.html"),
    }
}

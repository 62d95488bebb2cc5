//! What stands around every route, in one layer: each layer costs every request its allocations.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use countersign_engine::system::Stopwatch;

use crate::admission::{Admission, Entered, Lane, Pulse};
use crate::connection::Turn;
use crate::cors::Page;
use crate::observe::observe;
use crate::problem::Problem;

/// Counts a request on its connection, answers it if it is a preflight or one too many, and else
/// lets the route answer; measures it, and lets allowed pages read what was answered.
///
/// # Errors
/// Those of the routes behind it. One request too many is answered 503 `temporarily_unavailable`.
pub async fn around(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let watch = Stopwatch::start();
    let turn = Turn::begin(&request);
    let page = Page::of(&request);
    let mut answered = match page.as_ref().and_then(Page::preflight) {
        Some(preflight) => Ok(request.into_response(preflight)),
        None => admitted(request, next).await,
    };
    turn.end(&mut answered);
    let mut response = answered?;
    if let Some(page) = page {
        page.allow(response.headers_mut());
    }
    observe(&mut response, &watch);
    Ok(response)
}

/// Turns a request away that is over a limit, before anything is done for it.
async fn admitted(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(entered) = enter(&request) else {
        return Ok(request.into_response(Problem::overloaded().error_response()));
    };
    if let Some(seat) = &entered.seat {
        request.extensions_mut().insert(seat.clone());
    }
    Ok(next.call(request).await?.map_into_boxed_body())
}

fn enter(request: &ServiceRequest) -> Option<Entered> {
    let admission = request.app_data::<Data<Admission>>()?;
    let lane = Lane::of(request.method(), request.match_info().unprocessed());
    admission.enter(lane, request.app_data::<Pulse>()?)
}

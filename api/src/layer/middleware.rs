//! Middleware around every route, in one layer, because each layer costs every request its
//! allocations.

use std::task::Poll;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest, ResponseError as _};
use countersign_engine::system::Stopwatch;

use crate::admission::{self, Admission, Entered, Lane, Pulse};
use crate::caller::ServerCaller;
use crate::client_address::Client;
use crate::connection::{Turn, in_pieces, stray};
use crate::layer::cors::Page;
use crate::layer::date;
use crate::layer::observe::observe;
use crate::long_poll;
use crate::problem::Problem;
use crate::request::arrival::Arrival;
use crate::request::path;
use crate::response_headers::protect;
use crate::state::AppState;

/// Counts a request on its connection, answers preflights and rejected requests, and lets the route
/// answer all others. It measures the request, and lets allowed pages read the answer.
///
/// # Errors
/// Those of the routes behind it. One request too many is answered 503 `temporarily_unavailable`.
pub async fn around(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let watch = Stopwatch::start();
    let turn = Turn::begin(&request);
    if turn.is_stray() {
        let mut answered = Ok(stray(request));
        turn.end(&mut answered);
        return answered;
    }
    path::route_as_usual(&mut request, public_path);
    let page = Page::of(&request);
    let preflight = page.as_ref().and_then(Page::preflight);
    let lane = Lane::of(request.method(), request.match_info().unprocessed());
    let entered = if preflight.is_some() { None } else { enter(&request, lane).await };
    let is_refused = preflight.is_none() && entered.is_none();
    let mut answered = match (preflight, &entered) {
        (Some(preflight), _) => Ok(request.into_response(preflight)),
        (None, Some(entered)) => admitted(request, next, entered).await,
        (None, None) => {
            body_passes().await;
            Ok(request.into_response(Problem::overloaded().error_response()))
        }
    };
    turn.end(&mut answered);
    let mut response = answered?;
    if let Some(page) = page {
        page.allow(response.headers_mut());
    }
    protect(response.headers_mut());
    date::tell(&mut response);
    // A rejection costs as little as possible, and is counted elsewhere.
    if !is_refused {
        observe(&response, &watch);
    }
    Ok(in_pieces(response))
}

/// The path of the public URL, without a slash at its end.
fn public_path(request: &HttpRequest) -> &str {
    AppState::of(request).public_url.path().trim_end_matches('/')
}

/// Lets the route answer a request that has a place.
async fn admitted(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
    entered: &Entered,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Some(seat) = &entered.seat {
        request.extensions_mut().insert(seat.clone());
    }
    long_poll::fit(&mut request);
    Ok(next.call(request).await?.map_into_boxed_body())
}

/// A place for a request, when it is its turn. There is none if it is over a limit, and then
/// nothing is done for it. A request that waits for a turn holds none.
async fn enter(request: &ServiceRequest, lane: Lane) -> Option<Entered> {
    let admission = request.app_data::<Data<Admission>>()?;
    let pulse = request.app_data::<Pulse>()?;
    // The client's share comes first, because a client with too much under way tells nothing about
    // the worker's capacity.
    let client = client(admission, request);
    let may_begin = lane == Lane::Existing || admission.may_begin(client);
    if !may_begin || !admission.admits(lane, pulse) {
        return None;
    }
    if pulse.has_turns() {
        let arrived_at = Arrival::now(request);
        if !pulse.turn(lane).await {
            admission::count(lane, "late");
            return None;
        }
        request.extensions_mut().insert(arrived_at);
    }
    admission.enter(lane, client)
}

/// Gives the client whose share a request counts in. A relying party's backend calls for all of its
/// users from one address, so a request with a tenant's secret counts in nobody's share.
fn client(admission: &Admission, request: &ServiceRequest) -> Option<Client> {
    let client = admission.client(request.peer_addr(), request.headers())?;
    (!ServerCaller::is_of(request.request())).then_some(client)
}

/// Lets a body pass by that came together with its head. The HTTP library closes a connection over
/// the rest of one, and takes in received bytes when an answer is not there at once.
async fn body_passes() {
    let mut is_next = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut is_next, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

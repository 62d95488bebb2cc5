//! Middleware around every route, in one layer, because each further layer would cost every request
//! further allocations.

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

/// Handles one request around its route. It counts the request on its connection, responds to
/// preflights, rejects a request over a limit, and passes any other to the route. It measures the
/// request, and adds headers to the response.
///
/// # Errors
/// Those of the routes. A rejected request gets 503 `temporarily_unavailable` and is not an error
/// here.
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
    // A rejection must cost as little as possible. It has its own counter.
    if !is_refused {
        observe(&response, &watch);
    }
    Ok(in_pieces(response))
}

/// Returns the path of the public URL, without a slash at its end.
fn public_path(request: &HttpRequest) -> &str {
    AppState::of(request).public_url.path().trim_end_matches('/')
}

/// Passes an admitted request to its route.
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

/// Takes the permits of a request, after it has waited for its turn. Returns `None` if the request
/// is rejected. A request that waits for its turn holds no permit.
async fn enter(request: &ServiceRequest, lane: Lane) -> Option<Entered> {
    let admission = request.app_data::<Data<Admission>>()?;
    let pulse = request.app_data::<Pulse>()?;
    // The client's limit is checked first, because a client above its limit must not count in the
    // measurement of the worker's load.
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

/// Returns the client whose limits apply to a request. A request with a tenant's secret has none,
/// because a relying party's backend sends the requests of all its users from one address.
fn client(admission: &Admission, request: &ServiceRequest) -> Option<Client> {
    let client = admission.client(request.peer_addr(), request.headers())?;
    (!ServerCaller::is_of(request.request())).then_some(client)
}

/// Returns control to the HTTP library once, so that it consumes a body that arrived together with
/// its head. The library would close the connection if part of the body were unread, and it
/// consumes received bytes when a response is not ready at once.
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

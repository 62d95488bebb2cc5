//! `POST /client/leave/push`: the page of a challenge goes away, for good or to be loaded again.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, rt};
use countersign_wire::challenge::{LeaveRequest, LeaveResponse};

use crate::admission::Admission;
use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Time in which a page that is loaded again begins to poll. A page that goes away cannot tell
/// whether it was closed or is loaded again, so the server waits for its next request.
const COMES_BACK: Duration = Duration::from_secs(5);

/// Cancels a challenge of the token's action after five seconds, unless a poll waits for it then.
/// The answer comes at once, because the page that asks does not live to read it; its outcome is
/// absent while the challenge is open. Until then it holds the places of a poll.
///
/// # Errors
/// 400 for a challenge that is not one of the token's action, 503 where no place to wait is free.
pub async fn leave(
    caller: ClientCaller,
    request: HttpRequest,
    state: Data<AppState>,
    admission: Data<Admission>,
    Body(body): Body<LeaveRequest>,
) -> Result<HttpResponse, Problem> {
    let id = body.into_core()?;
    let ClientCaller { account, grant, .. } = caller;
    let verdict = state.engine.await_outcome(&account, &grant.action, &id, 0).await;
    let verdict = verdict.map_err(Problem::of_token)?;
    let outcome = verdict.ended().map(|ended| ended.outcome.into());
    if outcome.is_none() {
        let client = admission.client(request.peer_addr(), request.headers());
        let places = admission.wait_of(&account.tenant).zip(admission.wait(client));
        let places = places.ok_or_else(Problem::overloaded)?;
        let engine = state.engine.clone();
        rt::spawn(async move {
            rt::time::sleep(COMES_BACK).await;
            if let Err(error) = engine.cancel_if_left(&account, &grant.action, id).await {
                tracing::debug!(%error, "a challenge whose page was left is not cancelled");
            }
            drop(places);
        });
    }
    Ok(HttpResponse::Ok().json(LeaveResponse { outcome }))
}

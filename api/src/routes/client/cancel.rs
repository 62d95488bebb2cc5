//! `POST /client/cancel/push`: takes a challenge back.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::challenge::{CancelRequest, CancelResponse};

use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Cancels a challenge of the token's action, and answers how it ended, which may have been before.
///
/// # Errors
/// 400 for a challenge that is not one of the token's action.
pub async fn cancel(
    caller: ClientCaller,
    state: Data<AppState>,
    Body(body): Body<CancelRequest>,
) -> Result<HttpResponse, Problem> {
    let id = body.into_core()?;
    let ended = state.engine.cancel(&caller.account, &caller.grant.action, id).await;
    let ended = ended.map_err(Problem::of_token)?;
    Ok(HttpResponse::Ok().json(CancelResponse { outcome: ended.outcome.into() }))
}

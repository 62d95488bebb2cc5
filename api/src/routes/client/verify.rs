//! `POST /client/verify/push`: how a challenge stands, at once or as soon as it ends.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::challenge::{VerifyRequest, VerifyResponse};
use countersign_wire::secret::Secret;

use crate::body::Body;
use crate::caller::ClientCaller;
use crate::caller::token::{Kind, Scopes};
use crate::hold::Hold;
use crate::problem::Problem;
use crate::state::AppState;

/// Answers how a challenge of the token's action stands. With `Prefer: wait=N` the answer is held
/// until the challenge ends, for that long at most.
///
/// # Errors
/// 400 for a challenge that is not one of the token's action.
pub async fn verify(
    caller: ClientCaller,
    hold: Hold,
    state: Data<AppState>,
    Body(body): Body<VerifyRequest>,
) -> Result<HttpResponse, Problem> {
    let id = body.into_core()?;
    let ClientCaller { account, action, .. } = caller;
    let verdict = state.engine.await_outcome(&account, &action, &id, hold.ms()).await;
    let verdict = verdict.map_err(Problem::of_token)?;
    let earned = verdict.ended().is_some_and(|e| VerifyResponse::earns_token(e.outcome));
    let token = earned.then(|| state.make_token(Kind::Verified, &account, &action, Scopes::all()));
    let mut response = hold.response(verdict.crowded, verdict.ended().is_some());
    let token = token.transpose()?.map(Secret::new);
    Ok(response.json(VerifyResponse::new(&verdict.challenge, token)))
}

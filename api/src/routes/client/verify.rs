//! `POST /client/verify/push`: how a challenge stands, at once or as soon as it ends.

use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::challenge::{VerifyRequest, VerifyResponse};
use countersign_wire::secret::Secret;

use crate::admission::Admission;
use crate::body::Body;
use crate::caller::ClientCaller;
use crate::caller::token::{Kind, Scopes};
use crate::prefer::{PREFERENCE_APPLIED, Wait};
use crate::problem::Problem;
use crate::state::AppState;

/// Answers how a challenge of the token's action stands. With `Prefer: wait=N` the answer is held
/// until the challenge ends, for that long at most.
///
/// # Errors
/// 400 for a challenge that is not one of the token's action.
pub async fn verify(
    caller: ClientCaller,
    request: HttpRequest,
    state: Data<AppState>,
    admission: Data<Admission>,
    Body(body): Body<VerifyRequest>,
) -> Result<HttpResponse, Problem> {
    let id = body.into_core()?;
    let wait = Wait::of(request.headers());
    let place = wait.and_then(|_| admission.waits.enter());
    let wait_ms = wait.filter(|_| place.is_some()).map_or(0, Wait::ms);
    let ClientCaller { account, action, .. } = caller;
    let verdict = state.engine.await_outcome(&account, &action, &id, wait_ms).await;
    let verdict = verdict.map_err(Problem::of_token)?;
    let earned = verdict.ended().is_some_and(|e| VerifyResponse::earns_token(e.outcome));
    let token = earned.then(|| state.make_token(Kind::Verified, &account, &action, Scopes::all()));
    let mut response = HttpResponse::Ok();
    if let Some(wait) = wait {
        response.insert_header((PREFERENCE_APPLIED.clone(), wait.applied()));
    }
    if verdict.crowded || (wait.is_some() && place.is_none() && verdict.ended().is_none()) {
        response.insert_header((RETRY_AFTER, 1));
    }
    let token = token.transpose()?.map(Secret::new);
    Ok(response.json(VerifyResponse::new(&verdict.challenge, token)))
}

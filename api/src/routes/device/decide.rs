//! `POST …/challenge`: the person approves or denies.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::device::{AnswerRequest, AnswerResponse};

use crate::caller::{DeviceCaller, credential_key};
use crate::problem::Problem;
use crate::request::arrival::Arrival;
use crate::request::body::Body;
use crate::state::AppState;

/// Records a decision. It is answered once the outcome is recorded; the same answer again is told
/// the same.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled or a signature that does not verify; 400
/// for a challenge that the key may not answer, or not any more, or for another number than the one
/// that is shown; 429 if too many were.
pub async fn decide(
    caller: DeviceCaller,
    request: HttpRequest,
    state: Data<AppState>,
    Body(body): Body<AnswerRequest>,
) -> Result<HttpResponse, Problem> {
    let arrived_at = Arrival::of(&request, state.engine.clock().now());
    let (key, signed) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let ended = state.engine.decide(&key, signed, arrived_at).await?;
    Ok(HttpResponse::Ok().json(AnswerResponse::from(ended.outcome)))
}

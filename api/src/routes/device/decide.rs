//! `POST …/challenge`: decision of the person, who approves, denies or reports.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::device::{AnswerRequest, AnswerResponse};

use crate::answer::json;
use crate::caller::{DeviceCaller, credential_key};
use crate::problem::Problem;
use crate::request::arrival::Arrival;
use crate::request::body::Body;
use crate::state::AppState;

/// Records a decision. The response is sent after the outcome is stored. A repeated request gets
/// the same response.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or for a signature that does not
/// verify; 400 for a challenge that the key may not answer or that has ended, and for a wrong
/// number; 429 after too many wrong numbers.
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
    Ok(json(AnswerResponse::from(ended.outcome)))
}

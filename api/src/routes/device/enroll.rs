//! `POST /client/user-authenticators/push`: binds a key to the token's user.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::device::{CredentialResponse, EnrollRequest};

use crate::body::Body;
use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::state::AppState;

/// Enrolls a key.
///
/// # Errors
/// 400 for a key that is not acceptable, 403 for a further authenticator without the scope for it.
pub async fn enroll(
    caller: ClientCaller,
    state: Data<AppState>,
    Body(body): Body<EnrollRequest>,
) -> Result<HttpResponse, Problem> {
    let enroll = body.into_core(caller.may_add_authenticators)?;
    let action = state.engine.action(&caller.account, caller.action.clone()).await;
    let action = action.map_err(Problem::of_token)?;
    caller.check_against(&action)?;
    let device = state.engine.enroll(&caller.account, caller.action, enroll).await;
    let device = device.map_err(Problem::of_token)?;
    Ok(HttpResponse::Ok().json(CredentialResponse::from(&device)))
}

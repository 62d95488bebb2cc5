//! `GET /users/{userId}/actions/{action}/{idempotencyKey}`: how an action stands.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::action::GetActionResponse;

use super::{account, action_key};
use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::path::Path;
use crate::state::AppState;

/// Answers an action.
///
/// # Errors
/// 404 for one that was not tracked.
pub async fn get_action(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let account = account(caller.tenant, &path.0)?;
    let action = state.engine.action(&account, action_key(&path.1, &path.2)?).await?;
    Ok(HttpResponse::Ok().json(GetActionResponse::from(&*action)))
}

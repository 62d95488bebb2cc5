//! `GET /users/{userId}`: a user's data.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::user::UserResponse;

use super::account;
use crate::caller::ServerCaller;
use crate::path::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Answers a user. One that is not known is not enrolled.
///
/// # Errors
/// 400 for a name that is not valid.
pub async fn get_user(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = state.engine.user(&account(caller.tenant, &path)?).await?;
    let is_enrolled = !user.devices.is_empty();
    Ok(HttpResponse::Ok().json(UserResponse::new(user.profile.as_ref(), is_enrolled)))
}

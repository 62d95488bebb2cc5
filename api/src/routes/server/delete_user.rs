//! `DELETE /users/{userId}`: a user goes, with everything that belongs to it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::user::Deleted;

use super::account;
use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::path::Path;
use crate::state::AppState;

/// Removes a user. Its open challenges are revoked.
///
/// # Errors
/// 400 for a name that is not valid.
pub async fn delete_user(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
) -> Result<HttpResponse, Problem> {
    state.engine.remove_user(&account(caller.tenant, &path)?).await?;
    Ok(HttpResponse::Ok().json(Deleted { success: true }))
}

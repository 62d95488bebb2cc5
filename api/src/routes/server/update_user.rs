//! `PATCH` and `POST /users/{userId}`: changes a user's data.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::user::{UpdateUserRequest, UserAttributes};

use super::new_account;
use crate::body::{ServerBody, answer};
use crate::caller::ServerCaller;
use crate::path::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Sets attributes, creating the user where there is none.
///
/// # Errors
/// 400 for a name or attribute that is not valid.
pub async fn update_user(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
    ServerBody { body, warnings }: ServerBody<UpdateUserRequest>,
) -> Result<HttpResponse, Problem> {
    let account = new_account(caller.tenant, &path)?;
    let profile = state.engine.update_user(&account, body.into_core()?).await?;
    Ok(answer(UserAttributes::from(&profile), &warnings))
}

//! `/users`: reads, changes and removes a user; finds users by their attributes.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::user::{
    Deleted, UpdateUserRequest, UserAttributes, UserResponse, UsersPage, UsersQuery,
};

use super::{account, new_account};
use crate::answer::json;
use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::body::{ServerBody, answer};
use crate::request::path::Path;
use crate::request::query::ServerQuery;
use crate::state::AppState;

/// Returns a user. An unknown user is returned as one that is not enrolled.
///
/// # Errors
/// 400 for an invalid user id.
pub async fn get_user(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = state.engine.user(&account(caller.tenant, &path)?).await?;
    let is_enrolled = !user.devices.is_empty();
    Ok(json(UserResponse::new(user.profile.as_ref(), is_enrolled)))
}

/// Sets attributes of a user. An unknown user is created.
///
/// # Errors
/// 400 for an invalid user id or attribute.
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

/// Removes a user. Its open challenges are revoked.
///
/// # Errors
/// 400 for an invalid user id.
pub async fn delete_user(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
) -> Result<HttpResponse, Problem> {
    state.engine.remove_user(&account(caller.tenant, &path)?).await?;
    Ok(json(Deleted { success: true }))
}

/// Finds users by their attributes, in the order of their ids.
///
/// # Errors
/// 400 for an invalid filter, or if there is none.
pub async fn query_users(
    caller: ServerCaller,
    state: Data<AppState>,
    ServerQuery(query): ServerQuery<UsersQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_core()?;
    let limit = query.limit;
    let users = state.engine.users(&caller.tenant, query).await?;
    let users = users.iter().map(|(id, record)| (id, &record.profile));
    Ok(json(UsersPage::new(users, limit)))
}

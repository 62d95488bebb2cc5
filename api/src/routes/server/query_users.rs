//! `GET /users`: users by their attributes.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::user::{UsersPage, UsersQuery};

use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::query::ServerQuery;
use crate::state::AppState;

/// Finds users, by id.
///
/// # Errors
/// 400 for a filter that cannot be read, or none at all.
pub async fn query_users(
    caller: ServerCaller,
    state: Data<AppState>,
    ServerQuery(query): ServerQuery<UsersQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_core()?;
    let limit = query.limit;
    let users = state.engine.users(&caller.tenant, query).await?;
    let users = users.iter().map(|(id, record)| (id, &record.profile));
    Ok(HttpResponse::Ok().json(UsersPage::new(users, limit)))
}

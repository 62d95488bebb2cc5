//! `GET /users/{userId}/actions`: a user's recent actions.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::action::{ActionItem, ActionsQuery};

use super::account;
use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::path::Path;
use crate::request::query::ServerQuery;
use crate::state::AppState;

/// Lists actions, newest first.
///
/// # Errors
/// 400 for a filter that cannot be read.
pub async fn query_actions(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
    ServerQuery(query): ServerQuery<ActionsQuery>,
) -> Result<HttpResponse, Problem> {
    let account = account(caller.tenant, &path)?;
    let query = query.into_core(state.engine.clock().now())?;
    let actions = state.engine.actions(&account, query).await?;
    Ok(HttpResponse::Ok().json(actions.iter().map(ActionItem::from).collect::<Vec<_>>()))
}

//! `GET /users/{userId}/actions`: a user's recent actions.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_engine::ports::store::ActionQuery;
use countersign_wire::action::{ActionItem, ActionsFilter, ActionsQuery};

use super::account;
use crate::caller::ServerCaller;
use crate::path::Path;
use crate::problem::Problem;
use crate::query::ServerQuery;
use crate::state::AppState;

/// Actions in one answer, at most: the newest.
const ACTIONS_MAX: usize = 1000;

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
    let ActionsFilter { from, codes, state: in_state } =
        query.into_core(state.engine.clock().now())?;
    let query = ActionQuery { from, codes, state: in_state, limit: ACTIONS_MAX };
    let actions = state.engine.actions(&account, query).await?;
    Ok(HttpResponse::Ok().json(actions.iter().map(ActionItem::from).collect::<Vec<_>>()))
}

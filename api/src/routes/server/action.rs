//! `/users/{userId}/actions`: reads an action and overrides its state; lists a user's recent
//! actions.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::action::{ActionItem, ActionsQuery, GetActionResponse, UpdateActionRequest};

use super::{account, action_key};
use crate::answer::json;
use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::body::{ServerBody, answer};
use crate::request::path::Path;
use crate::request::query::ServerQuery;
use crate::state::AppState;

/// Returns an action.
///
/// # Errors
/// 404 for an action that was not tracked.
pub async fn get_action(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let account = account(caller.tenant, &path.0)?;
    let action = state.engine.action(&account, action_key(&path.1, &path.2)?).await?;
    Ok(json(GetActionResponse::from(&*action)))
}

/// Sets the state of an action. Its open challenges are cancelled.
///
/// # Errors
/// 404 for an action that was not tracked, 400 for an unknown state.
pub async fn update_action(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<(String, String, String)>,
    ServerBody { body, warnings }: ServerBody<UpdateActionRequest>,
) -> Result<HttpResponse, Problem> {
    let account = account(caller.tenant, &path.0)?;
    let key = action_key(&path.1, &path.2)?;
    let action = state.engine.override_action(&account, key, body.state.into()).await?;
    Ok(answer(GetActionResponse::from(&*action), &warnings))
}

/// Lists a user's actions, newest first.
///
/// # Errors
/// 400 for an invalid filter.
pub async fn query_actions(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
    ServerQuery(query): ServerQuery<ActionsQuery>,
) -> Result<HttpResponse, Problem> {
    let account = account(caller.tenant, &path)?;
    let query = query.into_core(state.engine.clock().now())?;
    let actions = state.engine.actions(&account, query).await?;
    Ok(json(actions.iter().map(ActionItem::from).collect::<Vec<_>>()))
}

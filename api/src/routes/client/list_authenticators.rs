//! `GET /client/user-authenticators`: the authenticators of the token's user.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::authenticator::AuthenticatorItem;

use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::state::AppState;

/// Lists the authenticators of the token's user.
///
/// # Errors
/// 401 for a token whose action is gone.
pub async fn list_authenticators(
    caller: ClientCaller,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let devices = state.engine.authenticators(&caller.account, caller.grant).await;
    let devices = devices.map_err(Problem::of_token)?;
    let items = devices.iter().map(|d| AuthenticatorItem::from(&**d).for_client());
    Ok(HttpResponse::Ok().json(items.collect::<Vec<_>>()))
}

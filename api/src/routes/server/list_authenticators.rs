//! `GET /users/{userId}/authenticators`: a user's authenticators.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::authenticator::AuthenticatorItem;

use super::account;
use crate::caller::ServerCaller;
use crate::path::Path;
use crate::problem::Problem;
use crate::state::AppState;

/// Lists a user's authenticators.
///
/// # Errors
/// 400 for a name that is not valid.
pub async fn list_authenticators(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = state.engine.user(&account(caller.tenant, &path)?).await?;
    let items: Vec<_> =
        user.devices.iter().map(|device| AuthenticatorItem::from(&**device)).collect();
    Ok(HttpResponse::Ok().json(items))
}

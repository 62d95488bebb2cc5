//! `/users/{userId}/authenticators`: lists authenticators, and removes one.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::id::AuthenticatorId;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use countersign_wire::authenticator::AuthenticatorItem;
use countersign_wire::reason::Reason;
use countersign_wire::user::Deleted;

use super::account;
use crate::answer::json;
use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::path::Path;
use crate::state::AppState;

/// Lists a user's authenticators.
///
/// # Errors
/// 400 for an invalid user id.
pub async fn list_authenticators(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<String>,
) -> Result<HttpResponse, Problem> {
    let user = state.engine.user(&account(caller.tenant, &path)?).await?;
    let items: Vec<_> =
        user.devices.iter().map(|device| AuthenticatorItem::from(&**device)).collect();
    Ok(json(items))
}

/// Removes an authenticator. Challenges that no other authenticator may answer are revoked before
/// the response is sent.
///
/// # Errors
/// 404 for an authenticator that this user does not have.
pub async fn delete_authenticator(
    caller: ServerCaller,
    state: Data<AppState>,
    Path(path): Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let account = account(caller.tenant, &path.0)?;
    let unknown = || Problem::new(Reason::AuthenticatorNotFound, "the authenticator is not known");
    let id = AuthenticatorId::parse(&path.1).map_err(|_| unknown())?;
    match state.engine.remove_authenticator(&account, id).await {
        Ok(_) => Ok(json(Deleted { success: true })),
        Err(Error::Refused(Refusal::AuthenticatorUnknown)) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

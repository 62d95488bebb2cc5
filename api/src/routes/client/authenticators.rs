//! `/client/user-authenticators`: lists the authenticators of the token's user; the person takes
//! one away in the pre-built UI.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::id::AuthenticatorId;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use countersign_wire::authenticator::{AuthenticatorItem, RemoveAuthenticatorRequest};
use countersign_wire::reason::Reason;
use countersign_wire::user::Deleted;

use crate::answer::json;
use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Lists the authenticators of the token's user.
///
/// # Errors
/// 401 for a token whose action no longer exists.
pub async fn list_authenticators(
    caller: ClientCaller,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let devices = state.engine.authenticators(&caller.account, caller.grant).await;
    let devices = devices.map_err(Problem::of_token)?;
    let items = devices.iter().map(|d| AuthenticatorItem::from(&**d).for_client());
    Ok(json(items.collect::<Vec<_>>()))
}

/// Removes an authenticator of the token's user. The token needs the scope `remove:authenticators`,
/// which the token of an approved challenge has.
///
/// # Errors
/// 403 without the scope; 400 for an authenticator that the user does not have, or for the user's
/// last.
pub async fn remove_authenticator(
    caller: ClientCaller,
    state: Data<AppState>,
    Body(body): Body<RemoveAuthenticatorRequest>,
) -> Result<HttpResponse, Problem> {
    if !caller.may_remove_authenticators {
        return Err(Problem::new(
            Reason::ScopeMissing,
            "the token has no scope remove:authenticators",
        ));
    }
    let unknown = || {
        Problem::new(Reason::AuthenticatorUnknown, "userAuthenticatorId: is not one of this user")
    };
    let id = AuthenticatorId::parse(&body.user_authenticator_id).map_err(|_| unknown())?;
    let removed = state.engine.remove_own_authenticator(&caller.account, caller.grant, id);
    match removed.await {
        Ok(_) => Ok(json(Deleted { success: true })),
        Err(Error::Refused(Refusal::AuthenticatorUnknown)) => Err(unknown()),
        Err(error) => Err(Problem::of_token(error)),
    }
}

//! `POST /client/user-authenticators/remove`: the person takes a device away, in the pre-built UI.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::id::AuthenticatorId;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use countersign_wire::authenticator::RemoveAuthenticatorRequest;
use countersign_wire::reason::Reason;
use countersign_wire::user::Deleted;

use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Removes an authenticator of the token's user. It needs the scope `remove:authenticators`, which
/// the token of an approved challenge has.
///
/// # Errors
/// 403 without the scope, 400 for an authenticator that this user does not have, or for its last.
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
        Ok(_) => Ok(HttpResponse::Ok().json(Deleted { success: true })),
        Err(Error::Refused(Refusal::AuthenticatorUnknown)) => Err(unknown()),
        Err(error) => Err(Problem::of_token(error)),
    }
}

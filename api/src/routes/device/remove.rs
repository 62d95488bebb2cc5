//! `POST /client/user-authenticators/push/remove`: a key says good-bye.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::device::{RemoveRequest, RemoveResponse};

use super::credential_key;
use crate::caller::DeviceCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Removes every binding of a key.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, a signature that does not verify, or
/// one that the key does not sign so.
pub async fn remove(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<RemoveRequest>,
) -> Result<HttpResponse, Problem> {
    let (key, proof) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let removed = state.engine.remove_credential(&key, proof).await?;
    Ok(HttpResponse::Ok()
        .json(RemoveResponse { removed_authenticator_id: Some(removed.to_string()) }))
}

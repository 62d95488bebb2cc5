//! `PATCH /client/user-authenticators/push`: a new push token.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::device::{UpdateRequest, UpdateResponse};

use super::credential_key;
use crate::caller::DeviceCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Updates every binding of a key.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, a nonce that was not given out, a
/// signature that does not verify, or one that the key does not sign so.
pub async fn update(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<UpdateRequest>,
) -> Result<HttpResponse, Problem> {
    let (key, proof, refresh) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let sent = refresh.push_token.clone();
    let device = state.engine.refresh(&key, proof, refresh).await?;
    Ok(HttpResponse::Ok().json(UpdateResponse::new(&device, sent.as_ref())))
}

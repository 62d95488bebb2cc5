//! `POST …/challenge/sign` and `POST …/sign`: nonces, for a read and for an update.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::device::Signing;
use countersign_core::nonce::Purpose;
use countersign_wire::device::{NonceResponse, UpdateNonceResponse};
use countersign_wire::secret::Secret;

use super::KeyQuery;
use crate::caller::DeviceCaller;
use crate::problem::Problem;
use crate::request::query::Query;
use crate::state::AppState;

/// Gives out a nonce whose signature makes the next read a signed one.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or that signs statements.
pub async fn nonce(
    caller: DeviceCaller,
    state: Data<AppState>,
    Query(query): Query<KeyQuery>,
) -> Result<HttpResponse, Problem> {
    let key = query.credential(caller.tenant)?;
    let handout = state.engine.nonce(&key, Signing::ChallengeId).await?;
    let message = Secret::new(handout.nonce.message(Purpose::Read));
    Ok(HttpResponse::Ok().json(NonceResponse { message }))
}

/// Gives out a nonce whose signature lets the credential be updated.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or that signs statements.
pub async fn update_nonce(
    caller: DeviceCaller,
    state: Data<AppState>,
    Query(query): Query<KeyQuery>,
) -> Result<HttpResponse, Problem> {
    let key = query.credential(caller.tenant)?;
    let handout = state.engine.nonce(&key, Signing::ChallengeId).await?;
    let message = Secret::new(handout.nonce.message(Purpose::Update));
    Ok(HttpResponse::Ok().json(UpdateNonceResponse { challenge_id: handout.handle, message }))
}

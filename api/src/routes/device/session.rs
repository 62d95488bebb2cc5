//! Device sessions, and nonces for a read, an update or a session. A device signs one nonce, and
//! gets a bearer token for further reads.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::device::Signing;
use countersign_core::nonce::{Handout, Purpose};
use countersign_core::time::UnixMillis;
use countersign_wire::device::{
    NonceResponse, SessionNonceRequest, SessionNonceResponse, SessionRequest, SessionResponse,
    UpdateNonceResponse,
};
use countersign_wire::publickey::PresentedKey;
use countersign_wire::secret::Secret;
use serde::Deserialize;

use crate::answer::json;
use crate::caller::{DeviceCaller, credential_key};
use crate::problem::Problem;
use crate::request::body::Body;
use crate::request::query::Query;
use crate::state::AppState;
use crate::token::session::Session;

/// Query in which a device names its key.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyQuery {
    public_key: String,
}

/// Issues a nonce for a key that signs challenge ids.
async fn official_nonce(
    state: &AppState,
    caller: DeviceCaller,
    query: &KeyQuery,
) -> Result<Handout, Problem> {
    let key = credential_key(caller.tenant, &PresentedKey::from_query(&query.public_key)?);
    Ok(state.engine.nonce(&key, Signing::ChallengeId).await?)
}

/// Issues a nonce. Its signature makes the next read a signed one.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or that signs statements.
pub async fn nonce(
    caller: DeviceCaller,
    state: Data<AppState>,
    Query(query): Query<KeyQuery>,
) -> Result<HttpResponse, Problem> {
    let handout = official_nonce(&state, caller, &query).await?;
    let message = Secret::new(handout.nonce.message(Purpose::Read));
    Ok(json(NonceResponse { message }))
}

/// Issues a nonce. Its signature allows an update of the credential.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or that signs statements.
pub async fn update_nonce(
    caller: DeviceCaller,
    state: Data<AppState>,
    Query(query): Query<KeyQuery>,
) -> Result<HttpResponse, Problem> {
    let handout = official_nonce(&state, caller, &query).await?;
    let message = Secret::new(handout.nonce.message(Purpose::Update));
    Ok(json(UpdateNonceResponse { challenge_id: handout.handle, message }))
}

/// Issues a nonce for the statement of a session, an update or a removal.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or that does not sign statements.
pub async fn session_nonce(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<SessionNonceRequest>,
) -> Result<HttpResponse, Problem> {
    let key = credential_key(caller.tenant, &body.into_core()?);
    let handout = state.engine.nonce(&key, Signing::StatementV1).await?;
    Ok(json(SessionNonceResponse::from(&handout.nonce)))
}

/// Starts a device session. It ends after its lifetime, or with the binding for which it was made.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled or does not sign statements, a nonce
/// that the server did not issue, or a signature that does not verify.
pub async fn session(
    caller: DeviceCaller,
    state: Data<AppState>,
    Body(body): Body<SessionRequest>,
) -> Result<HttpResponse, Problem> {
    let (key, nonce, signature) = body.into_core()?;
    let key = credential_key(caller.tenant, &key);
    let binding = state.engine.open_session(&key, nonce, signature).await?;
    let issued_at: UnixMillis = state.engine.clock().now();
    let token = state.make_session(&Session { key, binding, issued_at })?;
    let (token, expires_in) = (Secret::new(token), Session::LIFETIME_SECONDS);
    Ok(json(SessionResponse { token, expires_in }))
}

//! `GET /client/user-authenticators/push`: whether a key is enrolled.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::device::CredentialResponse;

use crate::caller::ReadingCaller;
use crate::problem::Problem;
use crate::state::AppState;

/// Answers the first binding of a key: of those that its holder has confirmed, the newest.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled, or that signs statements and is asked
/// about without a device session; `invalid_token` or `expired_token` for a session that is over.
pub async fn credential(
    ReadingCaller { key, session }: ReadingCaller,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let device = state.engine.credential(&key, session).await?;
    Ok(HttpResponse::Ok().json(CredentialResponse::new(&device, device.signing)))
}

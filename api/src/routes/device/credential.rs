//! `GET /client/user-authenticators/push`: whether a key is enrolled.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_wire::device::CredentialResponse;

use super::KeyQuery;
use crate::caller::DeviceCaller;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;

/// Answers the newest binding of a key.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled.
pub async fn credential(
    caller: DeviceCaller,
    state: Data<AppState>,
    Query(query): Query<KeyQuery>,
) -> Result<HttpResponse, Problem> {
    let device = state.engine.credential(&query.credential(caller.tenant)?).await?;
    Ok(HttpResponse::Ok().json(CredentialResponse::from(&device)))
}

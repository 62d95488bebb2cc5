//! `GET …/challenge`: what waits for a device, at once or as soon as something does.

use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::pending::PendingResponse;
use countersign_wire::publickey::decode_signature;

use super::KeyQuery;
use crate::admission::Admission;
use crate::caller::DeviceCaller;
use crate::prefer::{PREFERENCE_APPLIED, Wait};
use crate::problem::Problem;
use crate::query::Query;
use crate::state::AppState;

const SIGNATURE: &str = "X-Authsignal-Signature";

/// Answers the newest challenge that the key may answer. Custom data is told to a signed read only;
/// a signature that is not good makes the read an unsigned one, since the official SDKs take an
/// error for the loss of their credential. With `Prefer: wait=N` the answer is held until something
/// is pending.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled.
pub async fn pending(
    caller: DeviceCaller,
    request: HttpRequest,
    state: Data<AppState>,
    admission: Data<Admission>,
    Query(query): Query<KeyQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = caller.tenant.clone();
    let key = query.credential(caller.tenant)?;
    let signature = request.headers().get(SIGNATURE).and_then(|v| v.to_str().ok());
    let signature = signature.and_then(|text| decode_signature(text).ok());
    let wait = Wait::of(request.headers());
    let place = wait.and_then(|_| admission.waits.enter());
    let wait_ms = wait.filter(|_| place.is_some()).map_or(0, Wait::ms);
    let pending = state.engine.pending(&key, signature, wait_ms).await?;
    let public = state.tenant(&tenant).map(|t| t.custom_public.as_slice());
    let body = match &pending.offer {
        Some(offer) => {
            PendingResponse::offer(&pending.binding, offer, public.filter(|_| pending.signed))
        }
        None => PendingResponse::nothing(&pending.binding.id),
    };
    let mut response = HttpResponse::Ok();
    if let Some(wait) = wait {
        response.insert_header((PREFERENCE_APPLIED.clone(), wait.applied()));
    }
    if pending.crowded || (wait.is_some() && place.is_none() && pending.offer.is_none()) {
        response.insert_header((RETRY_AFTER, 1));
    }
    Ok(response.json(body))
}

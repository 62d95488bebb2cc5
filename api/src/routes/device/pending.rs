//! `GET …/challenge`: what waits for a device, at once or as soon as something does.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_wire::pending::PendingResponse;
use countersign_wire::publickey::decode_signature;

use super::KeyQuery;
use crate::caller::DeviceCaller;
use crate::hold::Hold;
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
    Query(query): Query<KeyQuery>,
) -> Result<HttpResponse, Problem> {
    let tenant = caller.tenant.clone();
    let key = query.credential(caller.tenant)?;
    let hold = Hold::of(&request, &tenant);
    let signature = request.headers().get(SIGNATURE).and_then(|v| v.to_str().ok());
    let signature = signature.and_then(|text| decode_signature(text).ok());
    let pending = state.engine.pending(&key, signature, hold.ms()).await?;
    let public = state.tenant(&tenant).map(|t| t.custom_public.as_slice());
    let body = match &pending.offer {
        Some(offer) => {
            PendingResponse::offer(&pending.binding, offer, public.filter(|_| pending.signed))
        }
        None => PendingResponse::nothing(&pending.binding.id),
    };
    Ok(hold.response(pending.crowded, pending.offer.is_some()).json(body))
}

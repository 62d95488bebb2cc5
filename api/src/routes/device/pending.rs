//! `GET …/challenge`: what waits for a device, at once or as soon as something does.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_core::inbox::Offer;
use countersign_engine::Reader;
use countersign_wire::pending::{PendingChallenge, PendingResponse, Private};
use countersign_wire::publickey::decode_signature;

use crate::caller::{ReadingCaller, Who};
use crate::hold::Hold;
use crate::problem::Problem;
use crate::state::AppState;

const SIGNATURE: &str = "X-Authsignal-Signature";

/// Answers the challenges that the key may answer, newest first. Custom data, and what a statement
/// is over, is told to whoever shows to hold the key: by a device session, or by a signature; one
/// that is not good makes the read an unsigned one, since the official SDKs take an error for the
/// loss of their credential. With `Prefer: wait=N` the answer is held until something is pending.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled; `invalid_token` or `expired_token` for
/// a device session that is over, or for a key that signs statements where there is none.
pub async fn pending(
    ReadingCaller { key, who }: ReadingCaller,
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let hold = Hold::of(&request, &key.tenant);
    let reader = match who {
        Who::Session(binding) => Reader::Session(binding),
        Who::Stranger => {
            let signature = request.headers().get(SIGNATURE).and_then(|v| v.to_str().ok());
            let signature = signature.and_then(|text| decode_signature(text).ok());
            signature.map_or(Reader::Stranger, Reader::Signed)
        }
    };
    let pending = state.engine.pending(&key, reader, hold.park()).await;
    let (pending, held) = (pending?, hold.over());
    let public = state.tenant(&key.tenant).filter(|_| pending.signed);
    let private = |offer| public.map(|face| private(&face.custom_public, offer));
    let shown = pending.offers.iter();
    let shown = shown.map(|(binding, offer)| PendingChallenge::new(binding, offer, private(offer)));
    let body = PendingResponse::new(&pending.binding.id, shown.collect());
    Ok(held.response(pending.crowded, !pending.offers.is_empty()).json(body))
}

fn private<'a>(public: &'a [String], offer: &'a Offer) -> Private<'a> {
    let shown = offer.challenge.shown.as_ref();
    Private { public, shown: shown.map(|s| (&s.nonce, s.display.as_str())) }
}

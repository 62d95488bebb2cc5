//! `GET …/challenge`: pending challenges of a device, at once or as soon as there is one.

use std::convert::Infallible;

use actix_web::http::Method;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use countersign_core::inbox::Offer;
use countersign_engine::Reader;
use countersign_wire::pending::{PendingChallenge, PendingResponse, Private};
use countersign_wire::publickey::decode_signature;
use futures_util::stream;

use crate::answer::with_json;
use crate::caller::ReadingCaller;
use crate::long_poll::LongPoll;
use crate::problem::Problem;
use crate::state::AppState;

const SIGNATURE: &str = "X-Authsignal-Signature";

/// Returns the challenges that the key may answer, newest first.
///
/// Custom data, and the text that a statement signs, is only for a caller that proves to hold the
/// key: by a device session, or by a signature. A bad signature makes the read an unsigned one,
/// because the official SDKs treat an error as the loss of their credential. With `Prefer: wait=N`
/// the response waits until a challenge is pending, for at most `N` seconds. HEAD never waits, uses
/// no nonce, and does not count as a display of a challenge.
///
/// # Errors
/// 401 `invalid_credential` for a key that is not enrolled; `invalid_token` or `expired_token` for
/// a device session that has ended, and for a key that signs statements without a session.
pub async fn pending(
    ReadingCaller { key, session }: ReadingCaller,
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    if request.method() == Method::HEAD {
        // The body's length is unknown, because the challenges are not read.
        state.engine.credential(&key, session).await?;
        let nothing = stream::empty::<Result<Bytes, Infallible>>();
        return Ok(HttpResponse::Ok().content_type("application/json").streaming(nothing));
    }
    let mut poll = LongPoll::of(&request);
    let wait = poll.wait_of_one(&key.tenant);
    let reader = match session {
        Some(binding) => Reader::Session(binding),
        None => {
            let signature = request.headers().get(SIGNATURE).and_then(|v| v.to_str().ok());
            let signature = signature.and_then(|text| decode_signature(text).ok());
            signature.map_or(Reader::Stranger, Reader::Signed)
        }
    };
    let pending = state.engine.pending(&key, reader, &wait).await;
    drop(wait);
    let (pending, end) = (pending?, poll.over());
    let public = state.tenant(&key.tenant).filter(|_| pending.signed);
    let private = |offer| public.map(|face| private(&face.custom_public, offer));
    let shown = pending.offers.iter();
    let shown = shown.map(|(binding, offer)| PendingChallenge::new(binding, offer, private(offer)));
    let body = PendingResponse::new(&pending.binding.id, shown.collect());
    let head = end.response(pending.crowded, !pending.offers.is_empty());
    Ok(with_json(head, body))
}

fn private<'a>(public: &'a [String], offer: &'a Offer) -> Private<'a> {
    let shown = offer.challenge.shown.as_ref();
    Private { public, shown: shown.map(|s| (&s.nonce, s.display.as_str())) }
}

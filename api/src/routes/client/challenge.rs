//! `POST /client/challenge`: a nonce for functions of the mobile SDKs other than push, such as
//! attestation.

use actix_web::HttpResponse;
use actix_web::web::Data;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_wire::challenge::{GenericChallengeRequest, GenericChallengeResponse};
use countersign_wire::reason::Reason;
use countersign_wire::secret::Secret;

use crate::answer::json;
use crate::caller::AnyCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Returns a nonce and an id for it. Neither can be mistaken for a push challenge, because their
/// lengths differ from that of a challenge id, and because nothing is stored under them.
///
/// # Errors
/// 400 for an action that is not that of the token.
pub async fn challenge(
    caller: AnyCaller,
    state: Data<AppState>,
    Body(body): Body<GenericChallengeRequest>,
) -> Result<HttpResponse, Problem> {
    let (action, _) = body.into_core()?;
    if let Some(client) = &caller.0
        && action.is_some_and(|action| action != client.grant.action.code)
    {
        return Err(Problem::new(Reason::ActionMismatch, "action: is not the token's"));
    }
    let entropy = state.engine.entropy();
    let challenge_id = URL_SAFE_NO_PAD.encode(entropy.bytes::<16>());
    let nonce = Some(Secret::new(URL_SAFE_NO_PAD.encode(entropy.bytes::<32>())));
    Ok(json(GenericChallengeResponse { challenge_id, nonce }))
}

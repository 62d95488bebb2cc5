//! `POST /client/challenge/push`: sends a challenge to the user's devices.

use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, rt};
use countersign_wire::challenge::{DeliveryResult, PushChallengeRequest, PushChallengeResponse};
use countersign_wire::reason::Reason;

use crate::admission::{Admission, Seat};
use crate::answer::json;
use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Starts a challenge for the token's action.
///
/// # Errors
/// 400 if the action has ended, if no device could answer, or if the relying party did not accept
/// the webhook call; 409 if another challenge is open that must not be superseded; 429 if the user
/// has had too many prompts; 503 if the tenant is starting too many challenges at once.
pub async fn start_challenge(
    caller: ClientCaller,
    request: HttpRequest,
    state: Data<AppState>,
    admission: Data<Admission>,
    Body(body): Body<PushChallengeRequest>,
) -> Result<HttpResponse, Problem> {
    let wanted = body.into_core()?;
    if wanted.action.is_some_and(|action| action != caller.grant.action.code) {
        return Err(Problem::new(Reason::ActionMismatch, "action: is not the token's"));
    }
    let place = admission.start(&caller.account.tenant).ok_or_else(Problem::overloaded)?;
    let places = (place, request.extensions().get::<Seat>().cloned());
    let (engine, ClientCaller { account, grant, .. }) = (state.engine.clone(), caller);
    // The engine finishes the start even if the browser disconnects, so the task holds the permits
    // until then.
    let starting = rt::spawn(async move {
        let started = engine.start_challenge(&account, grant, wanted.target, wanted.supersede);
        let started = started.await;
        drop(places);
        started
    });
    let started = starting.await.map_err(|_| Problem::lost())?.map_err(Problem::of_token)?;
    let results = started.deliveries.into_iter().map(|delivery| DeliveryResult {
        user_authenticator_id: delivery.authenticator.to_string(),
        error_code: delivery.error_code,
    });
    Ok(json(PushChallengeResponse::new(&started.challenge, results.collect())))
}

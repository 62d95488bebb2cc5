//! `POST /client/cancel/push` and `POST /client/leave/push`: a challenge is taken back, by its page
//! or because its page goes away, for good or to be loaded again.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, rt};
use countersign_core::account::Grant;
use countersign_core::id::{AccountKey, ChallengeId};
use countersign_engine::{Engine, Error};
use countersign_wire::challenge::{CancelRequest, CancelResponse, LeaveRequest, LeaveResponse};
use countersign_wire::names::Outcome;

use crate::admission::Admission;
use crate::answer::json;
use crate::caller::ClientCaller;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Cancels a challenge of the token's action. Returns its outcome. If the challenge had ended
/// before, that is its earlier outcome.
///
/// # Errors
/// 400 for a challenge that does not belong to the token's action.
pub async fn cancel(
    caller: ClientCaller,
    state: Data<AppState>,
    Body(body): Body<CancelRequest>,
) -> Result<HttpResponse, Problem> {
    let id = body.into_core()?;
    let ended = state.engine.cancel(&caller.account, &caller.grant.action, id).await;
    let ended = ended.map_err(Problem::of_token)?;
    Ok(json(CancelResponse { outcome: ended.outcome.into() }))
}

/// Time within which a reloaded page begins to poll. A page that is unloaded does not know whether
/// it was closed or is being reloaded, so the server waits for its next request.
const COMES_BACK: Duration = Duration::from_secs(5);

/// Cancels a challenge of the token's action after five seconds, unless a poll waits for it then.
///
/// The request may name no challenge, because a page that is unloaded while it starts one does not
/// know the id. Then the action's open challenge is cancelled. The response is sent at once,
/// because the page no longer exists to read it. The response has no outcome if the challenge is
/// still open. For the five seconds the request holds the permits of a poll; a repeated request
/// takes no further ones.
///
/// # Errors
/// 400 for a challenge that does not belong to the token's action, 503 if no permit of a poll is
/// left.
pub async fn leave(
    caller: ClientCaller,
    request: HttpRequest,
    state: Data<AppState>,
    admission: Data<Admission>,
    Body(body): Body<LeaveRequest>,
) -> Result<HttpResponse, Problem> {
    let id = body.into_core()?;
    let ClientCaller { account, grant, .. } = caller;
    let engine = state.engine.clone();
    let outcome = ended(&engine, &account, &grant, id.as_ref()).await.map_err(Problem::of_token)?;
    let answer = json(LeaveResponse { outcome });
    let left = (account.clone(), grant.action.clone(), id.clone());
    if outcome.is_some() {
        return Ok(answer);
    }
    let Some(leaving) = state.leaves.note(left) else {
        return Ok(answer);
    };
    let client = admission.client(request.peer_addr(), request.headers());
    let places = admission.wait_of(&account.tenant).zip(admission.wait(client));
    let places = places.ok_or_else(Problem::overloaded)?;
    rt::spawn(async move {
        leaving.over(COMES_BACK).await;
        if let Err(error) = take_back(&engine, &account, grant, id).await {
            tracing::debug!(%error, "the challenge of a closed page could not be cancelled");
        }
        drop(places);
    });
    Ok(answer)
}

/// Returns the outcome of a challenge that has ended. Without an id it returns `None`, because the
/// open challenge is looked up later.
async fn ended(
    engine: &Engine,
    account: &AccountKey,
    grant: &Grant,
    id: Option<&ChallengeId>,
) -> Result<Option<Outcome>, Error> {
    let Some(id) = id else {
        engine.granted(account, grant.clone()).await?;
        return Ok(None);
    };
    let verdict = engine.await_outcome(account, &grant.action, id, 0).await?;
    Ok(verdict.ended().map(|ended| ended.outcome.into()))
}

async fn take_back(
    engine: &Engine,
    account: &AccountKey,
    grant: Grant,
    id: Option<ChallengeId>,
) -> Result<(), Error> {
    let action = grant.action.clone();
    let id = match id {
        None => engine.open_challenge(account, grant).await?,
        known => known,
    };
    if let Some(id) = id {
        engine.cancel_if_left(account, &action, id).await?;
    }
    Ok(())
}

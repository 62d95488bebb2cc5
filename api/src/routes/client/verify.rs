//! `POST /client/verify/push`: state of a challenge, at once or as soon as it ends.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_core::account::Grant;
use countersign_core::challenge::Ended;
use countersign_core::id::AccountKey;
use countersign_wire::challenge::{VerifyRequest, VerifyResponse};
use countersign_wire::secret::Secret;

use crate::answer::with_json;
use crate::caller::ClientCaller;
use crate::long_poll::LongPoll;
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;
use crate::token::scope::Scopes;
use crate::token::{Kind, PageWish, Token};

/// Returns the state of a challenge of the token's action. With `Prefer: wait=N` the response waits
/// until the challenge ends, for at most `N` seconds.
///
/// # Errors
/// 400 for a challenge that does not belong to the token's action.
pub async fn verify(
    caller: ClientCaller,
    request: HttpRequest,
    state: Data<AppState>,
    Body(body): Body<VerifyRequest>,
) -> Result<HttpResponse, Problem> {
    let id = body.into_core()?;
    let ClientCaller { account, grant, .. } = caller;
    let mut poll = LongPoll::of(&request);
    let wait = poll.wait_of_one(&account.tenant);
    let verdict = state.engine.await_outcome(&account, &grant.action, &id, &wait).await;
    drop(wait);
    let end = poll.over();
    let verdict = verdict.map_err(Problem::of_token)?;
    let token = earned(&state, &account, &grant, verdict.ended()).await?;
    let response = end.response(verdict.crowded, verdict.ended().is_some());
    Ok(with_json(response, VerifyResponse::new(&verdict.challenge, token)))
}

/// Creates the token for an approval. Returns `None` if the approval no longer holds: it holds
/// while the user and the action exist, while nobody has overridden the action's state, and while
/// the authenticator that approved is not removed. The token's lifetime counts from the approval,
/// so that a repeated request does not extend it.
pub(super) async fn earned(
    state: &AppState,
    account: &AccountKey,
    grant: &Grant,
    ended: Option<&Ended>,
) -> Result<Option<Secret>, Problem> {
    let Some(ended) = ended.filter(|e| VerifyResponse::earns_token(e.outcome)) else {
        return Ok(None);
    };
    let stands = state.engine.approval_stands(account, grant.clone(), ended.clone()).await;
    if !stands.map_err(Problem::of_token)? {
        return Ok(None);
    }
    let token = state.make_token(&Token {
        kind: Kind::Verified,
        account: account.clone(),
        action: grant.action.clone(),
        born: grant.born,
        scopes: Scopes::all(),
        issued_at: state.engine.dated(ended.at),
        page: PageWish::default(),
    })?;
    Ok(Some(Secret::new(token)))
}

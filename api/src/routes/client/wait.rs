//! `POST /client/wait/push`: one parked poll for all challenges of a browser. A browser opens only
//! six connections to a server for all of its tabs.

use std::collections::HashSet;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_core::id::ChallengeId;
use countersign_wire::InvalidField;
use countersign_wire::challenge::{VerifyResponse, Wait, WaitAnswer, WaitRequest, WaitResponse};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::verify::earned;
use crate::answer::{json, with_json};
use crate::caller::ClientCaller;
use crate::long_poll::{LongPoll, PollWait};
use crate::problem::Problem;
use crate::request::body::Body;
use crate::state::AppState;

/// Returns the challenges that have ended, each with its own token. With `Prefer: wait=N` the
/// response waits until one ends, for at most `N` seconds. If a challenge is refused, the response
/// is sent at once and has the refusal too. The poll takes one permit of the server, one of its
/// client and one of each tenant. A challenge whose tenant has no permit left is looked up without
/// a wait.
///
/// # Errors
/// 400 if there is no challenge, if there are more than one poll may have, or if one occurs twice.
pub async fn wait(
    request: HttpRequest,
    state: Data<AppState>,
    Body(body): Body<WaitRequest>,
) -> Result<HttpResponse, Problem> {
    let mut answers = Vec::new();
    let mut open = Vec::new();
    for wait in distinct(body.into_core()?)? {
        match asked(&request, &wait) {
            Ok((caller, id)) => open.push((caller, id)),
            Err(problem) => answers.push(refused(wait.challenge_id, &problem)),
        }
    }
    if open.is_empty() {
        return Ok(json(WaitResponse { answers }));
    }
    // The response has a refusal, so it is sent at once.
    let at_once = !answers.is_empty();
    let mut poll = if at_once { LongPoll::at_once(&request) } else { LongPoll::of(&request) };
    let waits: Vec<_> =
        open.iter().map(|(caller, _)| poll.wait_of(&caller.account.tenant)).collect();
    let is_held = waits.iter().any(|wait| wait.ms > 0);
    let mut polls: FuturesUnordered<_> =
        open.iter().zip(waits).map(|(asked, wait)| told(&state, asked, wait)).collect();
    let mut crowded = false;
    let waits = poll.wait();
    while let Some(polled) = polls.next().await {
        match polled {
            Ok(answer) => answers.push(answer),
            Err(full) => crowded |= full,
        }
        if is_held && !answers.is_empty() {
            break;
        }
    }
    drop((polls, waits));
    let response = poll.over().response(crowded, !answers.is_empty());
    Ok(with_json(response, WaitResponse { answers }))
}

/// Waits for one challenge. Returns its answer, or an error that is true if the engine had no room
/// for the wait.
async fn told(
    state: &AppState,
    (caller, id): &(ClientCaller, ChallengeId),
    wait: PollWait<'_>,
) -> Result<WaitAnswer, bool> {
    let ClientCaller { account, grant, .. } = caller;
    let _works = wait.work();
    let verdict = state.engine.await_outcome(account, &grant.action, id, &wait).await;
    // The permit is returned before any further work.
    drop(wait);
    let told = async {
        let verdict = verdict.map_err(Problem::of_token)?;
        let Some(ended) = verdict.ended() else { return Ok(Err(verdict.crowded)) };
        let token = earned(state, account, grant, Some(ended)).await?;
        Ok(Ok(VerifyResponse::new(&verdict.challenge, token)))
    };
    let challenge_id = id.as_str().to_owned();
    match told.await {
        Ok(Ok(ended)) => {
            Ok(WaitAnswer { challenge_id, ended: Some(ended), ..WaitAnswer::default() })
        }
        Ok(Err(crowded)) => Err(crowded),
        Err(problem) => Ok(refused(challenge_id, &problem)),
    }
}

/// Refuses a challenge that occurs twice, because each may wait only once.
fn distinct(waits: Vec<Wait>) -> Result<Vec<Wait>, Problem> {
    let ids: HashSet<_> = waits.iter().map(|wait| &*wait.challenge_id).collect();
    if ids.len() < waits.len() {
        return Err(InvalidField::new("waits", "name a challenge more than once").into());
    }
    Ok(waits)
}

fn asked(request: &HttpRequest, wait: &Wait) -> Result<(ClientCaller, ChallengeId), Problem> {
    let caller = ClientCaller::of(request, wait.token.reveal())?;
    Ok((caller, ChallengeId::parse(&wait.challenge_id)?))
}

fn refused(challenge_id: String, problem: &Problem) -> WaitAnswer {
    WaitAnswer {
        challenge_id,
        ended: None,
        error_code: Some(problem.code().to_owned()),
        error_description: Some(problem.description().to_owned()),
        reason: Some(problem.reason().name().to_owned()),
    }
}

//! `POST …/ticket` and `POST …/ticket/open`: a one-time ticket for an enrollment link, and the
//! look-up of its account.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use countersign_core::refusal::Refusal;
use countersign_core::time::UnixMillis;
use countersign_engine::TicketWish;
use countersign_wire::device::{OpenTicketRequest, OpenTicketResponse, TicketResponse};
use countersign_wire::secret::Secret;

use crate::answer::json;
use crate::caller::{ClientCaller, origin};
use crate::problem::Problem;
use crate::request::body::{Body, begin};
use crate::state::AppState;

/// Issues a ticket that enrolls one key for the token's user. It expires with the token.
///
/// # Errors
/// 401 for an invalid token; 403 if the user has an authenticator and the token does not allow a
/// further one; 503 if no permit of new work is left.
pub async fn ticket(
    caller: ClientCaller,
    request: HttpRequest,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    begin(&request)?;
    let ClientCaller { account, grant, ends_at, may_add_authenticators, .. } = caller;
    let wish = TicketWish { grant, may_add: may_add_authenticators, ends_at };
    let made = state.engine.issue_ticket(&account, wish).await;
    let ticket = Secret::new(made.map_err(Problem::of_token)?);
    let expires_in = seconds_until(&state, ends_at);
    Ok(json(TicketResponse { ticket, expires_in }))
}

/// Returns the account of a ticket, so that a person can confirm it. The ticket is not used up.
///
/// # Errors
/// 401 `invalid_token` for a ticket that is unknown or used, or that has expired.
pub async fn open_ticket(
    request: HttpRequest,
    state: Data<AppState>,
    Body(body): Body<OpenTicketRequest>,
) -> Result<HttpResponse, Problem> {
    let held = state.engine.ticket(body.ticket.reveal()).await?;
    origin::check(&request, &held.account.tenant)?;
    if held.ticket.used_by.is_some() {
        return Err(Refusal::TicketOver.into());
    }
    let expires_in = seconds_until(&state, held.ticket.ends_at);
    Ok(json(OpenTicketResponse::new(&held.account, expires_in)))
}

fn seconds_until(state: &AppState, ends_at: UnixMillis) -> u64 {
    ends_at.seconds().saturating_sub(state.engine.clock().now().seconds())
}

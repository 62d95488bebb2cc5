//! `POST /validate`: a backend's check that the action of a token was approved.

use actix_web::HttpResponse;
use actix_web::web::Data;
use countersign_core::refusal::Refusal;
use countersign_engine::Error;
use countersign_wire::secret::Secret;
use countersign_wire::validate::{ValidateRequest, ValidateResponse};

use crate::caller::ServerCaller;
use crate::problem::Problem;
use crate::request::body::{ServerBody, answer};
use crate::state::AppState;
use crate::token::TokenError;

/// Validates a token. An invalid or absent token is no error: the response says that it is not
/// valid.
///
/// # Errors
/// 503 if the action cannot be read. In that case the response never says that it was approved.
pub async fn validate(
    caller: ServerCaller,
    state: Data<AppState>,
    ServerBody { body, warnings }: ServerBody<ValidateRequest>,
) -> Result<HttpResponse, Problem> {
    let validity = validity(&caller, &state, &body).await?;
    Ok(answer(validity, &warnings))
}

async fn validity(
    caller: &ServerCaller,
    state: &AppState,
    body: &ValidateRequest,
) -> Result<ValidateResponse, Problem> {
    let Some(text) = body.token.as_ref().map(Secret::reveal).filter(|text| !text.is_empty()) else {
        return Ok(ValidateResponse::invalid("there is no token"));
    };
    let token = match state.open_token(text) {
        Ok((token, _)) if token.account.tenant == caller.tenant => token,
        Err(TokenError::Expired(token)) if token.account.tenant == caller.tenant => {
            return Ok(ValidateResponse::invalid("the token's lifetime is over"));
        }
        Ok(_) | Err(_) => return Ok(ValidateResponse::invalid("the token is not valid")),
    };
    if body.user_id.as_ref().is_some_and(|user| user != token.account.user.as_str()) {
        return Ok(ValidateResponse::invalid("the token is of another user"));
    }
    if body.action.as_ref().is_some_and(|action| action != token.action.code.as_str()) {
        return Ok(ValidateResponse::invalid("the token is of another action"));
    }
    match state.engine.granted(&token.account, token.grant()).await {
        Ok((action, stands)) => Ok(ValidateResponse::of(&action, stands)),
        Err(Error::Refused(Refusal::ActionUnknown)) => {
            Ok(ValidateResponse::invalid("the action is not known"))
        }
        Err(Error::Refused(Refusal::GrantOver)) => {
            Ok(ValidateResponse::invalid("the token is void: its action is gone or was changed"))
        }
        Err(error) => Err(error.into()),
    }
}

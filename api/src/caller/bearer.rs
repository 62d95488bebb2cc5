//! Callers with `Authorization: Bearer`: a token of track, or of a verified challenge.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::id::{AccountKey, ActionKey};

use super::basic::{DeviceCaller, device};
use super::token::{Kind, Scope, TokenError};
use super::{credentials, origin};
use crate::problem::Problem;
use crate::state::AppState;

/// A browser or an app that acts for one action of one user.
pub struct ClientCaller {
    /// The user.
    pub account: AccountKey,
    /// The action that the token was made for.
    pub action: ActionKey,
    /// Whether the token allows a further authenticator.
    pub may_add_authenticators: bool,
}

/// A caller that may come with a token or with nothing but its tenant.
pub enum AnyCaller {
    /// It has a token.
    Client(ClientCaller),
    /// It says which tenant it belongs to.
    Device(DeviceCaller),
}

impl FromRequest for AnyCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match credentials(request, "Bearer") {
            Some(_) => client(request).map(Self::Client),
            None => device(request).map(Self::Device),
        })
    }
}

impl FromRequest for ClientCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(client(request))
    }
}

fn client(request: &HttpRequest) -> Result<ClientCaller, Problem> {
    let missing = || Problem::invalid_token("a bearer token is needed");
    let token = credentials(request, "Bearer").ok_or_else(missing)?;
    let state = AppState::of(request);
    let opened = state.open_token(token, &[Kind::Track, Kind::Verified]);
    let token = opened.map_err(|error| match error {
        TokenError::Expired(_) => Problem::expired_token(),
        TokenError::Invalid => Problem::invalid_token("the token is not valid here"),
    })?;
    if let Some(settings) = state.tenant(&token.account.tenant) {
        origin::check(request, &settings.origins)?;
    }
    let may_add_authenticators = token.scopes.contains(Scope::AddAuthenticators);
    Ok(ClientCaller { account: token.account, action: token.action, may_add_authenticators })
}

//! Callers with `Authorization: Bearer`: a token of track, or of a verified challenge.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::action::{Action, ActionState};
use countersign_core::id::{AccountKey, ActionKey};
use countersign_core::statement::Digest;
use countersign_core::time::UnixMillis;

use super::basic::{DeviceCaller, device};
use super::scope::Scope;
use super::token::Kind;
use super::{credentials, origin, refused};
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
    /// Whether the token allows an authenticator to be removed.
    pub may_remove_authenticators: bool,
    /// Whether the token is one of an approved challenge.
    pub is_verified: bool,
    /// When what the token stands for came about.
    pub issued_at: UnixMillis,
    /// Of the token itself: a proof of possession is over it.
    pub token: Digest,
}

impl ClientCaller {
    /// Who a token says is calling, in a request that carries it elsewhere than in its head.
    ///
    /// # Errors
    /// 401 for a token that is not valid here, 403 from a page that its tenant does not allow.
    pub fn of(request: &HttpRequest, token: &str) -> Result<Self, Problem> {
        open(request, token)
    }

    /// Refuses a token that outlived what it stands for: its action went away and came back under
    /// the same name, or the approval was overridden.
    ///
    /// # Errors
    /// 401 `invalid_token`.
    pub fn check_against(&self, action: &Action) -> Result<(), Problem> {
        let older = self.issued_at.seconds() < action.created_at.seconds();
        let overridden = self.is_verified && action.state != ActionState::ChallengeSucceeded;
        if older || overridden {
            return Err(Problem::invalid_token("what the token was made for holds no longer"));
        }
        Ok(())
    }
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
    ClientCaller::of(request, credentials(request, "Bearer").ok_or_else(missing)?)
}

fn open(request: &HttpRequest, text: &str) -> Result<ClientCaller, Problem> {
    let state = AppState::of(request);
    let opened = state.open_token(text, &[Kind::Track, Kind::Verified]);
    let token = opened.map_err(|error| refused(&error))?;
    if let Some(settings) = state.tenant(&token.account.tenant) {
        origin::check(request, &settings.origins)?;
    }
    let may_add_authenticators = token.scopes.contains(Scope::AddAuthenticators);
    let may_remove_authenticators = token.scopes.contains(Scope::RemoveAuthenticators);
    Ok(ClientCaller {
        account: token.account,
        action: token.action,
        may_add_authenticators,
        may_remove_authenticators,
        is_verified: token.kind == Kind::Verified,
        issued_at: token.issued_at,
        token: Digest::of(text),
    })
}

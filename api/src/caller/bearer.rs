//! Callers with `Authorization: Bearer`: a token of `track`, or of a verified challenge. A caller
//! that enrolls a key may send a one-time ticket instead.

use std::future::{Ready, ready};
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::account::Grant;
use countersign_core::id::AccountKey;
use countersign_core::statement::Digest;
use countersign_core::ticket;
use countersign_core::time::UnixMillis;
use countersign_wire::reason::Reason;

use super::basic::device;
use super::{credentials, origin, refused};
use crate::problem::Problem;
use crate::state::AppState;
use crate::token::scope::Scope;

/// A browser or an app that acts for one user, with the token of one action.
pub struct ClientCaller {
    /// The user.
    pub account: AccountKey,
    /// Right that the token grants.
    pub grant: Grant,
    /// Time at which the token expires.
    pub ends_at: UnixMillis,
    /// True if the token allows the user to add an authenticator to existing ones.
    pub may_add_authenticators: bool,
    /// True if the token allows the removal of an authenticator.
    pub may_remove_authenticators: bool,
}

impl ClientCaller {
    /// Opens a token that the request carries outside its `Authorization` header.
    ///
    /// # Errors
    /// 401 for a token that is not valid here, 403 from a page that its tenant does not allow.
    pub fn of(request: &HttpRequest, token: &str) -> Result<Self, Problem> {
        let opened = AppState::of(request).open_token(token);
        let (token, ends_at) = opened.map_err(|error| refused(&error))?;
        origin::check(request, &token.account.tenant)?;
        Ok(Self {
            grant: token.grant(),
            ends_at,
            may_add_authenticators: token.scopes.contains(Scope::AddAuthenticators),
            may_remove_authenticators: token.scopes.contains(Scope::RemoveAuthenticators),
            account: token.account,
        })
    }
}

/// A caller with a token (`Some`), or one that only names its tenant (`None`).
pub struct AnyCaller(pub Option<ClientCaller>);

impl FromRequest for AnyCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match credentials(request, "Bearer") {
            Some(_) => client(request).map(|client| Self(Some(client))),
            None => device(request).map(|_| Self(None)),
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
    ClientCaller::of(request, bearer(request)?)
}

fn bearer(request: &HttpRequest) -> Result<&str, Problem> {
    let missing = || Problem::new(Reason::TokenMissing, "a bearer token is needed");
    credentials(request, "Bearer").ok_or_else(missing)
}

/// A caller that enrolls a key. No other route accepts a ticket.
pub struct EnrollingCaller {
    /// The user.
    pub account: AccountKey,
    /// Right that the token or the ticket grants.
    pub grant: Grant,
    /// True if the token or the ticket allows the user to add an authenticator to existing ones.
    pub may_add_authenticators: bool,
    /// Digest of the ticket; `None` for a token.
    pub ticket: Option<Digest>,
    /// Digest of the token or the ticket. The proof of possession signs it.
    pub bearer: Digest,
}

impl EnrollingCaller {
    async fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let text = bearer(request)?;
        let digest = Digest::of(text);
        if ticket::is_ticket(text) {
            let held = AppState::of(request).engine.ticket(text).await?;
            origin::check(request, &held.account.tenant)?;
            return Ok(Self {
                account: held.account,
                grant: held.ticket.grant,
                may_add_authenticators: held.ticket.may_add,
                ticket: Some(digest),
                bearer: digest,
            });
        }
        let ClientCaller { account, grant, may_add_authenticators, .. } =
            ClientCaller::of(request, text)?;
        Ok(Self { account, grant, may_add_authenticators, ticket: None, bearer: digest })
    }
}

impl FromRequest for EnrollingCaller {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}

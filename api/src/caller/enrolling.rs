//! Caller that enrolls a key: the bearer of a token, or of a one-time ticket in its place.

use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use countersign_core::account::Grant;
use countersign_core::id::AccountKey;
use countersign_core::statement::Digest;
use countersign_core::ticket;

use super::bearer::bearer;
use super::{ClientCaller, origin};
use crate::problem::Problem;
use crate::state::AppState;

/// The caller that enrolls a key. A ticket is good for this alone: every other route takes tokens
/// only.
pub struct EnrollingCaller {
    /// The user.
    pub account: AccountKey,
    /// The right behind the token.
    pub grant: Grant,
    /// True if the token allows a further authenticator.
    pub may_add_authenticators: bool,
    /// Over the ticket, if it is one.
    pub ticket: Option<Digest>,
    /// Over the token or the ticket: a proof of possession is over it.
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

//! Claims of a token that acts for a user.

use countersign_core::action::Birth;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, IdempotencyKey, InvalidId, TenantId, UserId,
};
use countersign_core::set_backs::SetBacks;
use countersign_core::time::UnixMillis;
use jsonwebtoken::Validation;
use serde::{Deserialize, Serialize};

use super::run;
use super::{ALGORITHM, ISSUER, Kind, PageWish, Token};
use crate::token::scope::Scopes;

/// Claims of a token that acts for a user.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    exp: u64,
    jti: String,
    scope: String,
    /// Number of the last set-back of the clock before the token was made, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    other: Other,
    #[serde(default, skip_serializing_if = "PageWish::is_empty")]
    page: PageWish,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Other {
    tenant_id: String,
    user_id: String,
    action_code: String,
    idempotency_key: String,
    /// Time at which the action was tracked, in milliseconds, and the account's revision at that
    /// time. They distinguish the action from others with the same key. Tokens of an older server
    /// do not have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<(u64, u64)>,
}

impl Claims {
    /// Creates the claims of a token that is valid for `lifetime_seconds`. `id` is the random part
    /// of its `jti`.
    pub(super) fn of(token: &Token, lifetime_seconds: u64, known: &SetBacks, id: [u8; 16]) -> Self {
        let Token { account, action, born, scopes, issued_at, page, .. } = token;
        Self {
            iss: ISSUER.to_owned(),
            aud: account.tenant.to_string(),
            sub: account.user.to_string(),
            iat: issued_at.seconds(),
            exp: issued_at.seconds() + lifetime_seconds,
            jti: IdempotencyKey::from_entropy(id).to_string(),
            page: page.clone(),
            run: run::mark(known),
            scope: scopes.to_list(),
            other: Other {
                tenant_id: account.tenant.to_string(),
                user_id: account.user.to_string(),
                action_code: action.code.to_string(),
                idempotency_key: action.idempotency_key.to_string(),
                born: born.map(|born| (born.at.0, born.revision)),
            },
        }
    }

    /// Returns the time at which the token expires, in seconds by the clock of this process.
    pub(super) fn ends_at_seconds(&self, known: &SetBacks) -> u64 {
        run::end(known, self.run.as_deref(), self.iat, self.exp)
    }

    /// Converts the claims into a token.
    ///
    /// # Errors
    /// [`InvalidId`] for claims that this server would not have written.
    pub(super) fn token(&self, kind: Kind, tenant: TenantId) -> Result<Token, InvalidId> {
        let invalid = |kind| InvalidId { kind, expected: "as it was made" };
        if self.other.tenant_id != tenant.as_str() || self.other.user_id != self.sub {
            return Err(invalid("tenant and user"));
        }
        let scopes = Scopes::parse(&self.scope).map_err(|_| invalid("scope"))?;
        let account = AccountKey { tenant, user: UserId::parse(&self.sub)? };
        let action = ActionKey {
            code: ActionCode::parse(&self.other.action_code)?,
            idempotency_key: IdempotencyKey::parse(&self.other.idempotency_key)?,
        };
        let issued_at = UnixMillis(self.iat.saturating_mul(1000));
        let born = self.other.born.map(|(at, revision)| Birth { at: UnixMillis(at), revision });
        Ok(Token { kind, account, action, born, scopes, issued_at, page: self.page.clone() })
    }
}

/// Returns the rules that a tenant's tokens must satisfy. They do not check times, because the
/// engine's clock decides these.
pub(super) fn validation(tenant: &TenantId) -> Validation {
    let mut validation = Validation::new(ALGORITHM);
    validation.set_audience(&[tenant.as_str()]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

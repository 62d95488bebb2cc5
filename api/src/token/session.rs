//! Device sessions: tokens for the reads of an app that has proved to hold its key.

use countersign_core::id::{AuthenticatorId, CredentialKey, IdempotencyKey, TenantId, Thumbprint};
use countersign_core::policy::DEVICE_SESSION_MS;
use countersign_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

use super::{ISSUER, TokenError, Tokens, run};

/// Type in the header of a device session. Tokens that act for a user have other types.
const TYP: &str = "device-session+jwt";

/// Content of a device session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The credential that reads.
    pub key: CredentialKey,
    /// Binding for which the session was made. The session ends with the binding.
    pub binding: AuthenticatorId,
    /// Time of issue, in whole seconds. The lifetime counts from it.
    pub issued_at: UnixMillis,
}

impl Session {
    /// Lifetime of a session, in seconds.
    pub const LIFETIME_SECONDS: u64 = DEVICE_SESSION_MS / 1000;
}

/// Claims of a device session. `sub` is the key's thumbprint.
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    iat: u64,
    exp: u64,
    jti: String,
    binding: String,
    /// Number of the last set-back of the clock before the token was made, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

impl Tokens {
    /// Creates the token of a session. `id` is the random part of its `jti`. Returns `None` if the
    /// tenant has no key.
    pub fn make_session(&self, session: &Session, id: [u8; 16]) -> Option<String> {
        let Session { key, binding, issued_at } = session;
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: key.tenant.to_string(),
            sub: key.thumbprint.encoded(),
            iat: issued_at.seconds(),
            exp: issued_at.seconds() + Session::LIFETIME_SECONDS,
            jti: IdempotencyKey::from_entropy(id).to_string(),
            binding: binding.to_string(),
            run: run::mark(&self.set_backs),
        };
        self.seal(TYP, &key.tenant, &claims)
    }

    /// Opens the token of a session.
    ///
    /// # Errors
    /// [`TokenError`], also for any other kind of token.
    pub fn open_session(
        &self,
        text: &str,
        now: UnixMillis,
    ) -> Result<Session, TokenError<Session>> {
        let (tenant, claims) = self.unseal::<Claims>(text, TYP).ok_or(TokenError::Invalid)?;
        let session = session(tenant, &claims).ok_or(TokenError::Invalid)?;
        let mark = claims.run.as_deref();
        let end = run::end(&self.set_backs, mark, claims.iat, claims.exp);
        if now.seconds() >= end {
            return Err(TokenError::Expired(Box::new(session)));
        }
        Ok(session)
    }
}

fn session(tenant: TenantId, claims: &Claims) -> Option<Session> {
    let thumbprint = Thumbprint::parse(&claims.sub).ok()?;
    Some(Session {
        key: CredentialKey { tenant, thumbprint },
        binding: AuthenticatorId::parse(&claims.binding).ok()?,
        issued_at: UnixMillis(claims.iat.saturating_mul(1000)),
    })
}

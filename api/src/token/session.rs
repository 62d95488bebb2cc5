//! Device sessions: tokens for the reads of an app that has proved to hold its key.

use countersign_core::id::{AuthenticatorId, CredentialKey, TenantId, Thumbprint};
use countersign_core::policy::DEVICE_SESSION_MS;
use countersign_core::time::UnixMillis;
use countersign_wire::token::{Reader, Writer};

use super::lifetime::Lifetime;
use super::{TokenError, Tokens};

/// Kind of a device session in a token's body. Tokens that act for a user have other kinds.
const KIND: u8 = 3;

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

impl Session {
    /// Writes the fields. The key's thumbprint stands in the place of the user.
    fn write(&self, lifetime: Lifetime, id: [u8; 16]) -> Writer {
        let Self { key, binding, .. } = self;
        let body = Writer::begin(KIND, key.tenant.as_str(), &key.thumbprint.encoded());
        lifetime.write(body).bytes(&id).text(binding.as_str())
    }

    fn read(kind: u8, tenant: TenantId, mut fields: Reader<'_>) -> Option<(Self, Lifetime)> {
        if kind != KIND {
            return None;
        }
        let key = CredentialKey { tenant, thumbprint: Thumbprint::parse(fields.text()?).ok()? };
        let lifetime = Lifetime::read(&mut fields)?;
        let _id: [u8; 16] = fields.bytes()?;
        let binding = AuthenticatorId::parse(fields.text()?).ok()?;
        fields.end()?;
        Some((Self { key, binding, issued_at: lifetime.issued_at() }, lifetime))
    }
}

impl Tokens {
    /// Creates the token of a session. `id` is random and makes each token unique. Returns `None`
    /// if the tenant has no key.
    pub fn make_session(&self, session: &Session, id: [u8; 16]) -> Option<String> {
        let seconds = Session::LIFETIME_SECONDS;
        let lifetime = Lifetime::begin(session.issued_at, seconds, &self.set_backs);
        self.seal(&session.key.tenant, session.write(lifetime, id))
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
        let (session, lifetime) = self.unseal(text, Session::read).ok_or(TokenError::Invalid)?;
        if now.seconds() >= lifetime.ends_at_seconds(&self.set_backs) {
            return Err(TokenError::Expired(Box::new(session)));
        }
        Ok(session)
    }
}

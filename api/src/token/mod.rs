//! Bearer tokens: bytes that an HMAC-SHA-256 with a random key of the tenant protects. A body names
//! its kind. The engine's clock, which never runs backwards, decides when a token expires.

use std::collections::HashMap;

use countersign_core::account::Grant;
use countersign_core::action::Birth;
use countersign_core::id::{AccountKey, ActionKey, TenantId};
use countersign_core::set_backs::SetBacks;
use countersign_core::time::UnixMillis;
use countersign_wire::token::{Parts, Reader, Writer};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

mod claims;
mod lifetime;
pub mod scope;
pub mod session;

use lifetime::Lifetime;
use scope::Scopes;

/// Kinds of tokens that act for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Token of a tracked action. It proves nothing about the user.
    Track,
    /// Token of an approved challenge.
    Verified,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Track, Self::Verified];

    /// Returns the kind's number in a token's body. A device session has another one.
    const fn number(self) -> u8 {
        match self {
            Self::Track => 1,
            Self::Verified => 2,
        }
    }
}

/// Content of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The kind.
    pub kind: Kind,
    /// The user.
    pub account: AccountKey,
    /// Action for which the token was made.
    pub action: ActionKey,
    /// Birth of that action, which distinguishes it from others with the same key. `None` in tokens
    /// of an older server.
    pub born: Option<Birth>,
    /// The scopes.
    pub scopes: Scopes,
    /// Time from which the lifetime counts, in whole seconds.
    pub issued_at: UnixMillis,
    /// Settings of the relying party for the pre-built UI.
    pub page: PageWish,
}

/// Settings of the relying party for the end of the pre-built UI. They are part of the token, so
/// that only the relying party decides where our page leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageWish {
    /// URL to which the page returns, with a token in the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// True if the page ends with the list of the user's devices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub settings: bool,
}

impl Token {
    /// Returns the right that the token grants.
    pub fn grant(&self) -> Grant {
        let is_verified = self.kind == Kind::Verified;
        let (action, born) = (self.action.clone(), self.born);
        Grant { action, issued_at: self.issued_at, is_verified, born }
    }
}

/// Reason for which a token is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError<T = Token> {
    /// The token has expired. It is genuine otherwise.
    Expired(Box<T>),
    /// The text is not a token of this server, or is one of another kind.
    Invalid,
}

/// Creator and verifier of tokens, with the keys of all tenants.
pub struct Tokens {
    /// Each tenant's key, prepared for authentication codes.
    keys: HashMap<TenantId, Hmac<Sha256>>,
    lifetime_seconds: u64,
    set_backs: SetBacks,
}

impl Tokens {
    /// Creates the keys from each tenant's secret. New tokens are valid for `lifetime_seconds`.
    pub fn new(
        secrets: impl IntoIterator<Item = (TenantId, [u8; 32])>,
        lifetime_seconds: u64,
    ) -> Self {
        let key = |secret: [u8; 32]| Hmac::new_from_slice(&secret).expect("HMAC takes any length");
        let keys = secrets.into_iter().map(|(tenant, secret)| (tenant, key(secret))).collect();
        Self { keys, lifetime_seconds, set_backs: SetBacks::default() }
    }

    /// Adds the known set-backs of the clock, so that earlier tokens keep their own expiry.
    #[must_use]
    pub fn after(self, set_backs: SetBacks) -> Self {
        Self { set_backs, ..self }
    }

    /// Creates a token. `id` is random and makes each token unique. Returns `None` if the tenant
    /// has no key.
    pub fn make(&self, token: &Token, id: [u8; 16]) -> Option<String> {
        let lifetime = Lifetime::begin(token.issued_at, self.lifetime_seconds, &self.set_backs);
        self.seal(&token.account.tenant, token.write(lifetime, id))
    }

    /// Authenticates a body with the key of a tenant. Returns `None` if the tenant has no key.
    fn seal(&self, tenant: &TenantId, body: Writer) -> Option<String> {
        let key = self.keys.get(tenant)?;
        Some(body.seal(|body| key.clone().chain_update(body).finalize().into_bytes().into()))
    }

    /// Checks that a token is genuine, and reads the fields behind its tenant with `read`, which
    /// gets the kind too. The expiry is not checked.
    fn unseal<T>(
        &self,
        text: &str,
        read: impl FnOnce(u8, TenantId, Reader<'_>) -> Option<T>,
    ) -> Option<T> {
        let Parts { body, mac } = Parts::of(text)?;
        let (kind, mut fields) = Reader::begin(&body)?;
        // The unchecked tenant only selects one of the keys. The authentication code covers it.
        let tenant = TenantId::parse(fields.text()?).ok()?;
        let key = self.keys.get(&tenant)?.clone();
        key.chain_update(&body).verify_slice(&mac).ok()?;
        read(kind, tenant, fields)
    }

    /// Opens a token of either kind. Returns its content and the time at which it expires.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(&self, text: &str, now: UnixMillis) -> Result<(Token, UnixMillis), TokenError> {
        let (token, lifetime) = self.unseal(text, Token::read).ok_or(TokenError::Invalid)?;
        let ends_at_seconds = lifetime.ends_at_seconds(&self.set_backs);
        if now.seconds() >= ends_at_seconds {
            return Err(TokenError::Expired(Box::new(token)));
        }
        Ok((token, UnixMillis(ends_at_seconds.saturating_mul(1000))))
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use countersign_core::id::{
        ActionCode, AuthenticatorId, CredentialKey, IdempotencyKey, Thumbprint, UserId,
    };

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_735_689_600_000);
    const BOTH: [Kind; 2] = [Kind::Track, Kind::Verified];

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn tokens() -> Tokens {
        Tokens::new([(tenant("a"), [1; 32]), (tenant("b"), [2; 32])], 600)
    }

    fn token_of(name: &str, kind: Kind) -> Token {
        Token {
            kind,
            account: AccountKey { tenant: tenant(name), user: UserId::parse("u|1").unwrap() },
            action: ActionKey {
                code: ActionCode::parse("signIn").unwrap(),
                idempotency_key: IdempotencyKey::parse("k").unwrap(),
            },
            born: Some(Birth { at: UnixMillis(NOW.0 - 1), revision: 7 }),
            scopes: Scopes::parse("add:authenticators").unwrap(),
            issued_at: NOW,
            page: PageWish {
                redirect_url: Some("https://shop.example/back".into()),
                settings: true,
            },
        }
    }

    #[test]
    fn a_token_opens_to_what_it_was_made_of() {
        for kind in BOTH {
            let made = tokens().make(&token_of("a", kind), [3; 16]).unwrap();
            let ends_at = NOW.plus_ms(600_000);
            assert_eq!(tokens().open(&made, NOW), Ok((token_of("a", kind), ends_at)));
        }
    }

    #[test]
    fn a_token_of_a_user_is_no_device_session_and_a_session_is_no_token() {
        let made = tokens().make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        assert_eq!(tokens().open_session(&made, NOW), Err(TokenError::Invalid));
        let key = CredentialKey { tenant: tenant("a"), thumbprint: Thumbprint::of_spki(b"key") };
        let binding = AuthenticatorId::from_entropy([4; 16]);
        let session = session::Session { key, binding, issued_at: NOW };
        let made = tokens().make_session(&session, [3; 16]).unwrap();
        assert_eq!(tokens().open_session(&made, NOW), Ok(session));
        assert_eq!(tokens().open(&made, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn a_token_ends_with_its_lifetime() {
        let made = tokens().make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        assert!(tokens().open(&made, NOW.plus_ms(599_999)).is_ok());
        let late = tokens().open(&made, NOW.plus_ms(600_000));
        assert_eq!(late, Err(TokenError::Expired(Box::new(token_of("a", Kind::Track)))));
    }

    #[test]
    fn a_token_made_with_another_key_or_a_shorter_code_is_refused() {
        let forger = Tokens::new([(tenant("a"), [9; 32])], 600);
        let forged = forger.make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        assert_eq!(tokens().open(&forged, NOW), Err(TokenError::Invalid));
        let made = tokens().make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        let (body, mac) = made.split_once('.').unwrap();
        let shorter = &mac[..mac.len() - 4];
        for other in [format!("{body}."), format!("{body}.{shorter}"), format!("{made}AAAA")] {
            assert_eq!(tokens().open(&other, NOW), Err(TokenError::Invalid), "{other}");
        }
    }

    #[test]
    fn a_token_of_one_tenant_is_none_of_another() {
        // The other tenant's key signs the first tenant's claims.
        let crossed = Tokens::new([(tenant("a"), [2; 32])], 600);
        let made = crossed.make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        assert_eq!(tokens().open(&made, NOW), Err(TokenError::Invalid));
        assert_eq!(tokens().make(&token_of("c", Kind::Track), [3; 16]), None);
    }

    #[test]
    fn a_token_of_an_older_server_is_refused() {
        // A JWT with the tenant's own key:
        // {"typ":"track+jwt","alg":"HS256","kid":"a"}.{"sub":"u"}
        let jwt = "eyJ0eXAiOiJ0cmFjaytqd3QiLCJhbGciOiJIUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJ1In0";
        let mac: [u8; 32] =
            tokens().keys[&tenant("a")].clone().chain_update(jwt).finalize().into_bytes().into();
        let jwt = format!("{jwt}.{}", URL_SAFE_NO_PAD.encode(mac));
        assert_eq!(tokens().open(&jwt, NOW), Err(TokenError::Invalid));
    }

    #[test]
    fn genuine_fields_that_no_server_writes_are_refused() {
        let tokens = tokens();
        let lifetime = Lifetime::begin(NOW, 600, &SetBacks::default());
        let body = |kind: Kind| token_of("a", kind).write(lifetime, [3; 16]);
        let further = tokens.seal(&tenant("a"), body(Kind::Track).bytes(&[0])).unwrap();
        let ended = tokens.seal(&tenant("a"), Writer::begin(1, "a", "u")).unwrap();
        let other_kind = tokens.seal(&tenant("a"), Writer::begin(4, "a", "u")).unwrap();
        for text in [further, ended, other_kind] {
            assert_eq!(tokens.open(&text, NOW), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let made = tokens().make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        for at in 0..made.len() {
            let mut changed = made.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens().open(&changed, NOW), Err(TokenError::Invalid), "at {at}");
        }
    }
}

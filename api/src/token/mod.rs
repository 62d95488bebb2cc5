//! Bearer tokens: JWTs with one fixed algorithm and a random key for each tenant. Their header
//! names their kind. The engine's clock, which never runs backwards, decides when they expire.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_core::account::Grant;
use countersign_core::action::Birth;
use countersign_core::id::{AccountKey, ActionKey, TenantId};
use countersign_core::set_backs::SetBacks;
use countersign_core::time::UnixMillis;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

mod claims;
mod run;
pub mod scope;
pub mod session;

use claims::Claims;
use scope::Scopes;

const ALGORITHM: Algorithm = Algorithm::HS256;
const ISSUER: &str = "countersign";

/// Kinds of tokens that act for a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Token of a tracked action. It proves nothing about the user.
    Track,
    /// Token of an approved challenge.
    Verified,
}

impl Kind {
    const fn typ(self) -> &'static str {
        match self {
            Self::Track => "track+jwt",
            Self::Verified => "verified+jwt",
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageWish {
    /// URL to which the page returns, with a token in the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<String>,
    /// True if the page ends with the list of the user's devices.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settings: bool,
}

impl PageWish {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
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

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

/// Creator and verifier of tokens: the keys of all tenants, and a cache of verified tokens.
pub struct Tokens {
    keys: HashMap<TenantId, Keys>,
    lifetime_seconds: u64,
    set_backs: SetBacks,
    /// Cache of genuine tokens with their expiry, by the SHA-256 of their text. A browser sends the
    /// same token with each request, and verifying it again costs more than the other work of a
    /// request.
    genuine: Cache<[u8; 32], Arc<(Token, u64)>>,
}

/// Maximum number of cached tokens.
const GENUINE_MAX: usize = 16_384;

impl Tokens {
    /// Creates the keys from each tenant's secret. New tokens are valid for `lifetime_seconds`.
    pub fn new(
        secrets: impl IntoIterator<Item = (TenantId, [u8; 32])>,
        lifetime_seconds: u64,
    ) -> Self {
        let keys = |tenant: &TenantId, secret: [u8; 32]| Keys {
            encoding: EncodingKey::from_secret(&secret),
            decoding: DecodingKey::from_secret(&secret),
            validation: claims::validation(tenant),
        };
        let secrets = secrets.into_iter();
        let keys = secrets.map(|(tenant, secret)| (tenant.clone(), keys(&tenant, secret)));
        let keys = keys.collect();
        Self {
            keys,
            lifetime_seconds,
            set_backs: SetBacks::default(),
            genuine: Cache::new(GENUINE_MAX),
        }
    }

    /// Adds the known set-backs of the clock, so that earlier tokens keep their own expiry.
    #[must_use]
    pub fn after(self, set_backs: SetBacks) -> Self {
        Self { set_backs, ..self }
    }

    /// Creates a token. `id` is the random part of its `jti`. Returns `None` if the tenant has no
    /// key.
    pub fn make(&self, token: &Token, id: [u8; 16]) -> Option<String> {
        let claims = Claims::of(token, self.lifetime_seconds, &self.set_backs, id);
        let text = self.seal(token.kind.typ(), &token.account.tenant, &claims)?;
        let issued_at = UnixMillis(token.issued_at.seconds() * 1000);
        let genuine =
            (Token { issued_at, ..token.clone() }, claims.ends_at_seconds(&self.set_backs));
        self.genuine.insert(Sha256::digest(text.as_bytes()).into(), Arc::new(genuine));
        Some(text)
    }

    /// Signs claims with the key of a tenant. Returns `None` if the tenant has no key.
    pub(super) fn seal(
        &self,
        typ: &str,
        tenant: &TenantId,
        claims: &impl Serialize,
    ) -> Option<String> {
        let header = Header {
            typ: Some(typ.to_owned()),
            kid: Some(tenant.to_string()),
            ..Header::new(ALGORITHM)
        };
        jsonwebtoken::encode(&header, claims, &self.keys.get(tenant)?.encoding).ok()
    }

    /// Returns the tenant and the claims of a token, if it is genuine and its header has `typ`. Its
    /// expiry is not checked.
    pub(super) fn unseal<C: DeserializeOwned + Clone>(
        &self,
        text: &str,
        typ: &str,
    ) -> Option<(TenantId, C)> {
        let header = jsonwebtoken::decode_header(text).ok()?;
        if header.typ.as_deref() != Some(typ) {
            return None;
        }
        // The header only selects one of the configured keys. The signature and the claims must
        // match that key's tenant.
        let tenant = TenantId::parse(&header.kid?).ok()?;
        let keys = self.keys.get(&tenant)?;
        let decoded = jsonwebtoken::decode::<C>(text, &keys.decoding, &keys.validation);
        Some((tenant, decoded.ok()?.claims))
    }

    /// Opens a token of either kind. Returns its content and the time at which it expires.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn open(&self, text: &str, now: UnixMillis) -> Result<(Token, UnixMillis), TokenError> {
        let genuine = self.genuine(text).ok_or(TokenError::Invalid)?;
        let (token, ends_at_seconds) = &*genuine;
        if now.seconds() >= *ends_at_seconds {
            return Err(TokenError::Expired(Box::new(token.clone())));
        }
        Ok((token.clone(), UnixMillis(ends_at_seconds.saturating_mul(1000))))
    }

    /// Returns a genuine token of either kind and its expiry in seconds, from the cache if
    /// possible.
    fn genuine(&self, text: &str) -> Option<Arc<(Token, u64)>> {
        let digest = Sha256::digest(text.as_bytes()).into();
        if let Some(known) = self.genuine.get(&digest) {
            return Some(known);
        }
        let opened = [Kind::Track, Kind::Verified].into_iter().find_map(|kind| {
            let (tenant, claims) = self.unseal::<Claims>(text, kind.typ())?;
            let ends_at_seconds = claims.ends_at_seconds(&self.set_backs);
            Some((claims.token(kind, tenant).ok()?, ends_at_seconds))
        });
        let opened = Arc::new(opened?);
        self.genuine.insert(digest, opened.clone());
        Some(opened)
    }
}

#[cfg(test)]
mod tests {
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
    fn a_token_made_with_another_key_or_algorithm_is_refused() {
        let forger = Tokens::new([(tenant("a"), [9; 32])], 600);
        let forged = forger.make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        assert_eq!(tokens().open(&forged, NOW), Err(TokenError::Invalid));
        let made = tokens().make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        let (_, rest) = made.split_once('.').unwrap();
        // {"typ":"track+jwt","alg":"none","kid":"a"}
        let none = format!("eyJ0eXAiOiJ0cmFjaytqd3QiLCJhbGciOiJub25lIiwia2lkIjoiYSJ9.{rest}");
        assert_eq!(tokens().open(&none, NOW), Err(TokenError::Invalid));
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
    fn every_changed_character_is_noticed() {
        let made = tokens().make(&token_of("a", Kind::Track), [3; 16]).unwrap();
        let signature = made.rfind('.').unwrap();
        for at in (0..made.len()).filter(|at| *at < signature || (at - signature) % 7 == 1) {
            let mut changed = made.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens().open(&changed, NOW), Err(TokenError::Invalid), "at {at}");
        }
    }
}

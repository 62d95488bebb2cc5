//! Identifiers, as newtypes that are made from valid text only.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Error for a text that is not a valid identifier of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must be {expected}")]
pub struct InvalidId {
    /// The kind of name that was expected.
    pub kind: &'static str,
    /// The required form, in words.
    pub expected: &'static str,
}

fn is_code(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn is_lower_case_uuid(text: &str) -> bool {
    let upper = text.bytes().any(|b| b.is_ascii_uppercase());
    text.len() == 36 && !upper && uuid::Uuid::try_parse(text).is_ok()
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $max:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Longest accepted text, in bytes.
            pub const BYTES_MAX: usize = $max;

            /// Parses an identifier.
            ///
            /// # Errors
            /// [`InvalidId`] for an empty, too long or ill-formed text.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let valid: fn(&str) -> bool = $valid;
                if text.is_empty() || text.len() > $max || !valid(text) {
                    return Err(InvalidId { kind: $kind, expected: $expected });
                }
                Ok(Self(text.into()))
            }

            /// Returns the identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), &self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// Id of a tenant, which is one relying party on this server.
    TenantId, "tenant id", "1 to 64 characters of A-Z a-z 0-9 _ -", 64, is_code
);
text_id!(
    /// The relying party's id for a user: UTF-8 without control characters.
    UserId, "userId", "1 to 256 bytes of UTF-8 without control characters", 256,
    |text| !text.chars().any(char::is_control)
);
text_id!(
    /// Name of the kind of action to confirm, such as `signIn`.
    ActionCode, "action", "1 to 64 characters of A-Z a-z 0-9 _ -", 64, is_code
);
text_id!(
    /// Key of one instance of an action of one user.
    IdempotencyKey, "idempotencyKey", "1 to 128 printable ASCII characters", 128,
    |text| text.bytes().all(|b| (0x20..0x7f).contains(&b))
);
text_id!(
    /// Id of a challenge: [`ChallengeId::CHARACTERS`] characters of base64url. The text of a nonce
    /// to sign contains a colon, which is not in this alphabet, so a signature over one is never
    /// valid for the other.
    ChallengeId, "challengeId", "32 characters of A-Z a-z 0-9 _ -", 32,
    |text| text.len() == ChallengeId::CHARACTERS && is_code(text)
);
text_id!(
    /// Id of the binding of a key to an account (`userAuthenticatorId` in the wire contract), a
    /// UUID.
    AuthenticatorId, "userAuthenticatorId", "a UUID", 36,
    is_lower_case_uuid
);
text_id!(
    /// Id of an event for a relying party, a UUID.
    EventId, "event id", "a UUID", 36,
    is_lower_case_uuid
);

impl ChallengeId {
    /// Length of every challenge id, in characters.
    pub const CHARACTERS: usize = 32;

    /// Makes an id of 192 random bits.
    #[must_use]
    pub fn from_entropy(bytes: &[u8; 24]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes).into())
    }
}

impl AuthenticatorId {
    /// Makes a version 4 UUID from random bytes.
    #[must_use]
    pub fn from_entropy(bytes: [u8; 16]) -> Self {
        Self(uuid_v4(bytes).into())
    }
}

impl EventId {
    /// Derives the id of an event, a version 8 UUID (RFC 9562), from its kind, tenant and
    /// challenge. A challenge has at most one event of a kind. A repeated event gets the same id,
    /// because the id depends on nothing else.
    #[must_use]
    pub fn of(kind: &str, tenant: &TenantId, challenge: &ChallengeId) -> Self {
        // No part contains the separator, so different triples give different texts.
        let digest = Sha256::digest(format!("{kind}\n{tenant}\n{challenge}"));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid().hyphenated().to_string().into())
    }
}

impl IdempotencyKey {
    /// Makes a version 4 UUID from random bytes.
    #[must_use]
    pub fn from_entropy(bytes: [u8; 16]) -> Self {
        Self(uuid_v4(bytes).into())
    }
}

fn uuid_v4(bytes: [u8; 16]) -> String {
    uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().to_string()
}

/// Names one account: a user of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
}

/// Names one tracked action within an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ActionKey {
    /// Code of the action.
    pub code: ActionCode,
    /// Key that separates instances of the action.
    pub idempotency_key: IdempotencyKey,
}

/// Names one credential of a tenant. Several accounts of the tenant may be bound to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CredentialKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The public key's thumbprint.
    pub thumbprint: Thumbprint,
}

/// SHA-256 of a public key's DER `SubjectPublicKeyInfo`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// Returns the thumbprint of the key with this `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn of_spki(spki: &[u8]) -> Self {
        Self(Sha256::digest(spki).into())
    }

    /// Parses the output of [`Self::encoded`], and refuses any other text.
    ///
    /// # Errors
    /// [`InvalidId`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let expected = "32 bytes in base64url without padding";
        let invalid = || InvalidId { kind: "thumbprint", expected };
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        Ok(Self(bytes.try_into().map_err(|_| invalid())?))
    }

    /// Returns the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the digest in base64url without padding.
    #[must_use]
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_outside_their_alphabet_and_length() {
        assert!(TenantId::parse("demo-1_A").is_ok());
        for bad in ["", "a b", "ä", &"x".repeat(65)] {
            assert!(TenantId::parse(bad).is_err(), "{bad}");
            assert!(ActionCode::parse(bad).is_err(), "{bad}");
        }
        assert!(UserId::parse("auth0|a b/ü?x").is_ok());
        assert!(UserId::parse("a\u{7}").is_err());
        assert!(UserId::parse(&"x".repeat(257)).is_err());
        assert!(IdempotencyKey::parse("a key, any printable").is_ok());
        assert!(IdempotencyKey::parse("ü").is_err());
        assert!(IdempotencyKey::parse(&"x".repeat(129)).is_err());
    }

    #[test]
    fn made_ids_parse_back() {
        let challenge = ChallengeId::from_entropy(&[0xfb; 24]);
        assert_eq!(ChallengeId::parse(challenge.as_str()), Ok(challenge));
        let authenticator = AuthenticatorId::from_entropy([7; 16]);
        assert_eq!(AuthenticatorId::parse(authenticator.as_str()), Ok(authenticator));
        assert!(IdempotencyKey::parse(IdempotencyKey::from_entropy([1; 16]).as_str()).is_ok());
    }

    #[test]
    fn one_authenticator_has_one_spelling() {
        assert!(AuthenticatorId::parse("07070707-0707-4707-8707-0707070707AB").is_err());
        assert!(AuthenticatorId::parse("07070707070747078707070707070707").is_err());
    }
}

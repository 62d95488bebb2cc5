//! Statements: the exact bytes that a device signs, version 1.
//!
//! A statement's first line is `countersign/<kind>/v1`. Then follow lines of `name:value`, joined
//! by one LF. No type of value can contain an LF or a character outside its own alphabet, so
//! nothing is escaped, and two different statements never have the same bytes. The server builds a
//! statement from its own records, never from text that a device sent. A device builds the same
//! statement from the server's response.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::id::{AuthenticatorId, ChallengeId, TenantId, Thumbprint};
use crate::nonce::Nonce;
use crate::number_match::TypedNumber;
use crate::outcome::Decision;

/// SHA-256 of a text. A statement contains the digest in place of the text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Computes the digest of a text's UTF-8 bytes.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Makes a digest from its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest")
    }
}

/// A message that a device can sign.
#[derive(Clone, Copy, Debug)]
pub enum Statement<'a> {
    /// A decision about a challenge.
    Decision(DecisionStatement<'a>),
    /// A proof that the device holds the key that it enrolls with a bearer token.
    Enroll {
        /// The tenant in which the key is enrolled.
        tenant: &'a TenantId,
        /// Thumbprint of the key.
        key: Thumbprint,
        /// Digest of the request's bearer token.
        token: Digest,
    },
    /// A device's request for a session.
    Session {
        /// The tenant in which the key is enrolled.
        tenant: &'a TenantId,
        /// Thumbprint of the key.
        key: Thumbprint,
        /// A nonce that the server issued.
        nonce: &'a Nonce,
    },
    /// A device's request to update its credential.
    Update {
        /// The tenant in which the key is enrolled.
        tenant: &'a TenantId,
        /// Thumbprint of the key.
        key: Thumbprint,
        /// A nonce that the server issued.
        nonce: &'a Nonce,
        /// Digest of the device's new token at its notification provider, if there is one.
        push_token: Option<Digest>,
    },
    /// A device's request to remove its credential.
    Remove {
        /// The tenant in which the key is enrolled.
        tenant: &'a TenantId,
        /// Thumbprint of the key.
        key: Thumbprint,
        /// A nonce that the server issued.
        nonce: &'a Nonce,
    },
}

/// A decision about a challenge, with all values that the signature binds it to.
#[derive(Clone, Copy, Debug)]
pub struct DecisionStatement<'a> {
    /// The tenant of the challenge.
    pub tenant: &'a TenantId,
    /// Id of the challenge that is decided.
    pub challenge: &'a ChallengeId,
    /// The challenge's own nonce.
    pub nonce: &'a Nonce,
    /// Id of the binding that decides.
    pub authenticator: &'a AuthenticatorId,
    /// Thumbprint of the key that signs.
    pub key: Thumbprint,
    /// The decision.
    pub decision: Decision,
    /// Digest of the display text, exactly as the device received the text.
    pub display: Digest,
    /// The typed number, if the user typed one.
    pub number: Option<&'a TypedNumber>,
    /// Expiry time of the challenge, in seconds since the Unix epoch, as the server sent it to the
    /// device.
    pub expires_at_seconds: u64,
}

impl Statement<'_> {
    /// Returns the bytes to sign.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let text = match *self {
            Self::Decision(decision) => decision.text(),
            Self::Enroll { tenant, key, token } => {
                Text::of("enroll", tenant).line("key", &key.encoded()).digest("token", token)
            }
            Self::Session { tenant, key, nonce } => Text::with_nonce("session", tenant, key, nonce),
            Self::Update { tenant, key, nonce, push_token } => {
                let text = Text::with_nonce("update", tenant, key, nonce);
                match push_token {
                    Some(digest) => text.digest("push-token", digest),
                    None => text.line("push-token", NONE),
                }
            }
            Self::Remove { tenant, key, nonce } => Text::with_nonce("remove", tenant, key, nonce),
        };
        text.0.into_bytes()
    }
}

impl DecisionStatement<'_> {
    fn text(&self) -> Text {
        Text::of("decision", self.tenant)
            .line("challenge", self.challenge.as_str())
            .line("nonce", &self.nonce.encoded())
            .line("authenticator", self.authenticator.as_str())
            .line("key", &self.key.encoded())
            .line("decision", self.decision.name())
            .digest("display", self.display)
            .line("number", self.number.map_or(NONE, TypedNumber::reveal))
            .line("expires", &self.expires_at_seconds.to_string())
    }
}

/// Text in place of an absent value. No number or digest can be written so.
const NONE: &str = "-";

struct Text(String);

impl Text {
    fn of(kind: &str, tenant: &TenantId) -> Self {
        Self(format!("countersign/{kind}/v1")).line("tenant", tenant.as_str())
    }

    fn with_nonce(kind: &str, tenant: &TenantId, key: Thumbprint, nonce: &Nonce) -> Self {
        Self::of(kind, tenant).line("key", &key.encoded()).line("nonce", &nonce.encoded())
    }

    fn line(mut self, name: &str, value: &str) -> Self {
        self.0.push('\n');
        self.0.push_str(name);
        self.0.push(':');
        self.0.push_str(value);
        self
    }

    fn digest(self, name: &str, Digest(bytes): Digest) -> Self {
        self.line(name, &encoded(&bytes))
    }
}

fn encoded(bytes: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of the empty text and of `abc`, in base64url, as in FIPS 180-2.
    const OF_NOTHING: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    const OF_ABC: &str = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";

    fn text(statement: Statement<'_>) -> String {
        String::from_utf8(statement.to_bytes()).unwrap()
    }

    fn tenant() -> TenantId {
        TenantId::parse("shop-1").unwrap()
    }

    fn key() -> Thumbprint {
        Thumbprint::of_spki(b"abc")
    }

    fn nonce() -> Nonce {
        Nonce::from_entropy(&[0xff; 32])
    }

    fn decision(number: Option<&TypedNumber>) -> String {
        text(Statement::Decision(DecisionStatement {
            tenant: &tenant(),
            challenge: &ChallengeId::parse("_______________________________-").unwrap(),
            nonce: &nonce(),
            authenticator: &AuthenticatorId::parse("07070707-0707-4707-8707-070707070707").unwrap(),
            key: key(),
            decision: Decision::Approve,
            display: Digest::of(""),
            number,
            expires_at_seconds: 1_735_689_600,
        }))
    }

    #[test]
    fn a_decision_names_everything_that_it_was_given_to() {
        let expected = "countersign/decision/v1\n\
            tenant:shop-1\n\
            challenge:_______________________________-\n\
            nonce:__________________________________________8\n\
            authenticator:07070707-0707-4707-8707-070707070707\n\
            key:ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0\n\
            decision:approve\n\
            display:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\n\
            number:-\n\
            expires:1735689600";
        assert_eq!(decision(None), expected);
        let typed = TypedNumber::parse("042").unwrap();
        assert_eq!(decision(Some(&typed)), expected.replace("number:-", "number:042"));
    }

    #[test]
    fn an_enrollment_names_the_key_and_the_token() {
        let (tenant, token) = (tenant(), Digest::of("abc"));
        let enroll = Statement::Enroll { tenant: &tenant, key: Thumbprint::of_spki(b""), token };
        let expected =
            format!("countersign/enroll/v1\ntenant:shop-1\nkey:{OF_NOTHING}\ntoken:{OF_ABC}");
        assert_eq!(text(enroll), expected);
    }

    #[test]
    fn a_session_a_removal_and_an_update_name_the_nonce() {
        let (tenant, key, nonce) = (tenant(), key(), nonce());
        let (tenant, nonce) = (&tenant, &nonce);
        let rest = "tenant:shop-1\n\
            key:ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0\n\
            nonce:__________________________________________8";
        let session = text(Statement::Session { tenant, key, nonce });
        assert_eq!(session, format!("countersign/session/v1\n{rest}"));
        let remove = text(Statement::Remove { tenant, key, nonce });
        assert_eq!(remove, format!("countersign/remove/v1\n{rest}"));
        for (push_token, last) in [(None, "-"), (Some(Digest::of("")), OF_NOTHING)] {
            let update = text(Statement::Update { tenant, key, nonce, push_token });
            let expected = format!("countersign/update/v1\n{rest}\npush-token:{last}");
            assert_eq!(update, expected);
        }
    }

    #[test]
    fn no_statement_is_a_challenge_id_or_a_nonce_to_sign() {
        let signed = decision(None);
        assert!(ChallengeId::parse(&signed).is_err());
        assert!(!signed.starts_with("nonce:"));
    }

    #[test]
    fn a_digest_does_not_show_itself_in_a_log() {
        assert_eq!(format!("{:?}", Digest::of("secret")), "Digest");
    }
}

//! A phone that answers challenges through the engine's functions, without HTTP. It has a key, and
//! signs with it.

use countersign_client::SoftwareKey;
use countersign_core::challenge::Challenge;
use countersign_core::decision::SignedDecision;
use countersign_core::id::{AuthenticatorId, CredentialKey, TenantId};
use countersign_core::number_match::TypedNumber;
use countersign_core::outcome::Decision;
use countersign_core::possession::removal_text_at;
use countersign_core::signature::PublicKey;
use countersign_core::statement::{DecisionStatement, Statement};
use countersign_core::time::UnixMillis;

/// A phone of tenant `demo` with an Ed25519 key.
pub struct Phone {
    key: SoftwareKey,
    pub public: PublicKey,
}

impl Phone {
    #[must_use]
    pub fn new(number: u8) -> Self {
        Self::with_seed([number; 32])
    }

    /// Makes one of many phones. Each number has another key.
    #[must_use]
    pub fn of(number: u64) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        Self::with_seed(seed)
    }

    fn with_seed(seed: [u8; 32]) -> Self {
        let key = SoftwareKey::from_seed(&seed);
        let public = PublicKey::from_spki(key.algorithm(), key.spki()).unwrap();
        Self { key, public }
    }

    #[must_use]
    pub fn credential(&self) -> CredentialKey {
        CredentialKey {
            tenant: TenantId::parse("demo").unwrap(),
            thumbprint: self.public.thumbprint(),
        }
    }

    #[must_use]
    pub fn answer(&self, challenge: &Challenge, decision: Decision) -> SignedDecision {
        let signature = self.sign(challenge.id.as_str());
        SignedDecision { challenge: challenge.id.clone(), decision, number: None, signature }
    }

    /// Approves a challenge with a typed number.
    #[must_use]
    pub fn typed(&self, challenge: &Challenge, digits: &str) -> SignedDecision {
        let number = TypedNumber::parse(digits).unwrap();
        SignedDecision { number: Some(number), ..self.answer(challenge, Decision::Approve) }
    }

    /// Answers a challenge with a signed statement, as the authenticator `by`.
    #[must_use]
    pub fn state(
        &self,
        challenge: &Challenge,
        by: &AuthenticatorId,
        decision: Decision,
        digits: Option<&str>,
    ) -> SignedDecision {
        let shown = challenge.shown.as_ref().unwrap();
        let number = digits.map(|digits| TypedNumber::parse(digits).unwrap());
        let statement = DecisionStatement {
            tenant: &challenge.account.tenant,
            challenge: &challenge.id,
            nonce: &shown.nonce,
            authenticator: by,
            key: self.public.thumbprint(),
            decision,
            display: shown.display.digest(),
            number: number.as_ref(),
            expires_at_seconds: challenge.expires_at.seconds(),
        };
        let signature = self.sign_statement(&Statement::Decision(statement));
        SignedDecision { challenge: challenge.id.clone(), decision, number, signature }
    }

    /// Signs the removal of this phone at the time `at`.
    #[must_use]
    pub fn good_bye(&self, at: UnixMillis) -> Vec<u8> {
        self.sign(&removal_text_at(at))
    }

    #[must_use]
    pub fn sign(&self, text: &str) -> Vec<u8> {
        self.key.sign(text.as_bytes())
    }

    #[must_use]
    pub fn sign_statement(&self, statement: &Statement<'_>) -> Vec<u8> {
        self.key.sign(&statement.to_bytes())
    }
}

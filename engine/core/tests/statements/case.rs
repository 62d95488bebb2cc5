//! A challenge, a binding and a decision about the challenge, as the server and the device know
//! them.

use std::sync::LazyLock;

use countersign_core::challenge::{Challenge, Shown};
use countersign_core::decision::{Asked, SignedDecision, VerifiedDecision, verify};
use countersign_core::device::{Device, Signing};
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::TypedNumber;
use countersign_core::outcome::Decision;
use countersign_core::signature::{Algorithm, InvalidSignature, PublicKey};
use countersign_core::statement::{DecisionStatement, Statement};
use countersign_core::time::UnixMillis;
use ed25519_dalek::{Signer as _, SigningKey};

pub(crate) const DECISIONS: [Decision; 3] = [Decision::Approve, Decision::Deny, Decision::Report];

/// Variable parts of a statement, each as a small number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) tenant: u8,
    pub(crate) challenge: u8,
    pub(crate) nonce: u8,
    pub(crate) authenticator: u8,
    pub(crate) key: u8,
    pub(crate) decision: usize,
    pub(crate) display: u8,
    pub(crate) number: Option<u16>,
    pub(crate) expires_seconds: u32,
}

fn signer(key: u8) -> SigningKey {
    SigningKey::from_bytes(&[key; 32])
}

fn parsed(key: u8) -> PublicKey {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], signer(key).verifying_key().as_bytes()].concat();
    PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap()
}

impl Case {
    /// Returns the cases that differ from this one in a single part, each with the name of the
    /// part.
    pub(crate) fn neighbours(&self) -> Vec<(&'static str, Self)> {
        let it = || self.clone();
        let other = |n: u8| n.wrapping_add(1);
        let number = self.number.map_or(Some(0), |n| Some(n.wrapping_add(1)));
        let unsaid = self.number.map_or(Some(9), |_| None);
        let expires_seconds = self.expires_seconds + 1;
        vec![
            ("tenant", Self { tenant: other(self.tenant), ..it() }),
            ("challenge", Self { challenge: other(self.challenge), ..it() }),
            ("nonce", Self { nonce: other(self.nonce), ..it() }),
            ("authenticator", Self { authenticator: other(self.authenticator), ..it() }),
            ("key", Self { key: other(self.key), ..it() }),
            ("decision", Self { decision: (self.decision + 1) % 3, ..it() }),
            ("decision", Self { decision: (self.decision + 2) % 3, ..it() }),
            ("display", Self { display: other(self.display), ..it() }),
            ("number", Self { number, ..it() }),
            ("number", Self { number: unsaid, ..it() }),
            ("expires", Self { expires_seconds, ..it() }),
        ]
    }

    pub(crate) fn signer(&self) -> SigningKey {
        signer(self.key)
    }

    fn public_key(&self) -> PublicKey {
        /// All keys, parsed once, because the check of a key takes longer than all other work of a
        /// case.
        static KEYS: LazyLock<Vec<PublicKey>> = LazyLock::new(|| (0..=255).map(parsed).collect());
        KEYS[usize::from(self.key)].clone()
    }

    pub(crate) fn tenant_id(&self) -> TenantId {
        TenantId::parse(&format!("tenant-{}", self.tenant)).unwrap()
    }

    fn typed(&self) -> Option<TypedNumber> {
        self.number.map(|n| TypedNumber::parse(&n.to_string()).unwrap())
    }

    pub(crate) fn challenge(&self) -> Challenge {
        let display = format!("{{\"action\":\"pay\",\"custom\":{{\"amount\":{}}}}}", self.display);
        Challenge {
            id: ChallengeId::from_entropy(&[self.challenge; 24]),
            account: AccountKey { tenant: self.tenant_id(), user: UserId::parse("ann").unwrap() },
            action: ActionKey {
                code: ActionCode::parse("pay").unwrap(),
                idempotency_key: IdempotencyKey::parse("one").unwrap(),
            },
            targets: vec![AuthenticatorId::from_entropy([self.authenticator; 16])],
            issued_at: UnixMillis(0),
            // The 999 ms are left out of the statement, which has whole seconds.
            expires_at: UnixMillis(u64::from(self.expires_seconds) * 1000 + 999),
            held: false,
            notifications: 0,
            ended: None,
            number: None,
            shown: Some(Shown {
                nonce: Nonce::from_entropy(&[self.nonce; 32]),
                display: DisplayText::new(&display).unwrap(),
            }),
        }
    }

    pub(crate) fn binding(&self, signing: Signing) -> Device {
        Device {
            id: AuthenticatorId::from_entropy([self.authenticator; 16]),
            account: self.challenge().account,
            key: self.public_key(),
            signing,
            confirmed: true,
            name: None,
            platform: None,
            push_token: None,
            created_at: UnixMillis(0),
            verified_at: UnixMillis(0),
            last_verified_at: None,
        }
    }

    /// Returns the statement that the device signs in this case.
    pub(crate) fn statement(&self) -> Vec<u8> {
        let challenge = self.challenge();
        let shown = challenge.shown.as_ref().unwrap();
        let number = self.typed();
        let statement = DecisionStatement {
            tenant: &challenge.account.tenant,
            challenge: &challenge.id,
            nonce: &shown.nonce,
            authenticator: &challenge.targets[0],
            key: self.public_key().thumbprint(),
            decision: DECISIONS[self.decision],
            display: shown.display.digest(),
            number: number.as_ref(),
            expires_at_seconds: u64::from(self.expires_seconds),
        };
        Statement::Decision(statement).to_bytes()
    }

    /// Makes the device's decision with a signature of `message`.
    pub(crate) fn answer(&self, message: &[u8]) -> SignedDecision {
        SignedDecision {
            challenge: ChallengeId::from_entropy(&[self.challenge; 24]),
            decision: DECISIONS[self.decision],
            number: self.typed(),
            signature: self.signer().sign(message).to_bytes().to_vec(),
        }
    }

    /// Verifies a decision as a server does that has the challenge and the binding of this case.
    pub(crate) fn judge(
        &self,
        answer: SignedDecision,
    ) -> Result<VerifiedDecision, InvalidSignature> {
        let (challenge, bindings) = (self.challenge(), [self.binding(Signing::StatementV1)]);
        let asked = Asked::among(&bindings, &challenge, Signing::ChallengeId).unwrap();
        verify(asked, answer)
    }
}

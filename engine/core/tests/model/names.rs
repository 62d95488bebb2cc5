//! The few users, keys, actions and numbers that the sequences are about, and their names in the
//! core.

use std::sync::OnceLock;

use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::policy::Limits;
use countersign_core::signature::{Algorithm, PublicKey};
use ed25519_dalek::{Signer as _, SigningKey};

pub(crate) const USERS: usize = 3;
pub(crate) const KEYS: usize = 3;
pub(crate) const CODES: usize = 3;
pub(crate) const INSTANCES: usize = 2;

/// An action: whose, its code, which instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ActionName {
    pub(crate) user: usize,
    pub(crate) code: usize,
    pub(crate) instance: usize,
}

/// Limits that few users, keys and actions reach.
pub(crate) fn limits() -> Limits {
    Limits {
        users_per_key_max: 2,
        authenticators_per_account_max: 2,
        open_challenges_per_account_max: 2,
        challenge_lifetime_ms: 1000,
        decision_grace_ms: 100,
        // How often somebody is asked has tests of its own.
        prompts_max: usize::MAX,
        denial_wait_ms: 0,
        report_hold_ms: 0,
        ..Limits::default()
    }
}

pub(crate) fn account_key(user: usize) -> AccountKey {
    let tenant = TenantId::parse("demo").unwrap();
    AccountKey { tenant, user: UserId::parse(&format!("user {user}")).unwrap() }
}

pub(crate) fn user_of(account: &AccountKey) -> usize {
    (0..USERS).find(|user| account_key(*user) == *account).unwrap()
}

pub(crate) fn action_key(action: ActionName) -> ActionKey {
    ActionKey {
        code: ActionCode::parse(&format!("code{}", action.code)).unwrap(),
        idempotency_key: IdempotencyKey::parse(&format!("key {}", action.instance)).unwrap(),
    }
}

pub(crate) fn challenge_id(number: usize) -> ChallengeId {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    ChallengeId::from_entropy(&bytes)
}

pub(crate) fn authenticator_id(number: usize) -> AuthenticatorId {
    let mut bytes = [0; 16];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    AuthenticatorId::from_entropy(bytes)
}

fn signer(key: usize) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(key).unwrap() + 1; 32])
}

/// Parsed once: the invariants compare keys after every step.
pub(crate) fn public_key(key: usize) -> PublicKey {
    static PARSED: OnceLock<Vec<PublicKey>> = OnceLock::new();
    PARSED.get_or_init(|| (0..KEYS).map(parsed).collect())[key].clone()
}

fn parsed(key: usize) -> PublicKey {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], signer(key).verifying_key().as_bytes()].concat();
    PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap()
}

/// What the phone with that key signs to decide a challenge.
pub(crate) fn signature(key: usize, challenge: usize) -> Vec<u8> {
    let message = challenge_id(challenge);
    signer(key).sign(message.as_str().as_bytes()).to_bytes().to_vec()
}

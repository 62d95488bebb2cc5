//! Numbers of the model's few users, keys, actions, challenges and devices, and the core's names
//! for them.

use std::sync::OnceLock;

use countersign_core::account::Enroll;
use countersign_core::challenge::{Challenge, Shown};
use countersign_core::device::{Device, Signing};
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::outcome::Decision;
use countersign_core::policy::Limits;
use countersign_core::possession::{check_enrollment, proven_enrollment};
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::statement::{DecisionStatement, Digest, Statement};
use ed25519_dalek::{Signer as _, SigningKey};

pub(crate) const USERS: usize = 3;
pub(crate) const KEYS: usize = 3;
pub(crate) const CODES: usize = 3;
pub(crate) const INSTANCES: usize = 2;

/// An action, named by the numbers of its user, its code and its instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ActionName {
    pub(crate) user: usize,
    pub(crate) code: usize,
    pub(crate) instance: usize,
}

/// Returns limits so low that a few users, keys and actions reach them.
pub(crate) fn limits() -> Limits {
    Limits {
        users_per_key_max: 2,
        authenticators_per_account_max: 2,
        open_challenges_per_account_max: 2,
        challenge_lifetime_ms: 1000,
        decision_grace_ms: 100,
        notifications_per_challenge_max: 1,
        // Other tests cover the limit of prompts.
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

/// Returns the public key of number `key`. All keys are parsed once, because the invariants compare
/// them after every step.
pub(crate) fn public_key(key: usize) -> PublicKey {
    static PARSED: OnceLock<Vec<PublicKey>> = OnceLock::new();
    PARSED.get_or_init(|| (0..KEYS).map(parsed).collect())[key].clone()
}

fn parsed(key: usize) -> PublicKey {
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], signer(key).verifying_key().as_bytes()].concat();
    PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap()
}

/// Returns the nonce and text of challenge `challenge`, which its statement contains.
pub(crate) fn shown(challenge: usize) -> Shown {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&challenge.to_be_bytes());
    let display = DisplayText::new(&format!("{{\"action\":\"{challenge}\"}}")).unwrap();
    Shown { nonce: Nonce::from_entropy(&bytes), display }
}

/// Makes an enrollment of a key. If `raise` is true, it asks for statements and proves possession
/// of the key.
pub(crate) fn enroll_of(key: usize, may_add: bool, raise: bool) -> Enroll {
    let official = Enroll::official(public_key(key), may_add);
    if !raise {
        return official;
    }
    static PROVEN: OnceLock<Vec<Enroll>> = OnceLock::new();
    let proven = PROVEN.get_or_init(|| (0..KEYS).map(proven).collect())[key].clone();
    Enroll { may_add, ..proven }
}

fn proven(key: usize) -> Enroll {
    let (tenant, token) = (account_key(0).tenant, Digest::of("token"));
    let thumbprint = public_key(key).thumbprint();
    let statement = Statement::Enroll { tenant: &tenant, key: thumbprint, token }.to_bytes();
    let check = check_enrollment(public_key(key), &tenant, token, signed(key, &statement));
    let possession = proven_enrollment(&tenant, token, &check.verify().unwrap()).unwrap();
    let (signing, possession) = (Signing::StatementV1, Some(possession));
    Enroll { signing, possession, ..Enroll::official(public_key(key), true) }
}

/// Returns the bytes to sign for a decision about a challenge.
pub(crate) fn message(
    challenge: &Challenge,
    device: &Device,
    signing: Signing,
    decision: Decision,
) -> Vec<u8> {
    if signing == Signing::ChallengeId {
        return challenge.id.as_str().as_bytes().to_vec();
    }
    let shown = challenge.shown.as_ref().unwrap();
    let statement = DecisionStatement {
        tenant: &challenge.account.tenant,
        challenge: &challenge.id,
        nonce: &shown.nonce,
        authenticator: &device.id,
        key: device.key.thumbprint(),
        decision,
        display: shown.display.digest(),
        number: None,
        expires_at_seconds: challenge.expires_at.seconds(),
    };
    Statement::Decision(statement).to_bytes()
}

/// Signs a message with the key of number `key`.
pub(crate) fn signed(key: usize, message: &[u8]) -> Vec<u8> {
    signer(key).sign(message).to_bytes().to_vec()
}

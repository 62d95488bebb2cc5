//! Names of tenant `demo`, and records without optional fields. A test sets the fields that it
//! needs by struct update.

use countersign_core::action::{Action, ActionContext, ActionState};
use countersign_core::challenge::Challenge;
use countersign_core::device::{Device, Signing};
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::signature::PublicKey;
use countersign_core::time::UnixMillis;

use crate::phone::Phone;

#[must_use]
pub fn tenant() -> TenantId {
    TenantId::parse("demo").unwrap()
}

#[must_use]
pub fn account(user: &str) -> AccountKey {
    AccountKey { tenant: tenant(), user: UserId::parse(user).unwrap() }
}

#[must_use]
pub fn action_key(code: &str, idempotency_key: &str) -> ActionKey {
    ActionKey {
        code: ActionCode::parse(code).unwrap(),
        idempotency_key: IdempotencyKey::parse(idempotency_key).unwrap(),
    }
}

/// Returns the Ed25519 public key of a seed.
#[must_use]
pub fn key(seed: u8) -> PublicKey {
    Phone::new(seed).public
}

/// Makes an action that was tracked at `at` and requires a challenge.
#[must_use]
pub fn action(account: &AccountKey, key: ActionKey, at: UnixMillis) -> Action {
    Action {
        account: account.clone(),
        key,
        state: ActionState::ChallengeRequired,
        context: ActionContext::default(),
        created_at: at,
        state_updated_at: at,
        decided_by: None,
        approved: None,
        revision: 0,
    }
}

/// Makes a confirmed device that signs statements and was enrolled at `at`.
#[must_use]
pub fn device(account: &AccountKey, id: AuthenticatorId, key: PublicKey, at: UnixMillis) -> Device {
    Device {
        id,
        account: account.clone(),
        key,
        signing: Signing::StatementV1,
        confirmed: true,
        name: None,
        platform: None,
        push_token: None,
        created_at: at,
        verified_at: at,
        last_verified_at: None,
    }
}

/// Makes an open challenge without target devices, issued at `at` for five minutes.
#[must_use]
pub fn challenge(account: &AccountKey, action: ActionKey, at: UnixMillis) -> Challenge {
    Challenge {
        id: ChallengeId::from_entropy(&[0; 24]),
        account: account.clone(),
        action,
        targets: Vec::new(),
        issued_at: at,
        expires_at: at.plus_ms(300_000),
        held: false,
        notifications: 0,
        ended: None,
        number: None,
        shown: None,
    }
}

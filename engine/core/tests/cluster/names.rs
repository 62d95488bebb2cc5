//! Names of a run's few users, devices and actions.

use std::sync::{Arc, OnceLock};

use countersign_core::account::{Account, Enroll, ProfilePatch, Snapshot};
use countersign_core::challenge::Challenge;
use countersign_core::decision::{Asked, SignedDecision, VerifiedDecision, verify};
use countersign_core::device::Signing;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, IdempotencyKey, TenantId, UserId,
};
use countersign_core::outcome::Decision;
use countersign_core::policy::Limits;
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::time::UnixMillis;
use ed25519_dalek::{Signer as _, SigningKey};

pub(crate) const USERS: usize = 2;

/// Returns limits that no run reaches, because other tests cover the limits.
pub(crate) fn limits() -> Limits {
    Limits {
        challenge_lifetime_ms: 600_000,
        open_challenges_per_account_max: 1_000,
        prompts_max: usize::MAX,
        ..Limits::default()
    }
}

pub(crate) fn action_key(number: u64) -> ActionKey {
    let code = ActionCode::parse("pay").expect("a code");
    let idempotency_key = IdempotencyKey::parse(&number.to_string()).expect("a key");
    ActionKey { code, idempotency_key }
}

fn signer(user: usize) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(user).expect("few users") + 1; 32])
}

/// Returns the account of a user with one authenticator. It is made once and cloned, because every
/// run begins with it.
pub(crate) fn enrolled(user: usize) -> Account {
    static MADE: OnceLock<Vec<Account>> = OnceLock::new();
    MADE.get_or_init(|| (0..USERS).map(enroll).collect())[user].clone()
}

fn enroll(user: usize) -> Account {
    let tenant = TenantId::parse("demo").expect("a tenant");
    let id = UserId::parse(&format!("user {user}")).expect("a user");
    let mut account = Account::restore(AccountKey { tenant, user: id }, Snapshot::default());
    let known = account.update_profile(&ProfilePatch::default(), UnixMillis(0));
    account.apply(&known.change);
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], signer(user).verifying_key().as_bytes()].concat();
    let key = PublicKey::from_spki(Algorithm::Ed25519, &spki).expect("a key");
    let device = AuthenticatorId::from_entropy([u8::try_from(user).expect("few users"); 16]);
    let enrolled = account.enroll(&Enroll::official(key, true), device, UnixMillis(0), &limits());
    account.apply(&enrolled.expect("a first authenticator").change);
    account
}

/// Makes an approval of a challenge by the user's device.
pub(crate) fn approved(user: usize, challenge: &Challenge) -> Arc<VerifiedDecision> {
    let account = enrolled(user);
    let signature = signer(user).sign(challenge.id.as_str().as_bytes()).to_bytes().to_vec();
    let (id, decision) = (challenge.id.clone(), Decision::Approve);
    let signed = SignedDecision { challenge: id, decision, number: None, signature };
    let asked = Asked::among(account.devices(), challenge, Signing::ChallengeId);
    let asked = asked.expect("the device is asked");
    Arc::new(verify(asked, signed).expect("its own signature"))
}

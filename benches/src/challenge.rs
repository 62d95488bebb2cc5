//! One challenge in the core at each of its steps, for benchmarks without actors and stores.

use std::sync::Arc;

use countersign_client::SoftwareKey;
use countersign_core::account::{Account, Enroll, Evidence, Issue, ProfilePatch, Snapshot, Track};
use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::{Challenge, Shown};
use countersign_core::change::{Change, Transition};
use countersign_core::decision::{self, Asked, SignedDecision, VerifiedDecision};
use countersign_core::device::Signing;
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, AuthenticatorId, ChallengeId, IdempotencyKey, TenantId,
    UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::Seed;
use countersign_core::outcome::Decision;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::time::UnixMillis;

/// The time of every step.
pub const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

/// A challenge with its account, its action and its approval.
pub struct Sample {
    /// The account with an enrolled device, before the challenge.
    pub account: Account,
    /// The action that the challenge confirms.
    pub action: Arc<Action>,
    /// The account with the pending challenge.
    pub issued: Account,
    /// The challenge itself, which is pending.
    pub challenge: Arc<Challenge>,
    /// The approval of the challenge, with its signature already checked.
    pub decision: VerifiedDecision,
    /// The changes that led here: track, enroll, issue.
    pub changes: [Change; 3],
}

/// Builds the request to issue a challenge with this id.
///
/// # Panics
/// If the core rejects the text to show.
pub fn issue(id: &ChallengeId) -> Issue {
    let display = DisplayText::new("{\"action\":\"signIn\"}").expect("a safe text");
    let shown = Shown { nonce: Nonce::from_entropy(&[4; 32]), display };
    let number_seed = Seed::default();
    Issue { id: id.clone(), target: None, supersede: true, held: false, shown, number_seed }
}

/// Builds a challenge with its account, its action and its approval.
///
/// # Panics
/// If the core rejects a step.
pub fn sample() -> Sample {
    sample_of("usr_1")
}

/// Builds a challenge of the user with this id.
///
/// # Panics
/// As [`sample`].
pub fn sample_of(user: &str) -> Sample {
    let tenant = TenantId::parse("bench").expect("valid");
    let user = UserId::parse(user).expect("valid");
    let mut account = Account::restore(AccountKey { tenant, user }, Snapshot::default());
    let key = ActionKey {
        code: ActionCode::parse("signIn").expect("valid"),
        idempotency_key: IdempotencyKey::from_entropy([1; 16]),
    };
    let track = Track { key, context: ActionContext::default(), profile: ProfilePatch::default() };
    let tracked = account.track(&track, None, Unenrolled::Allow, NOW).expect("no other content");
    let tracked = tracked.0.expect("not known before");
    account.apply(&tracked.change);
    let software = SoftwareKey::generate(Algorithm::Es256);
    let key = PublicKey::from_spki(Algorithm::Es256, software.spki()).expect("a good key");
    let enroll = Enroll::official(key, true);
    let by = AuthenticatorId::from_entropy([2; 16]);
    let enrolled = account.enroll(&enroll, by, NOW, &Limits::default()).expect("enrolled");
    account.apply(&enrolled.change);
    let id = ChallengeId::from_entropy(&[3; 24]);
    let action = tracked.answer.action;
    let made = account.issue(&issue(&id), &action, NOW, &Limits::default()).expect("issued");
    let mut issued = account.clone();
    issued.apply(&made.change);
    let signature = software.sign(id.as_str().as_bytes());
    let decision = Decision::Approve;
    let signed = SignedDecision { challenge: id, decision, number: None, signature };
    let challenge = made.answer.challenge;
    let asked = Asked::among(issued.devices(), &challenge, Signing::ChallengeId);
    let decision = decision::verify(asked.expect("it was asked"), signed);
    let decision = decision.expect("a good signature");
    let changes = [tracked.change, enrolled.change, made.change];
    Sample { account, action, issued, challenge, decision, changes }
}

/// Judges the approval, and returns the change that ends the challenge.
///
/// # Panics
/// If the account rejects the approval.
pub fn decide(sample: &Sample, limits: &Limits) -> Transition<Arc<Challenge>> {
    let judged = sample.issued.decide(&sample.decision, NOW, limits).expect("it may answer");
    judged.settle(Some(&sample.action), Evidence::default()).expect("its own action")
}

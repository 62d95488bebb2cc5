//! Tests of the commits that may lag. The core makes the transitions of an account from its
//! creation to its removal.

use std::sync::Arc;

use countersign_core::account::{Account, Enroll, Evidence, Issue, ProfilePatch, Snapshot, Track};
use countersign_core::action::{Action, ActionContext};
use countersign_core::challenge::Shown;
use countersign_core::change::Transition;
use countersign_core::decision::{Asked, SignedDecision, verify};
use countersign_core::device::Signing;
use countersign_core::display::DisplayText;
use countersign_core::id::{
    AccountKey, ActionCode, ActionKey, ChallengeId, IdempotencyKey, TenantId, UserId,
};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::Seed;
use countersign_core::outcome::Decision;
use countersign_core::policy::{Limits, Unenrolled};
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::time::UnixMillis;
use ed25519_dalek::{Signer as _, SigningKey};

use super::*;

const NOW: UnixMillis = UnixMillis(1_000);

/// An account for tests, with one device and one action.
struct Life {
    account: Account,
    action: Arc<Action>,
    device: AuthenticatorId,
}

impl Life {
    fn new() -> Self {
        let tenant = TenantId::parse("demo").unwrap();
        let key = AccountKey { tenant, user: UserId::parse("ann").unwrap() };
        let action = ActionKey {
            code: ActionCode::parse("signIn").unwrap(),
            idempotency_key: IdempotencyKey::parse("k").unwrap(),
        };
        let track = Track {
            key: action,
            context: ActionContext::default(),
            profile: ProfilePatch::default(),
        };
        let mut account = Account::restore(key, Snapshot::default());
        let (tracked, _) = account.track(&track, None, Unenrolled::Allow, NOW).unwrap();
        let tracked = tracked.unwrap().change;
        let action = tracked.writes.iter().find_map(|write| match write {
            Write::Track(action) | Write::Action(action) => Some(action.clone()),
            Write::Account(_)
            | Write::RemoveAccount
            | Write::Challenge(_)
            | Write::Device(_)
            | Write::RemoveDevice(_)
            | Write::Event(_) => None,
        });
        assert!(!may_lag(&tracked), "a new account");
        account.apply(&tracked);
        let mut life = Self {
            account,
            action: action.unwrap(),
            device: AuthenticatorId::from_entropy([1; 16]),
        };
        let key = PublicKey::from_spki(Algorithm::Ed25519, &spki()).unwrap();
        let enroll = Enroll::official(key, false);
        let enrolled = life.account.enroll(&enroll, life.device.clone(), NOW, &Limits::default());
        assert!(!life.does(&enrolled.unwrap()), "an enrollment");
        life
    }

    /// Applies a transition, and tells whether its commit may lag.
    fn does<T>(&mut self, transition: &Transition<T>) -> bool {
        self.account.apply(&transition.change);
        may_lag(&transition.change)
    }

    fn issue(&mut self, held: bool) -> ChallengeId {
        let id =
            ChallengeId::from_entropy(&[u8::try_from(self.account.version().number).unwrap(); 24]);
        let issue = Issue {
            id: id.clone(),
            target: None,
            supersede: true,
            held,
            shown: Shown {
                nonce: Nonce::from_entropy(&[1; 32]),
                display: DisplayText::new("{}").unwrap(),
            },
            number_seed: Seed::default(),
        };
        let issued = self.account.issue(&issue, &self.action, NOW, &Limits::default()).unwrap();
        assert!(!self.does(&issued), "a prompt is counted");
        id
    }

    fn end(&mut self, outcome: Outcome) -> bool {
        let id = self.issue(false);
        let ended = self.account.end(&id, outcome, NOW, Some(&*self.action)).unwrap();
        self.does(&ended)
    }

    /// Issues a challenge and lets the device decide it. Tells whether the commit may lag.
    fn decide(&mut self, decision: Decision) -> bool {
        let challenge = self.issue(false);
        let signature = key().sign(challenge.as_str().as_bytes()).to_bytes().to_vec();
        let signed = SignedDecision { challenge, decision, number: None, signature };
        let open = &self.account.open()[0];
        let asked = Asked::among(self.account.devices(), open, Signing::ChallengeId).unwrap();
        let decision = verify(asked, signed).unwrap();
        let judged = self.account.decide(&decision, NOW, &Limits::default()).unwrap();
        let settled = judged.settle(Some(&*self.action), Evidence::default()).unwrap();
        self.does(&settled)
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn spki() -> Vec<u8> {
    let mut spki = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    spki.extend(key().verifying_key().as_bytes());
    spki
}

#[test]
fn an_approval_a_release_and_an_end_without_a_device_may_lag() {
    let mut life = Life::new();
    assert!(life.decide(Decision::Approve));
    assert!(life.end(Outcome::Expired));
    assert!(life.end(Outcome::Cancelled));
    let id = life.issue(true);
    let offered = life.account.notify(&id, &Limits::default()).unwrap();
    assert!(life.does(&offered));
    let released = life.account.release(&id).unwrap();
    assert!(life.does(&released));
}

#[test]
fn a_prompt_that_is_given_back_waits_for_its_record() {
    let mut life = Life::new();
    let id = life.issue(true);
    let withdrawn = life.account.withdraw(&id, NOW).unwrap();
    assert!(!life.does(&withdrawn));
}

#[test]
fn what_begins_a_hold_waits_for_its_record() {
    for decision in [Decision::Deny, Decision::Report] {
        assert!(!Life::new().decide(decision), "{decision:?}");
    }
    assert!(!Life::new().end(Outcome::Failed));
}

#[test]
fn removals_and_an_operators_release_wait_for_their_record() {
    let mut life = Life::new();
    let released = life.account.release_hold().unwrap();
    assert!(!life.does(&released));
    life.issue(false);
    let removed = life.account.remove_device(&life.device.clone(), NOW).unwrap();
    assert!(!life.does(&removed), "a device, and the challenge that it would have answered");
    let removed = life.account.remove(NOW).unwrap();
    assert!(!life.does(&removed), "the account");
}

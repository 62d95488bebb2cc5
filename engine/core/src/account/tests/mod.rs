//! Tests of the account's rules: every refusal, and the records of every transition.

mod asking;
mod enrolling;
mod granting;
mod issuing;
mod settling;
mod ticketing;

use ed25519_dalek::SigningKey;

use super::*;
use crate::action::{Action, ActionContext, ActionState};
use crate::challenge::Shown;
use crate::device::PushToken;
use crate::display::DisplayText;
use crate::id::{ActionCode, ActionKey, IdempotencyKey, TenantId, UserId};
use crate::nonce::Nonce;
use crate::number_match::Seed;
use crate::policy::{Limits, Unenrolled};
use crate::refusal::Refusal;
use crate::signature::{Algorithm, PublicKey};

const NOW: UnixMillis = UnixMillis(1_735_689_600_000);

fn key_of(user: &str) -> AccountKey {
    let tenant = TenantId::parse("demo").unwrap();
    AccountKey { tenant, user: UserId::parse(user).unwrap() }
}

fn public_key(seed: u8) -> PublicKey {
    let key = SigningKey::from_bytes(&[seed; 32]).verifying_key();
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], key.as_bytes()].concat();
    PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap()
}

fn device_id(seed: u8) -> AuthenticatorId {
    AuthenticatorId::from_entropy([seed; 16])
}

fn challenge_id(seed: u8) -> ChallengeId {
    ChallengeId::from_entropy(&[seed; 24])
}

fn enroll_of(seed: u8, may_add: bool) -> Enroll {
    Enroll::official(public_key(seed), may_add)
}

fn issue_of(seed: u8) -> Issue {
    let nonce = Nonce::from_entropy(&[seed; 32]);
    let shown = Shown { nonce, display: DisplayText::new("{}").unwrap() };
    let number_seed = Seed([seed; 8]);
    Issue { id: challenge_id(seed), target: None, supersede: true, held: false, shown, number_seed }
}

/// An account whose transitions are carried out at once, as if a store had recorded them.
struct World {
    account: Account,
    limits: Limits,
}

impl World {
    /// A user who is not known yet.
    fn empty() -> Self {
        let account = Account::restore(key_of("user"), Snapshot::default());
        Self { account, limits: Limits::default() }
    }

    /// A user with devices 1 to `devices`.
    fn with_devices(devices: u8) -> Self {
        let mut world = Self::empty();
        world.track("signIn", "first");
        for seed in 1..=devices {
            let (enroll, limits) = (enroll_of(seed, true), world.limits.clone());
            world.carry_out(|a| a.enroll(&enroll, device_id(seed), NOW, &limits)).unwrap();
        }
        world
    }

    fn carry_out<T>(
        &mut self,
        transition: impl FnOnce(&Account) -> Result<Transition<T>, Refusal>,
    ) -> Result<T, Refusal> {
        let Transition { change, answer } = transition(&self.account)?;
        self.account.apply(&change);
        Ok(answer)
    }

    fn track(&mut self, code: &str, idempotency_key: &str) -> Arc<Action> {
        let key = ActionKey {
            code: ActionCode::parse(code).unwrap(),
            idempotency_key: IdempotencyKey::parse(idempotency_key).unwrap(),
        };
        let (context, profile) = (ActionContext::default(), ProfilePatch::default());
        let track = Track { key, context, profile };
        let tracked = self.account.track(&track, None, Unenrolled::Allow, NOW);
        let (transition, tracked) = tracked.unwrap();
        self.account.apply(&transition.unwrap().change);
        tracked.action
    }

    fn issue(
        &mut self,
        issue: &Issue,
        action: &Arc<Action>,
        now: UnixMillis,
    ) -> Result<Issued, Refusal> {
        let limits = self.limits.clone();
        self.carry_out(|a| a.issue(issue, action, now, &limits))
    }

    /// The challenge of that seed, issued for a fresh action of that code.
    fn open(&mut self, seed: u8, code: &str) -> Issued {
        let action = self.track(code, &format!("key {seed}"));
        self.issue(&issue_of(seed), &action, NOW).unwrap()
    }

    fn settle(&mut self, ended: Ended, issued: &Issued) -> Result<Arc<Challenge>, Refusal> {
        let (id, action) = (&issued.challenge.id, Some(&*issued.action));
        self.carry_out(|a| a.settle(id, ended, action, Evidence::default()))
    }
}

/// An end as a device brings it about.
fn decided(outcome: Outcome, by: u8, at: UnixMillis) -> Ended {
    Ended { outcome, at, by: Some(device_id(by)), signature: Some(vec![1]) }
}

/// The end that a change records for a challenge.
fn end_in(change: &Change, id: &ChallengeId) -> Option<Ended> {
    change.writes.iter().find_map(|write| match write {
        Write::Challenge(challenge) if challenge.id == *id => challenge.ended.clone(),
        Write::Account(_)
        | Write::RemoveAccount
        | Write::Action(_)
        | Write::Challenge(_)
        | Write::Device(_)
        | Write::RemoveDevice(_)
        | Write::Event(_) => None,
    })
}

/// The action that a change records.
fn action_in(change: &Change) -> Option<Arc<Action>> {
    change.writes.iter().find_map(|write| match write {
        Write::Action(action) => Some(action.clone()),
        Write::Account(_)
        | Write::RemoveAccount
        | Write::Challenge(_)
        | Write::Device(_)
        | Write::RemoveDevice(_)
        | Write::Event(_) => None,
    })
}

//! Tests of the account's rules: every refusal, and the records of every transition.

mod asking;
mod correcting;
mod deciding;
mod enrolling;
mod granting;
mod issuing;
mod settling;
mod ticketing;
mod timing;

use ed25519_dalek::{Signer as _, SigningKey};

use super::*;
use crate::action::{Action, ActionContext, ActionState};
use crate::challenge::Shown;
use crate::decision::{Asked, SignedDecision, VerifiedDecision, verify};
use crate::device::{PushToken, Signing};
use crate::display::DisplayText;
use crate::id::{ActionCode, ActionKey, IdempotencyKey, TenantId, UserId};
use crate::nonce::Nonce;
use crate::number_match::{Seed, TypedNumber};
use crate::outcome::Decision;
use crate::policy::{Limits, Unenrolled};
use crate::refusal::Refusal;
use crate::signature::{Algorithm, PublicKey};
use crate::statement::{DecisionStatement, Statement};

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

/// An account whose changes are applied at once, as if a store had recorded them.
struct World {
    account: Account,
    limits: Limits,
}

impl World {
    /// Makes a user who is not known yet.
    fn empty() -> Self {
        let account = Account::restore(key_of("user"), Snapshot::default());
        Self { account, limits: Limits::default() }
    }

    /// Makes a user with devices 1 to `devices`.
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

    /// Issues the challenge of seed `seed` for a new action of code `code`.
    fn open(&mut self, seed: u8, code: &str) -> Issued {
        let action = self.track(code, &format!("key {seed}"));
        self.issue(&issue_of(seed), &action, NOW).unwrap()
    }

    fn settle(&mut self, end: End, issued: &Issued) -> Result<Arc<Challenge>, Refusal> {
        let settled = self.settled(end, issued, Some(&issued.action), Evidence::default())?;
        self.account.apply(&settled.change);
        Ok(settled.answer)
    }

    /// Makes the change that ends a challenge, without applying it.
    fn settled(
        &self,
        End { outcome, at, by }: End,
        issued: &Issued,
        action: Option<&Action>,
        evidence: Evidence<'_>,
    ) -> Result<Transition<Arc<Challenge>>, Refusal> {
        let Some(by) = by else {
            return self.account.end(&issued.challenge.id, outcome, at, action);
        };
        let decision = answer(&issued.challenge, by, outcome);
        self.account.decide(&decision, at, &self.limits)?.settle(action, evidence)
    }
}

/// An end that a test asks for: by the decision of the device of seed `by`, or without a device.
#[derive(Clone, Copy)]
struct End {
    outcome: Outcome,
    at: UnixMillis,
    by: Option<u8>,
}

const fn decided(outcome: Outcome, by: u8, at: UnixMillis) -> End {
    End { outcome, at, by: Some(by) }
}

const fn undecided(outcome: Outcome, at: UnixMillis) -> End {
    End { outcome, at, by: None }
}

/// Makes a verified decision of the device of seed `by`, even if the challenge does not ask this
/// device.
fn answer(challenge: &Challenge, by: u8, outcome: Outcome) -> VerifiedDecision {
    answer_with(challenge, by, outcome, None, Signing::ChallengeId)
}

/// Makes a verified decision like [`answer`], with a typed number and a signing mode.
fn answer_with(
    challenge: &Challenge,
    by: u8,
    outcome: Outcome,
    digits: Option<&str>,
    signing: Signing,
) -> VerifiedDecision {
    let choices = [Decision::Approve, Decision::Deny, Decision::Report];
    let decision = choices.into_iter().find(|d| d.outcome() == outcome).unwrap();
    let mut asked = challenge.clone();
    asked.targets.push(device_id(by));
    let binding = binding(by, signing);
    let number = digits.map(|digits| TypedNumber::parse(digits).unwrap());
    let message = message(&asked, &binding, decision, number.as_ref());
    let signature = SigningKey::from_bytes(&[by; 32]).sign(&message).to_bytes().to_vec();
    let signed = SignedDecision { challenge: asked.id.clone(), decision, number, signature };
    let bindings = [binding];
    verify(Asked::among(&bindings, &asked, signing).unwrap(), signed).unwrap()
}

/// Makes a binding of the user, as the credential's inbox has it.
fn binding(seed: u8, signing: Signing) -> Device {
    Device {
        id: device_id(seed),
        account: key_of("user"),
        key: public_key(seed),
        signing,
        confirmed: false,
        name: None,
        platform: None,
        push_token: None,
        created_at: NOW,
        verified_at: NOW,
        last_verified_at: None,
    }
}

fn message(
    challenge: &Challenge,
    binding: &Device,
    decision: Decision,
    number: Option<&TypedNumber>,
) -> Vec<u8> {
    if binding.signing == Signing::ChallengeId {
        return challenge.id.as_str().as_bytes().to_vec();
    }
    let shown = challenge.shown.as_ref().unwrap();
    let statement = DecisionStatement {
        tenant: &challenge.account.tenant,
        challenge: &challenge.id,
        nonce: &shown.nonce,
        authenticator: &binding.id,
        key: binding.key.thumbprint(),
        decision,
        display: shown.display.digest(),
        number,
        expires_at_seconds: challenge.expires_at.seconds(),
    };
    Statement::Decision(statement).to_bytes()
}

/// Returns the end that a change records for the challenge `id`.
fn end_in(change: &Change, id: &ChallengeId) -> Option<Ended> {
    change.writes.iter().find_map(|write| match write {
        Write::Challenge(challenge) if challenge.id == *id => challenge.ended.clone(),
        Write::Account(_)
        | Write::RemoveAccount
        | Write::Track(_)
        | Write::Action(_)
        | Write::Challenge(_)
        | Write::Device(_)
        | Write::RemoveDevice(_)
        | Write::Event(_) => None,
    })
}

/// Returns the action that a change records.
fn action_in(change: &Change) -> Option<Arc<Action>> {
    change.writes.iter().find_map(|write| match write {
        Write::Track(action) | Write::Action(action) => Some(action.clone()),
        Write::Account(_)
        | Write::RemoveAccount
        | Write::Challenge(_)
        | Write::Device(_)
        | Write::RemoveDevice(_)
        | Write::Event(_) => None,
    })
}

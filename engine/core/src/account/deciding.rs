//! The judgement of decisions, and the ends of challenges.

use std::sync::Arc;

use super::{Account, AccountRecord};
use crate::action::{Action, ActionState};
use crate::challenge::{Challenge, Ended};
use crate::change::{Transition, Write};
use crate::decision::VerifiedDecision;
use crate::device::{Device, Signing};
use crate::id::ChallengeId;
use crate::number_match::{AskedNumber, Matched};
use crate::outcome::Outcome;
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// What is known of a decision besides who signed it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// Shows that the right number was typed.
    pub number: Option<&'a Matched>,
    /// Whether the key's holder has signed a read of what the challenge displays.
    pub read: bool,
}

/// A decision that the account accepts as it is now; the borrow keeps it from changing meanwhile.
/// Only [`Account::decide`] makes one.
#[derive(Debug)]
#[must_use]
pub struct Judged<'a> {
    account: &'a Account,
    open: &'a Challenge,
    device: &'a Device,
    decision: &'a VerifiedDecision,
    arrived_at: UnixMillis,
}

impl Account {
    /// Judges a decision about an open challenge: the only judge there is. `arrived_at` is when the
    /// request came in, because that says whether it was in time.
    ///
    /// # Errors
    /// [`Refusal`] if the challenge is not open, or the device may not answer it (any more, yet, or
    /// with what it has signed).
    pub fn decide<'a>(
        &'a self,
        decision: &'a VerifiedDecision,
        arrived_at: UnixMillis,
        limits: &Limits,
    ) -> Result<Judged<'a>, Refusal> {
        let open = self.open_challenge(decision.challenge()).ok_or(Refusal::ChallengeEnded)?;
        let by = decision.by();
        let device = self.device(by).filter(|_| open.targets.contains(by));
        let device = device.ok_or(Refusal::ChallengeUnknown)?;
        if decision.signing() < limits.signing_min {
            return Err(Refusal::StatementRequired);
        }
        if open.held {
            return Err(Refusal::ChallengeHeld);
        }
        if arrived_at >= open.expires_at {
            return Err(Refusal::ChallengeEnded);
        }
        Ok(Judged { account: self, open, device, decision, arrived_at })
    }

    /// Ends an open challenge otherwise than by a decision. Its action follows, where it is given.
    ///
    /// # Errors
    /// [`Refusal`] if the challenge has ended, only a device brings such an end about, or `action`
    /// is not the challenge's own.
    pub fn end(
        &self,
        id: &ChallengeId,
        outcome: Outcome,
        at: UnixMillis,
        action: Option<&Action>,
    ) -> Result<Transition<Arc<Challenge>>, Refusal> {
        let open = self.open_challenge(id).ok_or(Refusal::ChallengeEnded)?;
        if outcome.needs_device() {
            return Err(Refusal::ChallengeUnknown);
        }
        if action.is_some_and(|action| !self.is_of(action, open)) {
            return Err(Refusal::ActionUnknown);
        }
        let ended = Ended::without_device(outcome, at);
        let followed = action.and_then(|action| follow(action, &ended));
        Ok(self.ended(open, ended, Vec::with_capacity(3), followed))
    }

    /// Ends a challenge that is over at `now`. Until its [deadline](Challenge::deadline) a decision
    /// that arrived in time may be on its way. None where there is nothing to end.
    #[must_use]
    pub fn expire(
        &self,
        id: &ChallengeId,
        now: UnixMillis,
        limits: &Limits,
    ) -> Option<Transition<Arc<Challenge>>> {
        let open = self.open_challenge(id).filter(|open| now >= open.deadline(limits))?;
        let expired = Ended::without_device(Outcome::Expired, now);
        Some(self.ended(open, expired, Vec::with_capacity(1), None))
    }

    /// Tells whether an approval still holds: nobody has overridden the action's state since, and
    /// the approving authenticator is still enrolled.
    #[must_use]
    pub fn approval_stands(&self, action: &Action, ended: &Ended) -> bool {
        let by = ended.by.as_ref().and_then(|by| self.device(by));
        ended.outcome == Outcome::Approved
            && action.state == ActionState::ChallengeSucceeded
            && by.is_some_and(|device| action.decided_by.as_ref() == Some(&device.id))
    }

    fn is_of(&self, action: &Action, challenge: &Challenge) -> bool {
        action.account == self.key && action.key == challenge.action
    }

    /// Adds the records that change with every end: the action, the counters and the challenge.
    fn ended(
        &self,
        open: &Challenge,
        ended: Ended,
        mut writes: Vec<Write>,
        action: Option<Action>,
    ) -> Transition<Arc<Challenge>> {
        writes.extend(action.map(|action| Write::Action(action.into())));
        if let Some(record) = &self.record {
            let counters = record.counters.after(ended.outcome, ended.at);
            if counters != record.counters {
                writes.push(Write::Account(AccountRecord { counters, ..record.clone() }));
            }
        }
        let challenge = Arc::new(Challenge { ended: Some(ended), ..open.clone() });
        writes.push(Write::Challenge(challenge.clone()));
        self.transition(writes, challenge)
    }
}

impl Judged<'_> {
    /// Counts the number that an approval came with. It is to be recorded before the number is
    /// compared, so that nothing that happens later takes the attempt back.
    ///
    /// None where nothing has to be typed: to deny, and where the challenge asks for no number.
    ///
    /// # Errors
    /// [`Refusal`] if no number was typed, or none may be compared for the account (for a while) or
    /// for the challenge (any more). None of these is an attempt.
    pub fn count_number(
        &self,
        limits: &Limits,
    ) -> Result<Option<Transition<AskedNumber>>, Refusal> {
        let Some(AskedNumber { number, tries }) = self.asks_for_number() else { return Ok(None) };
        if self.decision.number().is_none() {
            return Err(Refusal::NumberMissing);
        }
        let record = self.account.record.as_ref().ok_or(Refusal::ActionUnknown)?;
        let retry_after_ms = record.counters.number_wait_ms(self.arrived_at, limits);
        if retry_after_ms > 0 {
            let hold = record.counters.number_hold(limits);
            return Err(Refusal::TooManyNumbers { hold, retry_after_ms });
        }
        if *tries >= limits.numbers_per_challenge_max {
            return Err(Refusal::NumberWrong { last: true });
        }
        let asked = AskedNumber { number: number.clone(), tries: tries + 1 };
        let challenge = Challenge { number: Some(asked.clone()), ..self.open.clone() };
        let counters = record.counters.numbered(self.arrived_at);
        let record = AccountRecord { counters, ..record.clone() };
        let writes = vec![Write::Account(record), Write::Challenge(challenge.into())];
        Ok(Some(self.account.transition(writes, asked)))
    }

    /// Ends the challenge as decided, and makes what follows for its device, its action and the
    /// account's counters.
    ///
    /// # Errors
    /// [`Refusal`] if `action` is not the challenge's own. An approval needs its action, and a
    /// matched number where the challenge asks for one.
    pub fn settle(
        self,
        action: Option<&Action>,
        evidence: Evidence<'_>,
    ) -> Result<Transition<Arc<Challenge>>, Refusal> {
        if self.asks_for_number().is_some() && evidence.number.is_none() {
            return Err(Refusal::NumberMissing);
        }
        let Self { account, open, device, decision, arrived_at: at } = self;
        let outcome = decision.decision().outcome();
        let is_approved = outcome == Outcome::Approved;
        if !action.map_or(!is_approved, |action| account.is_of(action, open)) {
            return Err(Refusal::ActionUnknown);
        }
        let by = Some(device.id.clone());
        let ended = Ended { outcome, at, by, signature: Some(decision.signature().to_vec()) };
        let mut writes = Vec::with_capacity(4);
        let last_verified_at = device.last_verified_at.max(Some(at));
        // A person who denies says nothing about whose the key is.
        let confirmed = device.confirmed || is_approved;
        let device = Device { last_verified_at, confirmed, ..device.clone() };
        writes.push(Write::Device(device.into()));
        let is_proven = evidence.read || decision.signing() >= Signing::StatementV1;
        let shown = open.shown.as_ref().filter(|_| is_approved && is_proven);
        let approved = shown.map(|shown| shown.display.clone());
        let followed = action.and_then(|action| follow(action, &ended));
        let followed = followed.map(|action| Action { approved, ..action });
        Ok(account.ended(open, ended, writes, followed))
    }

    /// The number that has to be typed for this decision.
    fn asks_for_number(&self) -> Option<&AskedNumber> {
        let is_approved = self.decision.decision().outcome() == Outcome::Approved;
        self.open.number.as_ref().filter(|_| is_approved)
    }
}

/// The action after an end, where that changes it.
fn follow(action: &Action, ended: &Ended) -> Option<Action> {
    let state = state_after(ended.outcome)?;
    let decided_by = ended.by.clone();
    Some(Action { decided_by, ..action.in_state(state, ended.at) })
}

/// The state that an outcome puts its action in; after the others it may be challenged again as it
/// is.
const fn state_after(outcome: Outcome) -> Option<ActionState> {
    match outcome {
        Outcome::Approved => Some(ActionState::ChallengeSucceeded),
        Outcome::Denied | Outcome::Failed | Outcome::Reported => Some(ActionState::ChallengeFailed),
        Outcome::Cancelled | Outcome::Expired | Outcome::Revoked | Outcome::Superseded => None,
    }
}

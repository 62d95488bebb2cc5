//! Acceptance and refusal of decisions, and the ends of challenges.

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

/// Facts about a decision that its signature does not show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// Proof that the right number was typed, if a number was compared.
    pub number: Option<&'a Matched>,
    /// True if the key has signed a read of the text that the challenge displays.
    pub read: bool,
}

/// A decision that the account in its present state accepts. It borrows the account, so that the
/// account cannot change before [`Self::settle`] has made the change. Only [`Account::decide`]
/// makes one.
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
    /// Accepts or refuses a decision about an open challenge. All decisions pass through this
    /// function. `arrived_at` is the arrival time of the request, which is compared with the
    /// challenge's expiry.
    ///
    /// # Errors
    /// [`Refusal`] if the challenge is not open, is held or has expired, if it does not ask the
    /// device, or if the device signed in a mode below the tenant's minimum or
    /// its own present mode.
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
        // The key may have been raised, here or on another node, since the signature was checked.
        if decision.signing() < limits.signing_min.max(device.signing) {
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

    /// Ends an open challenge without a decision of a device. If `action` is given and the outcome
    /// changes its state, the change includes the action.
    ///
    /// # Errors
    /// [`Refusal`] if the challenge is not open, if `outcome` needs a device's decision, or if
    /// `action` is not the challenge's own.
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

    /// Ends a challenge as expired if its [deadline](Challenge::deadline) is over at `now`. Before
    /// the deadline, a decision that arrived in time may be in progress. `None` if the challenge is
    /// not open, or before its deadline.
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

    /// Returns true if an approval is still valid: the action is in the approved state by the same
    /// authenticator's decision, and this authenticator is still enrolled.
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

    /// Makes the change of an end. It adds to `writes` the action if given, the account's record if
    /// its counters change, and the ended challenge.
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
    /// Counts the typed number of an approval as an attempt. The caller records the change before
    /// it compares the number, so that no later failure can undo the count.
    ///
    /// `None` if no number has to be typed: the decision is not an approval, or the challenge asks
    /// for no number.
    ///
    /// # Errors
    /// [`Refusal`] if no number was typed, if numbers of the account are on hold, or if the
    /// challenge had its maximum of attempts. A refused number is not counted as an attempt.
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

    /// Ends the challenge with the decision, and makes the changes of the device, the action and
    /// the account's counters.
    ///
    /// # Errors
    /// [`Refusal`] if `action` is not the challenge's own, if an approval comes without its action,
    /// or if the challenge asks for a number and an approval comes without proof of the right one.
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
        // Only an approval confirms that the key belongs to the account's owner; a denial does not.
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

    /// Returns the number that has to be typed for this decision: that of the challenge if the
    /// decision approves, else `None`.
    fn asks_for_number(&self) -> Option<&AskedNumber> {
        let is_approved = self.decision.decision().outcome() == Outcome::Approved;
        self.open.number.as_ref().filter(|_| is_approved)
    }
}

/// Returns the action after an end, or `None` if the outcome leaves the action's state.
fn follow(action: &Action, ended: &Ended) -> Option<Action> {
    let state = state_after(ended.outcome)?;
    let decided_by = ended.by.clone();
    Some(Action { decided_by, ..action.in_state(state, ended.at) })
}

/// Returns the action's state after an outcome. `None` for outcomes that leave the state, so that
/// the action may be challenged again.
const fn state_after(outcome: Outcome) -> Option<ActionState> {
    match outcome {
        Outcome::Approved => Some(ActionState::ChallengeSucceeded),
        Outcome::Denied | Outcome::Failed | Outcome::Reported => Some(ActionState::ChallengeFailed),
        Outcome::Cancelled | Outcome::Expired | Outcome::Revoked | Outcome::Superseded => None,
    }
}

//! Decisions of devices, with the numbers that approvals come with, counted first and compared
//! then; and the other ends of challenges.

use std::sync::Arc;

use countersign_core::account::Evidence;
use countersign_core::action::Action;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::change::{Transition, Write};
use countersign_core::decision::VerifiedDecision;
use countersign_core::event::Event;
use countersign_core::id::ChallengeId;
use countersign_core::number_match::Matched;
use countersign_core::outcome::Outcome;
use countersign_core::refusal::Refusal;
use countersign_core::time::UnixMillis;
use metrics::counter;

use super::AccountWriter;
use super::notices::Notice;
use crate::error::Error;
use crate::telemetry;

impl AccountWriter {
    /// Has the end of a challenge recorded that a device has brought about. A number that an
    /// approval needs is counted, and that is recorded, before it is compared. `read` says whether
    /// the device has signed a read of what it was shown.
    pub(crate) async fn decide(
        &mut self,
        decision: &VerifiedDecision,
        arrived_at: UnixMillis,
        read: bool,
    ) -> Result<Ended, Error> {
        let id = decision.challenge();
        if self.account.open_challenge(id).is_none() {
            let recorded = self.recorded_challenge(id).await?;
            return Ok(recorded.repeated(decision).ok_or(Refusal::ChallengeUnknown)??);
        }
        let number = self.check_number(decision, arrived_at).await?;
        let action = self.action_of(id).await?;
        let judged = self.account.decide(decision, arrived_at, &self.tenant.limits)?;
        let evidence = Evidence { number: number.as_ref(), read };
        let transition = judged.settle(action.as_deref(), evidence)?;
        self.record_end(transition).await
    }

    /// Judges a decision, and checks the number that it needs. None where it needs none. The last
    /// wrong one ends the challenge.
    async fn check_number(
        &mut self,
        decision: &VerifiedDecision,
        arrived_at: UnixMillis,
    ) -> Result<Option<Matched>, Error> {
        let limits = &self.tenant.limits;
        let max = limits.numbers_per_challenge_max;
        let judged = self.account.decide(decision, arrived_at, limits)?;
        let (tries, matched) = match judged.count_number(limits) {
            Ok(None) => return Ok(None),
            Ok(Some(transition)) => {
                let asked = self.record(transition).await?;
                let matched = decision.number().and_then(|typed| asked.number.compare(typed));
                let right = if matched.is_some() { "true" } else { "false" };
                counter!(telemetry::NUMBERS_CHECKED, "right" => right).increment(1);
                (asked.tries, matched)
            }
            // All of its tries are recorded, and for want of an answer of the store its end is not.
            Err(Refusal::NumberWrong { .. }) => (max, None),
            Err(refusal) => return Err(refused(refusal)),
        };
        if matched.is_some() {
            return Ok(matched);
        }
        self.note_lock();
        let last = tries >= max;
        if last {
            self.end(decision.challenge(), Outcome::Failed, arrived_at).await?;
        }
        Err(Refusal::NumberWrong { last }.into())
    }

    /// Has another end of a challenge recorded than a decision, unless it has one. The answer is
    /// the one that is recorded.
    pub(crate) async fn end(
        &mut self,
        id: &ChallengeId,
        outcome: Outcome,
        at: UnixMillis,
    ) -> Result<Ended, Error> {
        if self.account.open_challenge(id).is_none() {
            return self.recorded_end(id).await;
        }
        let action = self.action_of(id).await?;
        let transition = self.account.end(id, outcome, at, action.as_deref())?;
        self.record_end(transition).await
    }

    /// Has a challenge expire that is over. One that has ended is told to its actor anew, which did
    /// not know.
    pub(crate) async fn expire(&mut self, id: &ChallengeId) -> Result<(), Error> {
        if self.account.open_challenge(id).is_none() {
            return self.recorded_challenge(id).await.map(drop);
        }
        match self.account.expire(id, self.now(), &self.tenant.limits) {
            Some(transition) => self.record_end(transition).await.map(drop),
            None => Ok(()),
        }
    }

    /// Has an end recorded, with the event that tells of it.
    async fn record_end(
        &mut self,
        mut transition: Transition<Arc<Challenge>>,
    ) -> Result<Ended, Error> {
        if self.tenant.delivery.is_some() {
            let event = Event::of_end(&transition.answer);
            transition.change.writes.extend(event.map(Write::Event));
        }
        end_of(&*self.record(transition).await?)
    }

    pub(super) async fn recorded_end(&mut self, id: &ChallengeId) -> Result<Ended, Error> {
        end_of(&*self.recorded_challenge(id).await?)
    }

    /// Reads a challenge that is not open here, and has its actor notified, which may have missed
    /// the end: a commit whose answer was lost can arrive after the actor has looked.
    async fn recorded_challenge(&mut self, id: &ChallengeId) -> Result<Arc<Challenge>, Error> {
        let account = self.account.key();
        let recorded = self.ports.store.challenge(&account.tenant, id).await?;
        let recorded = recorded.filter(|c| c.account == *account);
        let recorded: Arc<_> = recorded.ok_or(Refusal::ChallengeUnknown)?.into();
        self.notices.push(Notice::Challenge(recorded.clone()));
        Ok(recorded)
    }

    /// The action of an open challenge, unless it is forgotten. A challenge is offered with its
    /// action, so that this comes before a commit that offers it: others may have taken the
    /// action's place in memory since.
    pub(super) async fn action_of(
        &mut self,
        id: &ChallengeId,
    ) -> Result<Option<Arc<Action>>, Error> {
        let key = self.account.open_challenge(id).map(|open| open.action.clone());
        self.recall(&key.ok_or(Refusal::ChallengeEnded)?).await
    }

    /// Says that the account is locked, in the moment in which it comes to be.
    fn note_lock(&self) {
        let numbers = self.account.record().map_or(0, |record| record.counters.numbers);
        if numbers == self.tenant.limits.numbers_lock {
            counter!(telemetry::NUMBERS_LOCKED).increment(1);
            tracing::warn!(tenant = %self.account.key().tenant, "a user is locked: wrong numbers");
        }
    }
}

/// The end of a challenge that has one.
pub(super) fn end_of(challenge: &Challenge) -> Result<Ended, Error> {
    Ok(challenge.ended.clone().ok_or(Refusal::ChallengeUnknown)?)
}

/// A refusal, counted if somebody is asked, or guesses, too often.
pub(super) fn refused(refusal: Refusal) -> Error {
    if matches!(refusal, Refusal::TooManyPrompts { .. }) {
        counter!(telemetry::FATIGUE_REFUSALS, "of" => "prompts").increment(1);
    }
    if matches!(refusal, Refusal::TooManyNumbers { .. }) {
        counter!(telemetry::FATIGUE_REFUSALS, "of" => "numbers").increment(1);
    }
    refusal.into()
}

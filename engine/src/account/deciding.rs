//! Ends of challenges: decisions of devices, with the check of an approval's number, and all other
//! ends.

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
    /// Records the end of a challenge by a device's decision, and returns that end. If an approval
    /// needs a number, the try is counted and recorded before the number is compared, so that a
    /// crash in between gives no free try. `read` is true if the device got the challenge by a read
    /// with proof of possession. If the challenge has ended already, the decision is compared with
    /// the recorded end.
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

    /// Checks the number of a decision. Returns `None` if the decision needs no number. A wrong
    /// number is an error, and the last allowed try ends the challenge as failed.
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
            // All tries of the challenge are recorded, but its end is not, because the store did
            // not answer.
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

    /// Ends a challenge for another reason than a decision, such as a cancellation. A challenge
    /// that has ended already keeps its end. Returns the recorded end.
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

    /// Expires a challenge whose time is over. If the challenge has ended already, its actor is
    /// notified again, because the actor does not know the end.
    pub(crate) async fn expire(&mut self, id: &ChallengeId) -> Result<(), Error> {
        if self.account.open_challenge(id).is_none() {
            return self.recorded_challenge(id).await.map(drop);
        }
        match self.account.expire(id, self.now(), &self.tenant.limits) {
            Some(transition) => self.record_end(transition).await.map(drop),
            None => Ok(()),
        }
    }

    /// Records an end. The same commit has the event about the end, if the tenant has a webhook and
    /// there is an event for this end.
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

    /// Reads a challenge that is not open in memory from the store, and queues a notice for its
    /// actor. The actor may have missed the end, because a commit whose answer was lost can be
    /// recorded after the actor has read the store.
    async fn recorded_challenge(&mut self, id: &ChallengeId) -> Result<Arc<Challenge>, Error> {
        let recorded = self.ports.store.challenge(self.account.key(), id).await?;
        let recorded: Arc<_> = recorded.ok_or(Refusal::ChallengeUnknown)?.into();
        self.notices.push(Notice::Challenge(recorded.clone()));
        Ok(recorded)
    }

    /// Returns the action of an open challenge, or `None` if the action has been pruned. It has to
    /// be called before a commit that offers the challenge. The offer takes the action from memory,
    /// where newer actions may have replaced it since it was last loaded.
    pub(super) async fn action_of(
        &mut self,
        id: &ChallengeId,
    ) -> Result<Option<Arc<Action>>, Error> {
        let key = self.account.open_challenge(id).map(|open| open.action.clone());
        self.recall(&key.ok_or(Refusal::ChallengeEnded)?).await
    }

    /// Counts and logs a lock of the account, once: when its counter of wrong numbers reaches the
    /// limit.
    fn note_lock(&self) {
        let numbers = self.account.record().map_or(0, |record| record.counters.numbers);
        if numbers == self.tenant.limits.numbers_lock {
            counter!(telemetry::NUMBERS_LOCKED).increment(1);
            tracing::warn!(tenant = %self.account.key().tenant, "a user is locked: wrong numbers");
        }
    }
}

/// Returns the end of a challenge, or [`Refusal::ChallengeUnknown`] if it has none.
pub(super) fn end_of(challenge: &Challenge) -> Result<Ended, Error> {
    Ok(challenge.ended.clone().ok_or(Refusal::ChallengeUnknown)?)
}

/// Converts a refusal into an error. A refusal because of too many prompts or too many wrong
/// numbers is counted in the metrics.
pub(super) fn refused(refusal: Refusal) -> Error {
    if matches!(refusal, Refusal::TooManyPrompts { .. }) {
        counter!(telemetry::FATIGUE_REFUSALS, "of" => "prompts").increment(1);
    }
    if matches!(refusal, Refusal::TooManyNumbers { .. }) {
        counter!(telemetry::FATIGUE_REFUSALS, "of" => "numbers").increment(1);
    }
    refusal.into()
}

//! Ends of challenges: decisions of devices, with the check of an approval's number, and all other
//! ends.

use std::sync::Arc;

use countersign_core::account::{Account, Evidence};
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
use super::transact::Reads;
use crate::error::Error;
use crate::telemetry;

/// Result of the check of a typed number.
enum Number {
    /// The challenge is not open.
    Closed,
    /// The decision needs no number.
    NotAsked,
    Right(Matched),
}

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
        let number = match self.check_number(decision, arrived_at).await? {
            Number::Closed => return self.repeated(decision).await,
            Number::NotAsked => None,
            Number::Right(matched) => Some(matched),
        };
        let (tenant, evidence) = (self.tenant.clone(), Evidence { number: number.as_ref(), read });
        let rule = |account: &Account, action: Option<&Arc<Action>>, _| {
            if account.open_challenge(id).is_none() {
                return Ok(None);
            }
            let judged = account.decide(decision, arrived_at, &tenant.limits)?;
            Ok(Some(judged.settle(action.map(Arc::as_ref), evidence)?))
        };
        match self.record_end(Reads::ActionOf(id), rule).await? {
            Some(ended) => Ok(ended),
            None => self.repeated(decision).await,
        }
    }

    /// Compares a decision with the recorded end of its challenge.
    async fn repeated(&mut self, decision: &VerifiedDecision) -> Result<Ended, Error> {
        let recorded = self.recorded_challenge(decision.challenge()).await?;
        Ok(recorded.repeated(decision).ok_or(Refusal::ChallengeUnknown)??)
    }

    /// Checks the number of a decision. A wrong number is an error, and the last allowed try ends
    /// the challenge as failed.
    async fn check_number(
        &mut self,
        decision: &VerifiedDecision,
        arrived_at: UnixMillis,
    ) -> Result<Number, Error> {
        let tenant = self.tenant.clone();
        let max = tenant.limits.numbers_per_challenge_max;
        let counted = self.transact(Reads::Account, |account, _, _| {
            if account.open_challenge(decision.challenge()).is_none() {
                return Ok(None);
            }
            let judged = account.decide(decision, arrived_at, &tenant.limits)?;
            judged.count_number(&tenant.limits).map_err(refused)
        });
        let (tries, matched) = match counted.await {
            Ok(None) => {
                let is_open = self.account.open_challenge(decision.challenge()).is_some();
                return Ok(if is_open { Number::NotAsked } else { Number::Closed });
            }
            Ok(Some(asked)) => {
                let matched = decision.number().and_then(|typed| asked.number.compare(typed));
                let right = if matched.is_some() { "true" } else { "false" };
                counter!(telemetry::NUMBERS_CHECKED, "right" => right).increment(1);
                (asked.tries, matched)
            }
            // All tries of the challenge are recorded, but its end is not, because the store did
            // not answer.
            Err(Error::Refused(Refusal::NumberWrong { .. })) => (max, None),
            Err(error) => return Err(error),
        };
        if let Some(matched) = matched {
            return Ok(Number::Right(matched));
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
        let rule = |account: &Account, action: Option<&Arc<Action>>, _| {
            let is_open = account.open_challenge(id).is_some();
            let end = || Ok(account.end(id, outcome, at, action.map(Arc::as_ref))?);
            is_open.then(end).transpose()
        };
        match self.record_end(Reads::ActionOf(id), rule).await? {
            Some(ended) => Ok(ended),
            None => self.recorded_end(id).await,
        }
    }

    /// Expires a challenge whose time is over by the clock. A time in the account that is ahead of
    /// it counts for nothing here, because it would take time from a decision that arrives by the
    /// clock. If the challenge has ended already, its actor is notified again, because the actor
    /// does not know the end.
    pub(crate) async fn expire(&mut self, id: &ChallengeId) -> Result<(), Error> {
        let (tenant, clock) = (self.tenant.clone(), self.ports.clock.clone());
        let rule = |account: &Account, _: Option<&_>, _| {
            Ok(account.expire(id, clock.now(), &tenant.limits))
        };
        self.record_end(Reads::Account, rule).await?;
        if self.account.open_challenge(id).is_none() {
            self.recorded_challenge(id).await?;
        }
        Ok(())
    }

    /// Records an end. The same commit has the event about the end, if the tenant has a webhook and
    /// there is an event for this end.
    async fn record_end(
        &mut self,
        reads: Reads<'_>,
        rule: impl Fn(
            &Account,
            Option<&Arc<Action>>,
            UnixMillis,
        ) -> Result<Option<Transition<Arc<Challenge>>>, Error>,
    ) -> Result<Option<Ended>, Error> {
        let tells = self.tenant.delivery.is_some();
        let ended = self.transact(reads, |account, action, now| {
            let Some(mut transition) = rule(account, action, now)? else { return Ok(None) };
            if tells {
                let event = Event::of_end(&transition.answer);
                transition.change.writes.extend(event.map(Write::Event));
            }
            Ok(Some(transition))
        });
        ended.await?.map(|challenge| end_of(&challenge)).transpose()
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

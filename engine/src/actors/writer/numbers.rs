//! Decisions of devices, and the numbers that approvals come with: counted first, compared then.

use countersign_core::account::Evidence;
use countersign_core::challenge::{Ended, Outcome};
use countersign_core::id::ChallengeId;
use countersign_core::number_match::{Matched, TypedNumber};
use countersign_core::refusal::Refusal;
use metrics::counter;

use super::AccountWriter;
use crate::error::Error;
use crate::telemetry;

impl AccountWriter {
    /// Records an end of a challenge that a device has brought about. A number that an approval
    /// needs is counted, and that is recorded, before it is compared. `display` is true if the
    /// device has signed the shown text, or a read of it.
    pub(crate) async fn decide(
        &mut self,
        id: &ChallengeId,
        ended: Ended,
        typed: Option<&TypedNumber>,
        display: bool,
    ) -> Result<Ended, Error> {
        if ended.outcome != Outcome::Approved || self.account.open_challenge(id).is_none() {
            return self.end(id, ended, Evidence::default()).await;
        }
        let matched = self.check_number(id, &ended, typed).await?;
        self.end(id, ended, Evidence { number: matched.as_ref(), display }).await
    }

    /// Checks the number of an approval. None where the challenge asks for none. The last wrong one
    /// ends the challenge.
    async fn check_number(
        &mut self,
        id: &ChallengeId,
        approval: &Ended,
        typed: Option<&TypedNumber>,
    ) -> Result<Option<Matched>, Error> {
        let limits = &self.tenant.limits;
        let max = limits.numbers_per_challenge_max;
        let counted = self.account.count_number(id, approval, typed.is_some(), limits);
        let (tries, matched) = match counted {
            Ok(None) => return Ok(None),
            Ok(Some(transition)) => {
                let asked = self.record(transition).await?;
                let matched = typed.and_then(|typed| asked.number.compare(typed));
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
            let failed = Ended::without_device(Outcome::Failed, approval.at);
            self.end(id, failed, Evidence::default()).await?;
        }
        Err(Refusal::NumberWrong { last }.into())
    }
}

impl AccountWriter {
    /// Says that the account is locked, in the moment in which it comes to be.
    fn note_lock(&self) {
        let numbers = self.account.record().map_or(0, |record| record.counters.numbers);
        if numbers == self.tenant.limits.numbers_lock {
            counter!(telemetry::NUMBERS_LOCKED).increment(1);
            tracing::warn!(tenant = %self.account.key().tenant, "a user is locked: wrong numbers");
        }
    }
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

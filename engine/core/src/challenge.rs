//! The state machine of one challenge: `Pending → Committing → Closed`.
//!
//! It proposes outcomes and does not decide between them: an outcome exists when the store has
//! recorded it.

use std::fmt;
use std::sync::Arc;

use crate::decision::{Decision, VerifiedDecision};
use crate::display::DisplayText;
use crate::id::{AccountKey, ActionKey, AuthenticatorId, ChallengeId};
use crate::nonce::Nonce;
use crate::number_match::AskedNumber;
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// The outcome of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The person approved.
    Approved,
    /// The relying party took it back.
    Cancelled,
    /// The person denied.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// It was answered wrongly too often.
    Failed,
    /// The person said that it was not them.
    Reported,
    /// No device is left that could answer.
    Revoked,
    /// A newer challenge of the same action took its place.
    Superseded,
}

impl Outcome {
    /// Tells whether the outcome takes a device.
    #[must_use]
    pub const fn needs_device(self) -> bool {
        match self {
            Self::Approved | Self::Denied | Self::Reported => true,
            Self::Cancelled | Self::Expired | Self::Failed | Self::Revoked | Self::Superseded => {
                false
            }
        }
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Cancelled => "cancelled",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Failed => "failed",
            Self::Reported => "reported",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
        }
    }
}

/// The recorded end of a challenge.
#[derive(Clone, PartialEq, Eq)]
pub struct Ended {
    /// The outcome.
    pub outcome: Outcome,
    /// Time of the end.
    pub at: UnixMillis,
    /// The authenticator that decided it, where one did.
    pub by: Option<AuthenticatorId>,
    /// The signature over the decision.
    pub signature: Option<Vec<u8>>,
}

impl Ended {
    /// An end that no device brought about.
    #[must_use]
    pub const fn without_device(outcome: Outcome, at: UnixMillis) -> Self {
        Self { outcome, at, by: None, signature: None }
    }
}

impl fmt::Debug for Ended {
    /// Leaves the signature out, so that none can get into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, at, by, signature: _ } = self;
        let mut shown = f.debug_struct("Ended");
        shown.field("outcome", outcome).field("at", at).field("by", by).finish_non_exhaustive()
    }
}

/// The content that a statement binds a decision to, besides the names and the challenge's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The challenge's own nonce.
    pub nonce: Nonce,
    /// The text that the device shows and hashes.
    pub display: DisplayText,
}

/// One out-of-band request for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Its name, which the official SDKs sign.
    pub id: ChallengeId,
    /// The account that is asked.
    pub account: AccountKey,
    /// The action to decide.
    pub action: ActionKey,
    /// The authenticators that may answer.
    pub targets: Vec<AuthenticatorId>,
    /// Time of issue.
    pub issued_at: UnixMillis,
    /// From when on no answer is accepted.
    pub expires_at: UnixMillis,
    /// True if the relying party has yet to accept the notification; until then nobody may answer.
    /// Until the [first notification](Self::is_offered) is begun, nobody is shown it either.
    pub held: bool,
    /// Notifications about it. Each is counted before it is sent, once there is a connection for
    /// it.
    pub notifications: u32,
    /// Its end, once there is one.
    pub ended: Option<Ended>,
    /// The number that has to be typed to approve, where one has to be.
    pub number: Option<AskedNumber>,
    /// The content of a statement about the challenge. It never changes. `None` in challenges
    /// recorded before there were statements.
    pub shown: Option<Shown>,
}

impl Challenge {
    /// Tells whether its devices are offered it, or the relying party may have heard of it. A held
    /// one is not, as long as no notification about it was begun: if none can be, nobody is asked.
    #[must_use]
    pub const fn is_offered(&self) -> bool {
        !self.held || self.notifications > 0
    }

    /// Until when a decision that arrived in time may still be on its way; then the challenge has
    /// expired.
    #[must_use]
    pub const fn deadline(&self, limits: &Limits) -> UnixMillis {
        self.expires_at.plus_ms(limits.decision_grace_ms)
    }

    /// Judges an answer that came after the end: the same one from the same device is told the
    /// recorded result, anything else is refused.
    ///
    /// # Errors
    /// [`Refusal::ChallengeEnded`].
    pub fn repeated(
        ended: &Ended,
        decision: Decision,
        by: &AuthenticatorId,
    ) -> Result<Ended, Refusal> {
        if ended.by.as_ref() == Some(by) && ended.outcome == decision.outcome() {
            Ok(ended.clone())
        } else {
            Err(Refusal::ChallengeEnded)
        }
    }
}

/// Phase of a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It can be answered.
    Pending,
    /// An outcome was proposed to the store, which has not answered yet.
    Committing,
    /// The recorded outcome is known.
    Closed(Ended),
}

/// Requests of a machine to its actor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Ask the store to record this end, then call [`Machine::settle`] with the recorded one.
    Propose(Ended),
    /// The end was recorded before.
    Known(Ended),
}

/// The state machine of one challenge.
#[derive(Clone, Debug)]
pub struct Machine {
    challenge: Arc<Challenge>,
    phase: Phase,
}

impl Machine {
    /// A machine in the state that was stored.
    #[must_use]
    pub fn new(challenge: impl Into<Arc<Challenge>>) -> Self {
        let challenge = challenge.into();
        let phase = challenge.ended.clone().map_or(Phase::Pending, Phase::Closed);
        Self { challenge, phase }
    }

    /// The challenge as it is known.
    #[must_use]
    pub const fn challenge(&self) -> &Arc<Challenge> {
        &self.challenge
    }

    /// Gives its phase.
    #[must_use]
    pub const fn phase(&self) -> &Phase {
        &self.phase
    }

    /// Takes a device's answer. `arrived_at` is the arrival of the request, and decides whether it
    /// was in time.
    ///
    /// # Errors
    /// [`Refusal`] if the device may not answer, or not any more. Nothing has changed then.
    pub fn decide(
        &mut self,
        decision: &VerifiedDecision,
        arrived_at: UnixMillis,
        limits: &Limits,
    ) -> Result<Step, Refusal> {
        let by = decision.by();
        if decision.challenge() != &self.challenge.id || !self.challenge.targets.contains(by) {
            return Err(Refusal::ChallengeUnknown);
        }
        if let Phase::Closed(ended) = &self.phase {
            return Challenge::repeated(ended, decision.decision(), by).map(Step::Known);
        }
        if decision.signing() < limits.signing_min {
            return Err(Refusal::StatementRequired);
        }
        if self.challenge.held {
            return Err(Refusal::ChallengeHeld);
        }
        if arrived_at >= self.challenge.expires_at {
            return Err(Refusal::ChallengeEnded);
        }
        self.phase = Phase::Committing;
        Ok(Step::Propose(Ended {
            outcome: decision.decision().outcome(),
            at: arrived_at,
            by: Some(by.clone()),
            signature: Some(decision.signature().to_vec()),
        }))
    }

    /// The time is `now`: proposes the expiry if it is due.
    pub fn expire(&mut self, now: UnixMillis, limits: &Limits) -> Option<Step> {
        if let Phase::Closed(_) = self.phase {
            return None;
        }
        if now < self.deadline(limits) {
            return None;
        }
        self.phase = Phase::Committing;
        Some(Step::Propose(Ended::without_device(Outcome::Expired, now)))
    }

    /// Time at which to call [`Self::expire`]. Until then a decision that arrived in time may still
    /// be on its way.
    #[must_use]
    pub fn deadline(&self, limits: &Limits) -> UnixMillis {
        self.challenge.deadline(limits)
    }

    /// The store has recorded the challenge anew: released, with fewer targets, or ended. The first
    /// end is kept.
    pub fn learn(&mut self, recorded: impl Into<Arc<Challenge>>) {
        let recorded = recorded.into();
        if !matches!(self.phase, Phase::Closed(_)) {
            if let Some(ended) = &recorded.ended {
                self.phase = Phase::Closed(ended.clone());
            }
            self.challenge = recorded;
        }
    }

    /// Takes the recorded end from the store. The first record is kept.
    pub fn settle(&mut self, ended: Ended) -> &Ended {
        if !matches!(self.phase, Phase::Closed(_)) {
            Arc::make_mut(&mut self.challenge).ended = Some(ended.clone());
            self.phase = Phase::Closed(ended);
        }
        match &self.phase {
            Phase::Closed(ended) => ended,
            Phase::Pending | Phase::Committing => unreachable!("closed just above"),
        }
    }

    /// The store did not answer, or recorded nothing: the challenge can still be answered.
    pub fn unsettled(&mut self) {
        if self.phase == Phase::Committing {
            self.phase = Phase::Pending;
        }
    }
}

#[cfg(test)]
mod tests;

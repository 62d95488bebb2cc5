//! A challenge and its end: open, or closed by the first end that the store has recorded.
//!
//! The [account](crate::account::Account) judges decisions. What is here follows from the record
//! alone.

use std::fmt;
use std::sync::Arc;

use crate::decision::VerifiedDecision;
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

    /// Answers a decision that came after the end: the same one from the same device is told the
    /// recorded result, anything else is refused. None while the challenge is open.
    ///
    /// A device that was not asked is told the same as before the end.
    #[must_use]
    pub fn repeated(&self, decision: &VerifiedDecision) -> Option<Result<Ended, Refusal>> {
        let ended = self.ended.as_ref()?;
        let by = decision.by();
        if *decision.challenge() != self.id || !self.targets.contains(by) {
            return Some(Err(Refusal::ChallengeUnknown));
        }
        let same = ended.by.as_ref() == Some(by) && ended.outcome == decision.decision().outcome();
        Some(if same { Ok(ended.clone()) } else { Err(Refusal::ChallengeEnded) })
    }

    /// Takes over what is recorded anew: a challenge released, with fewer targets, or ended. The
    /// first end is kept.
    pub fn learn(self: &mut Arc<Self>, recorded: Arc<Self>) {
        if self.ended.is_none() {
            *self = recorded;
        }
    }

    /// Tells whether a number was counted since it was as in `known`. That changes nothing that its
    /// devices see, and comes with no other change.
    #[must_use]
    pub fn has_counted_since(&self, known: &Self) -> bool {
        let tries = |challenge: &Self| challenge.number.as_ref().map(|asked| asked.tries);
        self.ended.is_none() && tries(self) != tries(known)
    }
}

#[cfg(test)]
mod tests;

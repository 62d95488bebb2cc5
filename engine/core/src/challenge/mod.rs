//! A challenge and its end: open, or closed by the first end that the store has recorded.
//!
//! The [account](crate::account::Account) judges decisions. What is here follows from the record
//! alone.

use std::fmt;
use std::sync::Arc;

use crate::display::DisplayText;
use crate::id::{AccountKey, ActionKey, AuthenticatorId, ChallengeId};
use crate::nonce::Nonce;
use crate::number_match::AskedNumber;
use crate::outcome::Outcome;
use crate::policy::Limits;
use crate::time::UnixMillis;

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
    /// Time from which the account accepts no answer.
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

    /// Returns the time until which a timely decision may still be under way. After it the
    /// challenge has expired.
    #[must_use]
    pub const fn deadline(&self, limits: &Limits) -> UnixMillis {
        self.expires_at.plus_ms(limits.decision_grace_ms)
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

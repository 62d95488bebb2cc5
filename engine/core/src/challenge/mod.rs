//! A challenge and its end. A challenge is open until the store has recorded its first end.
//!
//! The [account](crate::account::Account) judges decisions. The functions here depend on the
//! challenge's record alone.

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
    /// The authenticator that decided the challenge, if one did.
    pub by: Option<AuthenticatorId>,
    /// The signature of the decision, if an authenticator decided.
    pub signature: Option<Vec<u8>>,
}

impl Ended {
    /// Makes an end that no device decided.
    #[must_use]
    pub const fn without_device(outcome: Outcome, at: UnixMillis) -> Self {
        Self { outcome, at, by: None, signature: None }
    }
}

impl fmt::Debug for Ended {
    /// Leaves the signature out, so that no signature gets into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, at, by, signature: _ } = self;
        let mut shown = f.debug_struct("Ended");
        shown.field("outcome", outcome).field("at", at).field("by", by).finish_non_exhaustive()
    }
}

/// The nonce and the text that a signed statement about the challenge contains. The statement also
/// names the tenant, challenge, binding, key, decision, typed number and expiry time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The challenge's own nonce.
    pub nonce: Nonce,
    /// The text that the device shows to the user and hashes for the statement.
    pub display: DisplayText,
}

/// A request to a user for a decision about an action, which the user answers on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The challenge's id, which the official SDKs sign.
    pub id: ChallengeId,
    /// The account whose user is asked.
    pub account: AccountKey,
    /// The action to decide.
    pub action: ActionKey,
    /// The authenticators that may answer.
    pub targets: Vec<AuthenticatorId>,
    /// Time of issue.
    pub issued_at: UnixMillis,
    /// Time from which the account accepts no decision.
    pub expires_at: UnixMillis,
    /// True until the relying party has accepted the notification about the challenge. A held
    /// challenge cannot be answered. Devices do not see it before the [first
    /// notification](Self::is_offered) has begun.
    pub held: bool,
    /// Number of notifications about the challenge, which are sent while it is held. Each is
    /// counted after its connection is open and before it is sent.
    pub notifications: u32,
    /// The end, or `None` while the challenge is open.
    pub ended: Option<Ended>,
    /// The number that the user has to type to approve, if the tenant asks for one.
    pub number: Option<AskedNumber>,
    /// The nonce and text of a statement about the challenge. They never change. `None` for
    /// challenges that were recorded before statements existed.
    pub shown: Option<Shown>,
}

impl Challenge {
    /// Returns true if devices may see the challenge. A held challenge is not offered before its
    /// first notification has begun, because a challenge without any notification asks nobody.
    #[must_use]
    pub const fn is_offered(&self) -> bool {
        !self.held || self.notifications > 0
    }

    /// Returns the time at which the challenge counts as expired. It is later than `expires_at`,
    /// because a decision that arrived before `expires_at` may still be in progress.
    #[must_use]
    pub const fn deadline(&self, limits: &Limits) -> UnixMillis {
        self.expires_at.plus_ms(limits.decision_grace_ms)
    }

    /// Replaces this copy by a newer recorded one, which was released, has fewer targets or has
    /// ended. A copy that has ended is never replaced.
    pub fn learn(self: &mut Arc<Self>, recorded: Arc<Self>) {
        if self.ended.is_none() {
            *self = recorded;
        }
    }

    /// Returns true if the challenge is open and differs from `known` in the count of typed
    /// numbers. Devices do not see the count. A commit that counts a number changes nothing else in
    /// the challenge.
    #[must_use]
    pub fn has_counted_since(&self, known: &Self) -> bool {
        let tries = |challenge: &Self| challenge.number.as_ref().map(|asked| asked.tries);
        self.ended.is_none() && tries(self) != tries(known)
    }
}

#[cfg(test)]
mod tests;

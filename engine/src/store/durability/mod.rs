//! Choice of the moment at which a commit is answered: after it is recorded, or already when it is
//! queued.
//!
//! Both modes record commits in the same way; only the moment of the answer differs.

use std::time::Duration;

use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::id::AuthenticatorId;
use countersign_core::outcome::Outcome;

/// Moment at which commits are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Answers every commit after it is recorded.
    #[default]
    Sync,
    /// Answers a commit once it is queued, if its loss in a crash would do no harm and the bound is
    /// not reached. Answers every other commit after it is recorded.
    Async(Bound),
}

/// Limit on how far the records may lag behind the answers. Once it is reached, even a commit that
/// may lag is answered only after it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Largest age of the oldest commit that was answered and is not recorded.
    Window(Duration),
    /// Largest number of commits that were answered and are not recorded.
    Records(usize),
}

/// Tells whether a commit may be answered before it is recorded. It may if it opens, releases or
/// ends challenges, and raises no counter, begins no hold, and adds or removes no authenticator. If
/// a crash loses such a commit, nobody can send, guess or sign more than before.
///
/// These commits wait for their record: an issue, because it counts a prompt; a denial or a report,
/// because it begins a hold; and a typed number, because it is counted before it is compared. An
/// approval only clears counters, so it may be recorded late.
pub(super) fn may_lag(change: &Change) -> bool {
    let challenges = || super::challenges(&change.writes);
    let ends = |outcome: Outcome| {
        challenges().any(|c| c.ended.as_ref().is_some_and(|ended| ended.outcome == outcome))
    };
    let decided_by = |device: &Device| challenges().any(|c| end_by(c) == Some(&device.id));
    let holds = [Outcome::Denied, Outcome::Reported, Outcome::Failed, Outcome::Revoked];
    let lags = |write: &Write| match write {
        Write::Challenge(_) | Write::Track(_) | Write::Action(_) | Write::Event(_) => true,
        // An approval updates the time of the device's last signature.
        Write::Device(device) => decided_by(device),
        Write::Account(_) => ends(Outcome::Approved),
        Write::RemoveAccount | Write::RemoveDevice(_) => false,
    };
    challenges().next().is_some() && !holds.into_iter().any(ends) && change.writes.iter().all(lags)
}

fn end_by(challenge: &Challenge) -> Option<&AuthenticatorId> {
    challenge.ended.as_ref()?.by.as_ref()
}

#[cfg(test)]
mod tests;

//! Time of a commit's answer: after the record, or, for a commit that may lag, after its queueing.
//!
//! The writer is the same in both modes; only the moment of the answer differs.

use std::time::Duration;

use countersign_core::challenge::Challenge;
use countersign_core::change::{Change, Write};
use countersign_core::device::Device;
use countersign_core::id::AuthenticatorId;
use countersign_core::outcome::Outcome;

/// Time at which commits are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once they are recorded.
    #[default]
    Sync,
    /// Answers harmless commits once they are queued, within a bound, and all others once they are
    /// recorded.
    Async(Bound),
}

/// Longest lag of the records behind the answers. Beyond it, a commit that may lag waits for its
/// record like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The age of the oldest commit that was answered and is not recorded.
    Window(Duration),
    /// Number of unrecorded answers.
    Records(usize),
}

/// Tells whether a commit may be answered before it is recorded: it opens, releases or ends
/// challenges, and raises no counter, begins no hold, and adds or removes no authenticator. A crash
/// that takes it back then lets nobody ask, guess or sign more than before.
///
/// An issue counts a prompt, a denial or a report begins a hold, and a number is counted before it
/// is compared: those wait. An approval clears counts, which may come late.
pub(super) fn may_lag(change: &Change) -> bool {
    let challenges = || super::challenges(&change.writes);
    let ends = |outcome: Outcome| {
        challenges().any(|c| c.ended.as_ref().is_some_and(|ended| ended.outcome == outcome))
    };
    let decided_by = |device: &Device| challenges().any(|c| end_by(c) == Some(&device.id));
    let holds = [Outcome::Denied, Outcome::Reported, Outcome::Failed, Outcome::Revoked];
    let lags = |write: &Write| match write {
        Write::Challenge(_) | Write::Action(_) | Write::Event(_) => true,
        // An approval notes when the device last signed.
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

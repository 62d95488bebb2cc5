//! Names of the metrics, declared once. Labels are kinds, results and outcomes: never an id.

use metrics::{Gauge, counter, gauge, histogram};

use countersign_core::challenge::Challenge;
use countersign_core::outcome::Outcome;

/// Successful calls that track an action, by whether the user has an authenticator.
pub const ACTIONS_TRACKED: &str = "countersign_actions_tracked_total";
/// Challenges issued.
pub const CHALLENGES_ISSUED: &str = "countersign_challenges_issued_total";
/// Reads of a device that returned at least one challenge.
pub const CHALLENGES_SEEN: &str = "countersign_challenges_seen_total";
/// Decisions whose signature verified.
pub const DECISIONS_VERIFIED: &str = "countersign_decisions_verified_total";
/// Compared numbers of approvals, by whether they were right.
pub const NUMBERS_CHECKED: &str = "countersign_numbers_checked_total";
/// Locks of users because of too many wrong numbers.
pub const NUMBERS_LOCKED: &str = "countersign_numbers_locked_total";
/// Requests that were refused because the account has had too many prompts or too many wrong
/// numbers, by which of the two.
pub const FATIGUE_REFUSALS: &str = "countersign_fatigue_refusals_total";
/// Bindings that lost their place, or got none, because their key serves too many users. Such a
/// binding gets no challenges until it is enrolled again.
pub const BINDINGS_CROWDED_OUT: &str = "countersign_bindings_crowded_out_total";
/// Signatures that were refused because they do not verify, by purpose of the signature.
pub const SIGNATURES_REFUSED: &str = "countersign_signatures_refused_total";
/// Challenges ended, by outcome.
pub const OUTCOMES: &str = "countersign_outcomes_total";
/// Time from a challenge's issue to its end, in seconds, by outcome.
pub const CHALLENGE_SECONDS: &str = "countersign_challenge_seconds";
/// Actors in memory, by kind.
pub const ACTORS: &str = "countersign_actors";
/// Activations of actors that were refused because the maximum number of actors is in memory.
pub const ACTIVATIONS_REFUSED: &str = "countersign_activations_refused_total";
/// Panics, wherever they happened: each is a bug of ours.
pub const PANICS: &str = "countersign_panics_total";
/// Waiting polls, by the subject of the poll: a challenge or a device.
pub const WAITERS: &str = "countersign_waiters";
/// Time from the request for a signature check to its verdict, in seconds, by lane: `batch`,
/// `alone`, or `here` (on the caller's thread).
pub const VERIFY_SECONDS: &str = "countersign_verify_seconds";
/// Signature checks that are queued or running.
pub const VERIFY_QUEUE: &str = "countersign_verify_queue";
/// Number of signatures in one batch, which are checked by one equation.
pub const VERIFY_BATCH_UNITS: &str = "countersign_verify_batch_units";
/// Signatures that the verifier found bad, by lane.
pub const VERIFY_FAILURES: &str = "countersign_verify_failures_total";
/// 1 while signatures are checked in batches, 0 while too many of them are bad, so that each is
/// checked alone.
pub const VERIFY_BATCHING: &str = "countersign_verify_batching";

/// Time to record one group of commits, in seconds.
pub const STORE_COMMIT_SECONDS: &str = "countersign_store_commit_seconds";
/// Number of commits in one group, which are recorded together.
pub const STORE_COMMIT_UNITS: &str = "countersign_store_commit_units";
/// Commits that the store refused because the account had changed elsewhere. Each is made again.
pub const COMMITS_STALE: &str = "countersign_commits_stale_total";
/// Commits that were answered and are not recorded; 0 unless `store.durability` is `async`.
pub const STORE_UNWRITTEN_UNITS: &str = "countersign_store_unwritten";
/// Age of the oldest commit that was answered and is not recorded, in seconds.
pub const STORE_UNWRITTEN_SECONDS: &str = "countersign_store_unwritten_seconds";
/// Bytes that the store can still record. The metric is absent if the number was never known, and
/// NaN if it is no longer known.
pub const STORE_ROOM_BYTES: &str = "countersign_store_room_bytes";
/// Calls of the store that failed, by reason: `busy` while too many wait, `unavailable` while it
/// cannot record or be reached, `unreadable` for a row that is damaged.
pub const STORE_FAILURES: &str = "countersign_store_failures_total";
/// Commits that the store had acknowledged and has lost, at most.
pub const STORE_LOST: &str = "countersign_store_lost_commits_total";
/// Calls of webhooks, by result.
pub const WEBHOOK_DELIVERIES: &str = "countersign_webhook_deliveries_total";
/// Events that were dropped after their last call, or because their tenant has no webhook, by type.
pub const EVENTS_GIVEN_UP: &str = "countersign_events_given_up_total";
/// Duration of one webhook call, in seconds.
pub const WEBHOOK_SECONDS: &str = "countersign_webhook_seconds";

pub(crate) fn challenge_ended(challenge: &Challenge) {
    let Some(ended) = &challenge.ended else { return };
    let outcome = ended.outcome.name();
    counter!(OUTCOMES, "outcome" => outcome).increment(1);
    let ms = u32::try_from(ended.at.ms_since(challenge.issued_at)).unwrap_or(u32::MAX);
    histogram!(CHALLENGE_SECONDS, "outcome" => outcome).record(f64::from(ms) / 1000.0);
    if matches!(ended.outcome, Outcome::Reported | Outcome::Failed) {
        tracing::info!(challenge.id = %challenge.id, outcome, "challenge ended");
    } else {
        // Common outcomes are logged at debug level, because one line for each challenge is too
        // much under load. Operators read the counter instead.
        tracing::debug!(challenge.id = %challenge.id, outcome, "challenge ended");
    }
}

/// Guard that adds one to a gauge for as long as it lives.
pub struct Counted(Gauge);

impl Counted {
    /// Adds one to the gauge.
    #[must_use]
    pub fn in_gauge(gauge: Gauge) -> Self {
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}

/// Counts one waiting poll until the returned guard is dropped. `on` is `challenge` or `device`.
pub(crate) fn waiting(on: &'static str) -> Counted {
    Counted::in_gauge(gauge!(WAITERS, "on" => on))
}

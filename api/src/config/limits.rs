//! Every number that can be configured, with its name, its default and its range, and the limits of
//! the configuration itself.

use countersign_core::policy::{CHALLENGE_LIFETIME_MS_MAX, NUMBERS_LOCK_MAX};

use super::error::ConfigError;

/// Bytes of the configuration file, at most.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
/// Tenants of one server, at most.
pub const TENANTS_MAX: usize = 1000;
/// Secrets of one tenant that are active together, at most: each signs every webhook.
pub const SECRET_KEYS_MAX: usize = 8;
/// Entries of each list, at most: `allowed_origins`, `webhook_allow_hosts`, `custom_public`,
/// `trusted_proxies`.
pub const LIST_ENTRIES_MAX: usize = 64;
/// Bytes of a tenant's name, at most.
pub const NAME_BYTES_MAX: usize = 64;
/// Bytes of a tenant's logo, at most: it is part of every page.
pub const LOGO_BYTES_MAX: u64 = 65_536;
/// Bytes of a name in `custom_public`, at most.
pub const CUSTOM_NAME_BYTES_MAX: usize = 64;

/// A configured number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Its key; of a tenant's keys, the part behind `tenants[i].`.
    pub key: &'static str,
    /// The default.
    pub default: u64,
    /// The smallest allowed.
    pub min: u64,
    /// The largest allowed.
    pub max: u64,
}

const fn limit(key: &'static str, default: u64, min: u64, max: u64) -> Limit {
    Limit { key, default, min, max }
}

/// Worker threads; 0 is one per core. The HTTP library has no more than its maximum.
pub const WORKERS: Limit = limit("server.workers", 0, 0, 512);
/// Bytes of a request's body.
pub const BODY_BYTES_MAX: Limit = limit("server.body_bytes_max", 16_384, 1024, 1 << 20);
/// Seconds in which a request's body must have arrived.
pub const BODY_READ_SECONDS: Limit = limit("server.body_read_seconds", 5, 1, 60);
/// Requests that are answered at the same time, parked polls included.
pub const REQUESTS_IN_FLIGHT_MAX: Limit =
    limit("server.requests_in_flight_max", 25_000, 1, 1_000_000);
/// Requests among them that begin something: to track, to start a challenge, to enroll.
pub const NEW_WORK_IN_FLIGHT_MAX: Limit =
    limit("server.new_work_in_flight_max", 2000, 1, 1_000_000);
/// Milliseconds that requests may wait for their worker until such are turned away. At 200 µs for
/// the dearest, fifty callers that ask again as soon as they are answered are no reason yet.
pub const QUEUE_DELAY_MS_MAX: Limit = limit("server.queue_delay_ms_max", 10, 1, 10_000);
/// Percent of connections, requests, polls and new work that one client address may have.
pub const CLIENT_SHARE_PERCENT: Limit = limit("server.client_share_percent", 10, 1, 100);
/// Seconds from SIGTERM to the exit. With the default there is time to flush before container
/// runtimes (10 s) kill.
pub const SHUTDOWN_SECONDS: Limit = limit("server.shutdown_seconds", 8, 1, 10);
/// Days that an action is kept.
pub const ACTION_RETENTION_DAYS: Limit = limit("store.action_retention_days", 30, 1, 3650);
/// Signatures that wait for the verifier pool.
pub const VERIFY_QUEUE_MAX: Limit = limit("engine.verify_queue_max", 4096, 1, 1_000_000);
/// Life of the tokens that `track` gives.
pub const TOKEN_LIFETIME_SECONDS: Limit = limit("tokens.lifetime_seconds", 600, 1, 3600);
/// Life of a challenge.
pub const CHALLENGE_LIFETIME_SECONDS: Limit =
    limit("push.challenge_lifetime_seconds", 300, 10, CHALLENGE_LIFETIME_MS_MAX / 1000);
/// Digits of the number that has to be typed to approve; 0 is none.
pub const NUMBER_MATCH: Limit = limit("push.number_match", 0, 0, 6);
/// Calls of the webhook about a challenge.
pub const NOTIFICATIONS_PER_CHALLENGE_MAX: Limit =
    limit("push.notifications_per_challenge_max", 3, 1, 3);
/// Challenges of a user in a window, without an approval between.
pub const PROMPTS_MAX: Limit = limit("push.prompts_max", 5, 1, 1000);
/// Length of that window.
pub const PROMPTS_WINDOW_SECONDS: Limit = limit("push.prompts_window_seconds", 900, 1, 86_400);
/// Wait after a denial, doubled by each further one.
pub const DENIAL_WAIT_SECONDS: Limit = limit("push.denial_wait_seconds", 30, 0, 86_400);
/// The longest wait after a denial.
pub const DENIAL_WAIT_SECONDS_MAX: Limit = limit("push.denial_wait_seconds_max", 3600, 0, 86_400);
/// Wait after a report.
pub const REPORT_HOLD_SECONDS: Limit = limit("push.report_hold_seconds", 900, 0, 86_400);
/// Numbers that are compared for a challenge.
pub const NUMBERS_PER_CHALLENGE_MAX: Limit = limit("push.numbers_per_challenge_max", 3, 1, 10);
/// Numbers of a user without an approval between, the last of which begins a hold (NIST SP
/// 800-63B-4, 3.2.2: at most 100).
pub const NUMBERS_MAX: Limit = limit("push.numbers_max", 5, 1, 100);
/// Length of that hold, doubled by each further number.
pub const NUMBER_HOLD_SECONDS: Limit = limit("push.number_hold_seconds", 900, 1, 86_400);
/// The longest hold after a number.
pub const NUMBER_HOLD_SECONDS_MAX: Limit = limit("push.number_hold_seconds_max", 3600, 1, 86_400);
/// Numbers of a user without an approval between, the last of which locks them for good.
pub const NUMBERS_LOCK: Limit =
    limit("push.numbers_lock", NUMBERS_LOCK_MAX as u64, 1, NUMBERS_LOCK_MAX as u64);

/// Age of the oldest commit that was answered and is not recorded, past which new ones wait.
pub const ASYNC_WINDOW_MS: Limit = limit("store.async_window_ms", 50, 1, 10_000);
/// Commits that are answered and not recorded, where an outage does not stop the server.
pub const BACKLOG_RECORDS_MAX: Limit = limit("store.backlog_records_max", 100_000, 1, 10_000_000);
/// Room of the store below which a warning is given, in MiB; 0 is none.
pub const ROOM_WARN_MIB: Limit = limit("store.room_warn_mib", 256, 0, 1 << 20);
/// Actors in memory.
pub const ACTIVATIONS_MAX: Limit = limit("engine.activations_max", 500_000, 100, 100_000_000);
/// Polls that wait together.
pub const WAITERS_MAX: Limit = limit("engine.waiters_max", 100_000, 1, 10_000_000);

/// Every configured number.
pub const LIMITS: &[Limit] = &[
    WORKERS,
    BODY_BYTES_MAX,
    BODY_READ_SECONDS,
    REQUESTS_IN_FLIGHT_MAX,
    NEW_WORK_IN_FLIGHT_MAX,
    QUEUE_DELAY_MS_MAX,
    CLIENT_SHARE_PERCENT,
    SHUTDOWN_SECONDS,
    ACTION_RETENTION_DAYS,
    ASYNC_WINDOW_MS,
    BACKLOG_RECORDS_MAX,
    ROOM_WARN_MIB,
    VERIFY_QUEUE_MAX,
    ACTIVATIONS_MAX,
    WAITERS_MAX,
    TOKEN_LIFETIME_SECONDS,
    CHALLENGE_LIFETIME_SECONDS,
    NUMBER_MATCH,
    NOTIFICATIONS_PER_CHALLENGE_MAX,
    PROMPTS_MAX,
    PROMPTS_WINDOW_SECONDS,
    DENIAL_WAIT_SECONDS,
    DENIAL_WAIT_SECONDS_MAX,
    REPORT_HOLD_SECONDS,
    NUMBERS_PER_CHALLENGE_MAX,
    NUMBERS_MAX,
    NUMBER_HOLD_SECONDS,
    NUMBER_HOLD_SECONDS_MAX,
    NUMBERS_LOCK,
];

impl Limit {
    /// Gives `value` back if it is in range.
    pub(super) fn check(&self, prefix: &str, value: u64) -> Result<u64, ConfigError> {
        if (self.min..=self.max).contains(&value) {
            return Ok(value);
        }
        let allowed = format!("{} to {} is allowed", self.min, self.max);
        Err(ConfigError::value(format!("{prefix}{}", self.key), format!("is {value}"), allowed))
    }

    /// Checks like [`Self::check`], for counts of things in memory.
    pub(super) fn count(&self, value: u64) -> Result<usize, ConfigError> {
        Ok(usize::try_from(self.check("", value)?).expect("no maximum above is over 32 bits"))
    }
}

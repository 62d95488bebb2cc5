//! Limits of the core.

use crate::device::Signing;
use crate::number_match::Digits;

const MINUTE_MS: u64 = 60_000;

/// Maximum length of a device's name, in bytes.
pub const DEVICE_NAME_BYTES_MAX: usize = 128;
/// Maximum length of a push token, in bytes.
pub const PUSH_TOKEN_BYTES_MAX: usize = 4096;
/// Maximum length of an e-mail address, a phone number, a user name or a display name, in bytes.
pub const ATTRIBUTE_BYTES_MAX: usize = 256;
/// Maximum length of the `userAgent` that a device shows, in bytes. A longer one is cut.
pub const USER_AGENT_BYTES_MAX: usize = 512;
/// Maximum length of the `ipAddress` and of the `deviceId` of a tracked action, in bytes each.
pub const CONTEXT_BYTES_MAX: usize = 128;
/// Maximum length of the custom data of an action or a user as JSON, in bytes.
pub const CUSTOM_BYTES_MAX: usize = 4096;
/// Maximum length of the text that a device shows and hashes, in bytes.
pub const DISPLAY_BYTES_MAX: usize = 4096;
/// Lifetime of a device session, in milliseconds: 15 minutes.
pub const DEVICE_SESSION_MS: u64 = 900_000;
/// Maximum length of the `redirectUrl` of a tracked action, in bytes.
pub const REDIRECT_URL_BYTES_MAX: usize = 2048;
/// Maximum length of the `scope` of a tracked action, in bytes.
pub const SCOPE_BYTES_MAX: usize = 256;
/// Maximum length of a public key's `SubjectPublicKeyInfo`, in bytes.
pub const PUBLIC_KEY_BYTES_MAX: usize = 128;
/// Maximum length of a signature, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 128;
/// Maximum number of users in one page of a user query, and the default.
pub const USERS_PAGE_MAX: usize = 100;
/// Maximum number of actions in the answer to an action query. The answer has the newest.
pub const ACTIONS_MAX: usize = 1000;
/// Maximum number of action codes in one action query.
pub const ACTION_QUERY_CODES_MAX: usize = 50;
/// Maximum age of the actions that an action query finds, in milliseconds, and the default: 30
/// days.
pub const ACTION_QUERY_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// Maximum lifetime of a challenge that can be configured, in milliseconds: 10 minutes (NIST SP
/// 800-63B-4, 3.1.3.2).
pub const CHALLENGE_LIFETIME_MS_MAX: u64 = 600_000;
/// Maximum wait of one long poll, in milliseconds. A longer `Prefer: wait` is reduced to it.
pub const WAIT_MS_MAX: u64 = 30_000;
/// Largest number of milliseconds by which times in an account may be ahead of a server's clock
/// because another server recorded them.
pub const CLOCK_AHEAD_MS_MAX: u64 = 2_000;

/// Maximum number of calls about one event.
pub const EVENT_CALLS_MAX: u32 = 3;
/// Minimum time between the begin of two calls about an event, in milliseconds.
pub const EVENT_RETRY_MS: u64 = 30_000;

/// Maximum of [`Limits::numbers_lock`] that can be configured (NIST SP 800-63B-4, 3.2.2).
pub const NUMBERS_LOCK_MAX: u32 = 100;

/// Limits for an account, a credential or a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum number of users that one key serves: first users of confirmed bindings, then those
    /// that enrolled the key last (see [`crate::inbox`]).
    pub users_per_key_max: usize,
    /// Maximum number of authenticators of one account.
    pub authenticators_per_account_max: usize,
    /// Maximum number of tickets of one account. A further ticket replaces a used one, or else the
    /// oldest.
    pub tickets_per_account_max: usize,
    /// Maximum number of open challenges of one account, over all its actions.
    pub open_challenges_per_account_max: usize,
    /// Lifetime of a challenge, in milliseconds.
    pub challenge_lifetime_ms: u64,
    /// Time between a challenge's `expires_at` and its deadline, in milliseconds. In this time,
    /// decisions that arrived before `expires_at` can still be recorded.
    pub decision_grace_ms: u64,
    /// Maximum number of polls that wait for one challenge at the same time.
    pub waiters_per_challenge_max: usize,
    /// Maximum number of polls that wait for one credential at the same time.
    pub waiters_per_device_max: usize,
    /// Maximum number of unused nonces of one credential.
    pub nonces_per_credential_max: usize,
    /// Lifetime of a nonce, in milliseconds.
    pub nonce_lifetime_ms: u64,
    /// Maximum number of notifications about one challenge. Each is counted before it is sent.
    pub notifications_per_challenge_max: u32,
    /// Maximum number of challenges of one account in a window without an approval in between (see
    /// [`crate::fatigue`]).
    pub prompts_max: usize,
    /// Length of the window for `prompts_max` and `unreached_max`, in milliseconds.
    pub prompts_window_ms: u64,
    /// Maximum number of challenges of one account in the window whose notification reached nobody.
    /// They do not count as prompts, but each leaves rows in the store.
    pub unreached_max: usize,
    /// Wait after the first denial, in milliseconds. Each further denial doubles it.
    pub denial_wait_ms: u64,
    /// Maximum wait after a denial, in milliseconds.
    pub denial_wait_ms_max: u64,
    /// Time without prompts after a report, in milliseconds.
    pub report_hold_ms: u64,
    /// Minimum signing mode of a credential.
    pub signing_min: Signing,
    /// Number of digits that the user has to type to approve; `None` if the tenant asks for no
    /// number.
    pub number_match: Option<Digits>,
    /// Maximum number of attempts to type the number of one challenge. The last wrong one ends the
    /// challenge.
    pub numbers_per_challenge_max: u32,
    /// Count of typed numbers of one account without an approval in between that begins a hold.
    pub numbers_max: u32,
    /// Length of the hold that begins at `numbers_max`, in milliseconds. Each further typed number
    /// doubles it.
    pub number_hold_ms: u64,
    /// Maximum length of a hold of numbers, in milliseconds.
    pub number_hold_ms_max: u64,
    /// Count of typed numbers of one account without an approval in between that locks the numbers
    /// without an end (NIST SP 800-63B-4, 3.2.2: at most 100).
    pub numbers_lock: u32,
}

impl Limits {
    /// The limits of a tenant that configures none.
    pub const DEFAULT: Self = Self {
        users_per_key_max: 5,
        authenticators_per_account_max: 20,
        tickets_per_account_max: 5,
        open_challenges_per_account_max: 10,
        challenge_lifetime_ms: 300_000,
        decision_grace_ms: 250,
        waiters_per_challenge_max: 4,
        waiters_per_device_max: 2,
        nonces_per_credential_max: 4,
        nonce_lifetime_ms: 300_000,
        notifications_per_challenge_max: 3,
        prompts_max: 5,
        prompts_window_ms: 15 * MINUTE_MS,
        unreached_max: 20,
        denial_wait_ms: MINUTE_MS / 2,
        denial_wait_ms_max: 60 * MINUTE_MS,
        report_hold_ms: 15 * MINUTE_MS,
        signing_min: Signing::ChallengeId,
        number_match: None,
        numbers_per_challenge_max: 3,
        numbers_max: 5,
        number_hold_ms: 15 * MINUTE_MS,
        number_hold_ms_max: 60 * MINUTE_MS,
        numbers_lock: NUMBERS_LOCK_MAX,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// State of a tracked action of a user without an authenticator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unenrolled {
    /// The action is allowed (`ALLOW`), as in the wire contract.
    #[default]
    Allow,
    /// The action is blocked (`BLOCK`).
    Block,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_query_looks_back_for_thirty_days() {
        assert_eq!(ACTION_QUERY_MS_MAX, 2_592_000_000);
    }
}

//! Every limit of the core, by name.

use crate::device::Signing;
use crate::number_match::Digits;

const MINUTE_MS: u64 = 60_000;

/// Bytes of a device's name, at most.
pub const DEVICE_NAME_BYTES_MAX: usize = 128;
/// Bytes of a provider's push token, at most.
pub const PUSH_TOKEN_BYTES_MAX: usize = 4096;
/// Bytes of an e-mail address, a phone number, a user name or a display name, at most.
pub const ATTRIBUTE_BYTES_MAX: usize = 256;
/// Bytes of the `userAgent` shown to a device, at most; longer ones are cut.
pub const USER_AGENT_BYTES_MAX: usize = 512;
/// Bytes of the `ipAddress` and `deviceId` of a tracked action, at most.
pub const CONTEXT_BYTES_MAX: usize = 128;
/// Bytes of the custom data of an action or a user, as JSON, at most.
pub const CUSTOM_BYTES_MAX: usize = 4096;
/// Bytes of the text that a device shows and hashes, at most.
pub const DISPLAY_BYTES_MAX: usize = 4096;
/// Life of a device session, in milliseconds: 15 minutes.
pub const DEVICE_SESSION_MS: u64 = 900_000;
/// Bytes of the `redirectUrl` of a tracked action, at most.
pub const REDIRECT_URL_BYTES_MAX: usize = 2048;
/// Bytes of the `scope` of a tracked action, at most.
pub const SCOPE_BYTES_MAX: usize = 256;
/// Bytes of a public key's `SubjectPublicKeyInfo`, at most.
pub const PUBLIC_KEY_BYTES_MAX: usize = 128;
/// Bytes of a signature, at most.
pub const SIGNATURE_BYTES_MAX: usize = 128;
/// Users in one page of a user query, at most; also the number where none is asked for.
pub const USERS_PAGE_MAX: usize = 100;
/// Actions in the answer to an action query, at most: the newest.
pub const ACTIONS_MAX: usize = 1000;
/// Action codes in one action query, at most.
pub const ACTION_QUERY_CODES_MAX: usize = 50;
/// Longest time that an action query looks back, and its default.
pub const ACTION_QUERY_MS_MAX: u64 = 30 * 24 * 60 * 60 * 1000;
/// Longest life of a challenge that can be configured (NIST SP 800-63B-4, 3.1.3.2: 10 minutes).
pub const CHALLENGE_LIFETIME_MS_MAX: u64 = 600_000;
/// Longest wait of one long poll; a longer `Prefer: wait` is clamped to it.
pub const WAIT_MS_MAX: u64 = 30_000;

/// Calls about one event until it is accepted, at most.
pub const EVENT_CALLS_MAX: u32 = 3;
/// Minimum time between calls about an event.
pub const EVENT_RETRY_MS: u64 = 30_000;

/// The highest [`Limits::numbers_lock`] that can be configured (NIST SP 800-63B-4, 3.2.2).
pub const NUMBERS_LOCK_MAX: u32 = 100;

/// Limits that hold for an account, a credential or a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Users that one key serves: those that it has shown to belong to, then those who enrolled it
    /// last (see [`crate::inbox`]).
    pub users_per_key_max: usize,
    /// Authenticators of one account.
    pub authenticators_per_account_max: usize,
    /// Maximum tickets of one account. A further one replaces a used one, or the oldest.
    pub tickets_per_account_max: usize,
    /// Open challenges of one account, over all its actions.
    pub open_challenges_per_account_max: usize,
    /// Life of a challenge, in milliseconds.
    pub challenge_lifetime_ms: u64,
    /// Time after its end during which a challenge waits for decisions that arrived before it.
    pub decision_grace_ms: u64,
    /// Polls that wait together on one challenge.
    pub waiters_per_challenge_max: usize,
    /// Polls that wait together on one credential.
    pub waiters_per_device_max: usize,
    /// Nonces of one credential that are not used yet.
    pub nonces_per_credential_max: usize,
    /// Life of a nonce, in milliseconds.
    pub nonce_lifetime_ms: u64,
    /// Notifications about one challenge, counted before they are sent.
    pub notifications_per_challenge_max: u32,
    /// Challenges of one account in a window, without an approval between (see [`crate::fatigue`]).
    pub prompts_max: usize,
    /// Length of that window, in milliseconds.
    pub prompts_window_ms: u64,
    /// Challenges of one account in that window whose notification reached nobody. They are no
    /// prompts, but each leaves rows in the store.
    pub unreached_max: usize,
    /// Wait after a denial, in milliseconds; each further one doubles it.
    pub denial_wait_ms: u64,
    /// The longest wait after a denial, in milliseconds.
    pub denial_wait_ms_max: u64,
    /// Wait after a report, in milliseconds.
    pub report_hold_ms: u64,
    /// The least that a credential has to sign.
    pub signing_min: Signing,
    /// Digits of the number that has to be typed to approve; absent where none is asked for.
    pub number_match: Option<Digits>,
    /// Numbers that are compared for one challenge; the last wrong one ends it.
    pub numbers_per_challenge_max: u32,
    /// Numbers of one account without an approval between, the last of which begins a hold.
    pub numbers_max: u32,
    /// Length of that hold, in milliseconds. Each further wrong number doubles it.
    pub number_hold_ms: u64,
    /// The longest hold after a number, in milliseconds.
    pub number_hold_ms_max: u64,
    /// Numbers of one account without an approval between, the last of which begins a hold without
    /// an end (NIST SP 800-63B-4, 3.2.2: at most 100).
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

/// Answer of `track` for a user without an authenticator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unenrolled {
    /// `ALLOW`, as the wire contract says.
    #[default]
    Allow,
    /// `BLOCK`.
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

//! Limits of prompts and of typed numbers, against attackers who tire a user out.
//!
//! [`Counters`] are part of the account's record. A prompt is counted in the commit that issues its
//! challenge, and a number is counted in a commit before it is compared. Only an approval, an
//! operator or the removal of the account clears counts.
//!
//! If a notification fails before it has [reached anybody](crate::account::Account::withdraw), its
//! prompt moves to a second count. [`Limits::unreached_max`] bounds this count within a window,
//! because each such challenge leaves rows in the store.
//!
//! A new challenge clears no count. A refused request changes nothing, so it does not make a wait
//! longer. The functions here return the next counters, and their caller records them.
//!
//! # How far somebody can lock a user out
//!
//! An attacker who can start challenges for a user, mostly by knowing the password, can use up the
//! user's prompts: `prompts_max` (5) in every `prompts_window_ms` (15 minutes). After the attacker
//! stops, the user cannot be asked for at most 15 minutes. While the attacker continues, user and
//! attacker compete for the prompts. An approval of any challenge allows five more. Without the
//! user's device, an attacker can do no more than this. All effects below need a decision that the
//! device has signed:
//!
//! * A denial stops prompts for 30 seconds. Each further denial without an approval in between
//!   doubles the wait, up to one hour.
//! * A report stops prompts for 15 minutes and counts as a denial too. An approval does not shorten
//!   these 15 minutes.
//! * The fifth typed number without an approval in between stops prompts, and comparisons of
//!   numbers, for 15 minutes. Each further number doubles the wait, up to one hour. So a guesser
//!   has five tries, then one after 15 minutes, one after 30 minutes, and one an hour.
//! * The hundredth typed number without an approval in between locks the numbers without an end: no
//!   number is compared, and a user who would have to type one is not asked. The lock ends with an
//!   approval, which is possible if the tenant stops asking for numbers, with an operator's
//!   release, or with the removal of the user, who then enrolls again.
//!
//! A clock that was set back makes none of these waits longer: see [`Counters::not_ahead_of`].

use crate::outcome::Outcome;
use crate::policy::Limits;
use crate::refusal::Hold;
use crate::time::UnixMillis;

/// Counts of an account's prompts, denials, reports and typed numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Times of the prompts within the window since the last approval, oldest first.
    pub prompts: Vec<UnixMillis>,
    /// Times of the challenges within the window whose notification reached nobody, oldest first.
    pub unreached: Vec<UnixMillis>,
    /// Number of denials and reports since the last approval.
    pub denials: u32,
    /// Time of the last denial or report.
    pub denied_at: UnixMillis,
    /// Time of the last report. An approval does not clear it.
    pub reported_at: Option<UnixMillis>,
    /// Count of numbers that were typed since the last approval. Each is counted before it is
    /// compared.
    pub numbers: u32,
    /// Time of the last typed number.
    pub number_at: UnixMillis,
}

impl Counters {
    /// Returns the milliseconds until the next challenge may be issued; 0 if it may be issued now.
    #[must_use]
    pub fn prompt_wait_ms(&self, now: UnixMillis, limits: &Limits) -> u64 {
        self.prompt_hold(now, limits).map_or(0, |(_, wait_ms)| wait_ms)
    }

    /// Finds the hold that delays the next challenge longest, with its remaining time in
    /// milliseconds. `None` if no hold applies.
    #[must_use]
    pub fn prompt_hold(&self, now: UnixMillis, limits: &Limits) -> Option<(Hold, u64)> {
        let denied = match self.denials {
            0 => 0,
            denials => doubled(limits.denial_wait_ms, denials - 1, limits.denial_wait_ms_max),
        };
        let denied = left_ms(self.denied_at, denied, now);
        let reported = self.reported_at.map_or(0, |at| left_ms(at, limits.report_hold_ms, now));
        // Without number matching, prompts stay allowed under a lock, because an approval ends the
        // lock.
        let unlocks = self.is_locked(limits) && limits.number_match.is_none();
        let numbers = if unlocks { 0 } else { self.number_wait_ms(now, limits) };
        let holds = [
            (Hold::Asked, window_wait_ms(&self.prompts, limits.prompts_max, now, limits)),
            (Hold::Unreached, window_wait_ms(&self.unreached, limits.unreached_max, now, limits)),
            (Hold::Denied, denied),
            (Hold::Reported, reported),
            (self.number_hold(limits), numbers),
        ];
        holds.into_iter().filter(|(_, wait_ms)| *wait_ms > 0).max_by_key(|(_, wait_ms)| *wait_ms)
    }

    /// Returns the reason that a hold of numbers would have: [`Hold::Locked`] under a lock, else
    /// [`Hold::Numbers`].
    #[must_use]
    pub const fn number_hold(&self, limits: &Limits) -> Hold {
        if self.is_locked(limits) { Hold::Locked } else { Hold::Numbers }
    }

    /// Returns true if numbers are locked: none is compared before an approval or a release.
    #[must_use]
    pub const fn is_locked(&self, limits: &Limits) -> bool {
        self.numbers >= limits.numbers_lock
    }

    /// Returns the milliseconds until the next number may be compared; 0 if it may be compared now.
    /// Under a lock it is always the longest hold, because a lock has no end time and may have been
    /// released by then.
    #[must_use]
    pub fn number_wait_ms(&self, now: UnixMillis, limits: &Limits) -> u64 {
        if self.is_locked(limits) {
            return limits.number_hold_ms_max.max(1);
        }
        let Some(beyond) = self.numbers.checked_sub(limits.numbers_max) else { return 0 };
        let hold = doubled(limits.number_hold_ms, beyond, limits.number_hold_ms_max);
        left_ms(self.number_at, hold, now)
    }

    /// Returns the counters after a challenge is issued at `now`. Times outside the window are
    /// dropped.
    #[must_use]
    pub fn prompted(&self, now: UnixMillis, limits: &Limits) -> Self {
        let prompts = in_window(&self.prompts, now, limits).chain([now]).collect();
        let unreached = in_window(&self.unreached, now, limits).collect();
        Self { prompts, unreached, ..self.clone() }
    }

    /// Returns the counters after one prompt of the time `issued_at` moved from `prompts` to
    /// `unreached`, because its notification reached nobody. If no such prompt is counted any more,
    /// the counters are unchanged.
    #[must_use]
    pub fn unprompted(&self, issued_at: UnixMillis) -> Self {
        let mut counters = self.clone();
        if let Some(place) = counters.prompts.iter().rposition(|at| *at == issued_at) {
            let at = counters.prompts.remove(place);
            let later = counters.unreached.partition_point(|other| *other <= at);
            counters.unreached.insert(later, at);
        }
        counters
    }

    /// Returns the counters after a typed number arrived at `at`. They do not depend on the result
    /// of the comparison.
    #[must_use]
    pub fn numbered(&self, at: UnixMillis) -> Self {
        let (numbers, number_at) = (self.numbers.saturating_add(1), self.number_at.max(at));
        Self { numbers, number_at, ..self.clone() }
    }

    /// Returns the counters after a challenge has ended with `outcome` at `at`.
    #[must_use]
    pub fn after(&self, outcome: Outcome, at: UnixMillis) -> Self {
        let denied = Self {
            denials: self.denials.saturating_add(1),
            denied_at: self.denied_at.max(at),
            ..self.clone()
        };
        match outcome {
            Outcome::Approved => Self { reported_at: self.reported_at, ..Self::default() },
            Outcome::Denied => denied,
            Outcome::Reported => Self { reported_at: self.reported_at.max(Some(at)), ..denied },
            Outcome::Cancelled
            | Outcome::Expired
            | Outcome::Failed
            | Outcome::Revoked
            | Outcome::Superseded => self.clone(),
        }
    }

    /// Returns every time that was counted.
    pub(crate) fn times(&self) -> impl Iterator<Item = UnixMillis> {
        let single = [self.denied_at, self.number_at].into_iter().chain(self.reported_at);
        single.chain(self.prompts.iter().chain(&self.unreached).copied())
    }

    /// Returns the counters with every later time replaced by `now`, or `None` if no time is later.
    /// After a clock was set back, a wait thus begins again but does not become longer. The caller
    /// has to record the result, because otherwise the wait would begin again at each call.
    #[must_use]
    pub fn not_ahead_of(&self, now: UnixMillis) -> Option<Self> {
        let counted = Self {
            prompts: self.prompts.iter().map(|at| now.min(*at)).collect(),
            unreached: self.unreached.iter().map(|at| now.min(*at)).collect(),
            denied_at: self.denied_at.min(now),
            reported_at: self.reported_at.map(|at| at.min(now)),
            number_at: self.number_at.min(now),
            ..*self
        };
        (counted != *self).then_some(counted)
    }
}

/// Returns the times within the window. A time in the future counts too, so that a clock that was
/// set back allows no additional prompts.
fn in_window(
    times: &[UnixMillis],
    now: UnixMillis,
    limits: &Limits,
) -> impl Iterator<Item = UnixMillis> {
    let window = limits.prompts_window_ms;
    times.iter().copied().filter(move |at| now.ms_since(*at) < window)
}

/// Returns the milliseconds until fewer than `max` of `times` are in the window; 0 if that is so
/// now.
fn window_wait_ms(times: &[UnixMillis], max: usize, now: UnixMillis, limits: &Limits) -> u64 {
    let counted: Vec<_> = in_window(times, now, limits).collect();
    let Some(beyond) = counted.len().checked_sub(max) else { return 0 };
    match counted.get(beyond) {
        Some(at) => left_ms(*at, limits.prompts_window_ms, now),
        // `max` is 0, so the limit allows no prompt at any time.
        None => limits.prompts_window_ms,
    }
}

/// Returns the remaining milliseconds at `now` of a wait that began at `from`, at most the whole
/// wait.
fn left_ms(from: UnixMillis, wait_ms: u64, now: UnixMillis) -> u64 {
    from.plus_ms(wait_ms).ms_since(now).min(wait_ms)
}

/// Returns a wait in milliseconds, doubled `times` times, at most `max_ms`.
fn doubled(first_ms: u64, times: u32, max_ms: u64) -> u64 {
    let factor = 1_u64.checked_shl(times).unwrap_or(u64::MAX);
    first_ms.saturating_mul(factor).min(max_ms)
}

#[cfg(test)]
mod tests;

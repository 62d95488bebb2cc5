//! Limits of prompts and of wrong numbers, so that nobody can wear a person out.
//!
//! [`Counters`] are part of the account's record. They are recorded in the same commit as the
//! challenge, or before the comparison, that they guard; nothing but an approval, an operator, or
//! the removal of the account takes a count back. One prompt is given back where a notification has
//! failed that [reached nobody](crate::account::Account::withdraw), and counts among those instead:
//! there may be [`Limits::unreached_max`] of them in a window, because each leaves rows behind. A
//! new challenge resets nothing, and a request that is refused changes nothing: it does not make
//! the wait longer. The functions here compute the next counters, and leave it to their caller to
//! record them.
//!
//! # How far somebody can lock a user out
//!
//! An attacker who can start challenges for a user, mostly by knowing the password, can use up the
//! user's prompts: `prompts_max` (5) in every `prompts_window_ms` (15 minutes). The user then
//! cannot be asked for at most those 15 minutes after the attacker stops, and in turn with the
//! attacker while they go on; approving any one challenge makes room for five more. Nobody without
//! the user's device can do more than that. Everything below takes an answer that the device has
//! signed:
//!
//! * A denial stops prompts for 30 seconds, each further one without an approval between for twice
//!   as long, at most for an hour.
//! * A report stops prompts for 15 minutes, and is a denial besides. An approval does not shorten
//!   it.
//! * The fifth number without an approval between stops prompts, and checks of numbers, for 15
//!   minutes, each further one for twice as long, at most for an hour. So a guesser has five tries,
//!   and then one in 15 minutes, one in 30, and one an hour.
//! * The hundredth number without an approval between locks them for good: no number is compared
//!   any more, and nobody is asked to type one. Only an approval ends it, which is possible if the
//!   tenant asks for no number, or the removal of the user, who is then enrolled anew.
//!
//! A clock that was set back makes none of these waits longer: see [`Counters::not_ahead_of`].

use crate::outcome::Outcome;
use crate::policy::Limits;
use crate::refusal::Hold;
use crate::time::UnixMillis;

/// Counts of an account's prompts and answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Times of the prompts since the last approval, oldest first, as far back as the window
    /// reaches.
    pub prompts: Vec<UnixMillis>,
    /// Times of the challenges whose notification reached nobody, oldest first, as far back as the
    /// window reaches.
    pub unreached: Vec<UnixMillis>,
    /// Denials and reports since the last approval.
    pub denials: u32,
    /// Time of the last denial.
    pub denied_at: UnixMillis,
    /// Time of the last report. An approval does not take it back.
    pub reported_at: Option<UnixMillis>,
    /// Numbers that were typed since the last approval. Each is counted before it is compared.
    pub numbers: u32,
    /// Time of the last wrong number.
    pub number_at: UnixMillis,
}

impl Counters {
    /// Milliseconds until the next challenge may be issued; 0 where it may be at once.
    #[must_use]
    pub fn prompt_wait_ms(&self, now: UnixMillis, limits: &Limits) -> u64 {
        self.prompt_hold(now, limits).map_or(0, |(_, wait_ms)| wait_ms)
    }

    /// Finds the reason that holds the next challenge back for longest, with its length in
    /// milliseconds.
    #[must_use]
    pub fn prompt_hold(&self, now: UnixMillis, limits: &Limits) -> Option<(Hold, u64)> {
        let denied = match self.denials {
            0 => 0,
            denials => doubled(limits.denial_wait_ms, denials - 1, limits.denial_wait_ms_max),
        };
        let denied = left_ms(self.denied_at, denied, now);
        let reported = self.reported_at.map_or(0, |at| left_ms(at, limits.report_hold_ms, now));
        // Without number matching, an approval is the way out of a lock.
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

    /// Finds the reason not to compare numbers, if there is one.
    #[must_use]
    pub const fn number_hold(&self, limits: &Limits) -> Hold {
        if self.is_locked(limits) { Hold::Locked } else { Hold::Numbers }
    }

    /// Tells whether only an approval lets numbers be compared again.
    #[must_use]
    pub const fn is_locked(&self, limits: &Limits) -> bool {
        self.numbers >= limits.numbers_lock
    }

    /// Milliseconds until the next number may be compared; 0 where it may be at once. Under a lock
    /// it is the longest hold, at any time: a caller that comes again then may have been released.
    #[must_use]
    pub fn number_wait_ms(&self, now: UnixMillis, limits: &Limits) -> u64 {
        if self.is_locked(limits) {
            return limits.number_hold_ms_max.max(1);
        }
        let Some(beyond) = self.numbers.checked_sub(limits.numbers_max) else { return 0 };
        let hold = doubled(limits.number_hold_ms, beyond, limits.number_hold_ms_max);
        left_ms(self.number_at, hold, now)
    }

    /// The counters after a challenge is issued at `now`.
    #[must_use]
    pub fn prompted(&self, now: UnixMillis, limits: &Limits) -> Self {
        let prompts = in_window(&self.prompts, now, limits).chain([now]).collect();
        let unreached = in_window(&self.unreached, now, limits).collect();
        Self { prompts, unreached, ..self.clone() }
    }

    /// The counters without one prompt of that time, which reached nobody and is counted as that.
    /// Where it is not counted any more, nothing changes.
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

    /// The counters after a number that was typed arrived at `at`, whatever a comparison will say.
    #[must_use]
    pub fn numbered(&self, at: UnixMillis) -> Self {
        let (numbers, number_at) = (self.numbers.saturating_add(1), self.number_at.max(at));
        Self { numbers, number_at, ..self.clone() }
    }

    /// The counters after a challenge has ended at `at`.
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

    /// Gives the counters as of `now`: an event with a later time counts as of `now`, so that a
    /// clock that was set back makes a wait begin anew and no wait longer than it is. None if
    /// nothing is ahead. The caller has to record it, because the wait would otherwise begin anew
    /// for ever.
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

/// The times that count. One that is yet to come does: a clock that was set back gives no prompts
/// away.
fn in_window(
    times: &[UnixMillis],
    now: UnixMillis,
    limits: &Limits,
) -> impl Iterator<Item = UnixMillis> {
    let window = limits.prompts_window_ms;
    times.iter().copied().filter(move |at| now.ms_since(*at) < window)
}

/// Milliseconds until the window has room for one more.
fn window_wait_ms(times: &[UnixMillis], max: usize, now: UnixMillis, limits: &Limits) -> u64 {
    let counted: Vec<_> = in_window(times, now, limits).collect();
    let Some(beyond) = counted.len().checked_sub(max) else { return 0 };
    match counted.get(beyond) {
        Some(at) => left_ms(*at, limits.prompts_window_ms, now),
        // The limit allows no prompt.
        None => limits.prompts_window_ms,
    }
}

/// Rest of a wait that began at `from`, at `now`: never more than the whole wait.
fn left_ms(from: UnixMillis, wait_ms: u64, now: UnixMillis) -> u64 {
    from.plus_ms(wait_ms).ms_since(now).min(wait_ms)
}

/// A wait, doubled `times` times, up to a maximum.
fn doubled(first_ms: u64, times: u32, max_ms: u64) -> u64 {
    let factor = 1_u64.checked_shl(times).unwrap_or(u64::MAX);
    first_ms.saturating_mul(factor).min(max_ms)
}

#[cfg(test)]
mod tests;

//! Lifetime of a token, also of one from an earlier process whose clock was ahead of this one's.

use countersign_core::set_backs::SetBacks;
use countersign_core::time::UnixMillis;
use countersign_wire::token::{Reader, Writer};

/// Lifetime of a token, as its text has it.
#[derive(Clone, Copy)]
pub(super) struct Lifetime {
    issued_at_seconds: u64,
    ends_at_seconds: u64,
    /// Number of the last set-back of the clock that the issuing process knew, or 0.
    ///
    /// It is needed because the times do not show if the token was issued before or after a
    /// set-back.
    set_backs: u64,
}

impl Lifetime {
    /// Returns a lifetime that begins at `issued_at`, in whole seconds.
    pub(super) fn begin(issued_at: UnixMillis, seconds: u64, known: &SetBacks) -> Self {
        let issued_at_seconds = issued_at.seconds();
        let ends_at_seconds = issued_at_seconds.saturating_add(seconds);
        Self { issued_at_seconds, ends_at_seconds, set_backs: known.number() }
    }

    pub(super) fn write(self, body: Writer) -> Writer {
        let Self { issued_at_seconds, ends_at_seconds, set_backs } = self;
        body.number(issued_at_seconds).number(ends_at_seconds).number(set_backs)
    }

    pub(super) fn read(fields: &mut Reader<'_>) -> Option<Self> {
        Some(Self {
            issued_at_seconds: fields.number()?,
            ends_at_seconds: fields.number()?,
            set_backs: fields.number()?,
        })
    }

    /// Returns the time in the token's text from which its lifetime counts.
    pub(super) const fn issued_at(self) -> UnixMillis {
        UnixMillis(self.issued_at_seconds.saturating_mul(1000))
    }

    /// Returns the expiry, in seconds by the clock of this process. A token from before a set-back
    /// is valid for the remaining part of its lifetime. Afterwards it never becomes valid again,
    /// not even at the time in its text.
    pub(super) fn ends_at_seconds(self, known: &SetBacks) -> u64 {
        let dated = known.dated(self.issued_at(), self.set_backs);
        self.ends_at_seconds.saturating_sub(self.issued_at_seconds.saturating_sub(dated.seconds()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: u64 = 1_735_689_600;
    const AHEAD: u64 = 5 * 3600;
    const LIFE: u64 = 600;

    const fn millis(seconds: u64) -> UnixMillis {
        UnixMillis(seconds * 1000)
    }

    fn known() -> SetBacks {
        SetBacks::default().started(millis(BEGAN + AHEAD), millis(BEGAN)).unwrap()
    }

    #[test]
    fn a_token_issued_later_than_the_start_has_the_rest_of_its_life() {
        let (known, before) = (known(), SetBacks::default());
        let end =
            |issued_at| Lifetime::begin(millis(issued_at), LIFE, &before).ends_at_seconds(&known);
        assert_eq!(end(BEGAN + AHEAD), BEGAN + LIFE);
        assert_eq!(end(BEGAN + AHEAD - 500), BEGAN + LIFE - 500);
        assert!(end(BEGAN + AHEAD - LIFE) <= BEGAN);
        assert_eq!(end(BEGAN + AHEAD + 3), BEGAN + LIFE, "issued after the last look");
        assert_eq!(end(BEGAN - 1), BEGAN - 1 + LIFE);
    }

    #[test]
    fn a_token_of_this_process_ends_as_it_says() {
        let known = known();
        let issued_at = BEGAN + 900;
        let lifetime = Lifetime::begin(millis(issued_at), LIFE, &known);
        assert_eq!(lifetime.ends_at_seconds(&known), issued_at + LIFE);
    }
}

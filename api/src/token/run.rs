//! Expiry of tokens from earlier processes whose clock was ahead of this process's clock.

use countersign_core::set_backs::SetBacks;
use countersign_core::time::UnixMillis;

/// Returns the mark that a process writes into its tokens, or `None` if the clock was never set
/// back.
///
/// The mark is the number of the last set-back that the process knows. It is needed because the
/// times in a token do not show if it was issued before or after the set-back. Tokens without a
/// mark are older than any set-back.
pub(super) fn mark(known: &SetBacks) -> Option<String> {
    Some(known.number()).filter(|number| *number > 0).map(|n| n.to_string())
}

/// Returns the expiry of a token with this mark, in seconds by the clock of this process.
/// `issued_at` and `ends_at` are the times in the token's text. A token from before a set-back is
/// valid for the remaining part of its lifetime. Afterwards it never becomes valid again, not even
/// at the time in its text.
pub(super) fn end(known: &SetBacks, mark: Option<&str>, issued_at: u64, ends_at: u64) -> u64 {
    let number = mark.and_then(|mark| mark.parse().ok()).unwrap_or(0);
    let dated = known.dated(UnixMillis(issued_at.saturating_mul(1000)), number);
    ends_at.saturating_sub(issued_at.saturating_sub(dated.seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: u64 = 1_735_689_600;
    const AHEAD: u64 = 5 * 3600;
    const LIFE: u64 = 600;

    fn known() -> SetBacks {
        let millis = |seconds: u64| UnixMillis(seconds * 1000);
        SetBacks::default().started(millis(BEGAN + AHEAD), millis(BEGAN)).unwrap()
    }

    #[test]
    fn a_token_issued_later_than_the_start_has_the_rest_of_its_life() {
        let known = known();
        for mark in [None, Some("other")] {
            let end = |issued_at: u64| end(&known, mark, issued_at, issued_at + LIFE);
            assert_eq!(end(BEGAN + AHEAD), BEGAN + LIFE);
            assert_eq!(end(BEGAN + AHEAD - 500), BEGAN + LIFE - 500);
            assert!(end(BEGAN + AHEAD - LIFE) <= BEGAN);
            assert_eq!(end(BEGAN + AHEAD + 3), BEGAN + LIFE, "issued after the last look");
            assert_eq!(end(BEGAN - 1), BEGAN - 1 + LIFE);
        }
    }

    #[test]
    fn a_token_of_this_process_ends_as_it_says() {
        let known = known();
        let issued_at = BEGAN + 900;
        let mark = mark(&known);
        assert_eq!(end(&known, mark.as_deref(), issued_at, issued_at + LIFE), issued_at + LIFE);
    }
}

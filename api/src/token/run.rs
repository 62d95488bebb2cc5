//! Tokens of earlier processes, where the clock of this one began behind theirs.

use countersign_core::id::IdempotencyKey;
use countersign_core::time::{SetBack, UnixMillis};

/// A process that started with its clock set back.
///
/// It marks the tokens that it makes, because their times cannot tell them from tokens that an
/// earlier process issued later than its start. Other processes mark none.
pub(super) struct Run {
    mark: String,
    set_back: SetBack,
}

impl Run {
    /// `id` are random bytes of the process.
    pub(super) fn new(set_back: SetBack, id: [u8; 16]) -> Self {
        Self { mark: IdempotencyKey::from_entropy(id).to_string(), set_back }
    }

    /// Gives the mark that the process writes into its tokens.
    pub(super) fn mark(&self) -> String {
        self.mark.clone()
    }

    /// Gives the end of a token with this mark by the clock of the process, in seconds, as the
    /// times in its text are. A token of an earlier process has the rest of its own life, and is
    /// over for good then: it does not come back at the time in its text.
    pub(super) fn end(&self, mark: Option<&str>, issued_at: u64, ends_at: u64) -> u64 {
        if mark == Some(&self.mark) {
            return ends_at;
        }
        let dated = self.set_back.dated(UnixMillis(issued_at.saturating_mul(1000)));
        ends_at.saturating_sub(issued_at.saturating_sub(dated.seconds()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGAN: u64 = 1_735_689_600;
    const AHEAD: u64 = 5 * 3600;
    const LIFE: u64 = 600;

    fn run() -> Run {
        let millis = |seconds: u64| UnixMillis(seconds * 1000);
        Run::new(SetBack::of(millis(BEGAN + AHEAD), millis(BEGAN)).unwrap(), [7; 16])
    }

    #[test]
    fn a_token_issued_later_than_the_start_has_the_rest_of_its_life() {
        let run = run();
        for mark in [None, Some("other")] {
            let end = |issued_at: u64| run.end(mark, issued_at, issued_at + LIFE);
            assert_eq!(end(BEGAN + AHEAD), BEGAN + LIFE);
            assert_eq!(end(BEGAN + AHEAD - 500), BEGAN + LIFE - 500);
            assert!(end(BEGAN + AHEAD - LIFE) <= BEGAN);
            assert_eq!(end(BEGAN + AHEAD + 3), BEGAN + LIFE, "issued after the last look");
            assert_eq!(end(BEGAN - 1), BEGAN - 1 + LIFE);
        }
    }

    #[test]
    fn a_token_of_this_process_ends_as_it_says() {
        let run = run();
        let issued_at = BEGAN + 900;
        assert_eq!(run.end(Some(&run.mark()), issued_at, issued_at + LIFE), issued_at + LIFE);
    }
}

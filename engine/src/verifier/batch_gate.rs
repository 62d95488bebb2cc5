//! The gate of batching: a state machine over counts, without a clock, that tells when a batch is
//! no longer worth its risk.
//!
//! A batch with a bad signature in it costs more than checking each alone, and a client that can
//! send one can send many, each under a fresh key. So their share counts, and not their sender.

/// Checks that are remembered, about: past it, both counts are halved.
const WINDOW: u32 = 2048;
/// Batching stops above one bad signature in so many. A batch of 128 with one in it costs as much
/// as checking each alone, since bad ones can be spread so that each spoils a batch; half of that
/// share leaves a gain.
const STOP_ABOVE_ONE_IN: u32 = 256;
/// Batching resumes below one in so many, well apart, so that it does not flutter.
const RESUME_BELOW_ONE_IN: u32 = 512;

/// Share of bad signatures lately, by which the pool checks in batches or one by one.
#[derive(Debug)]
pub(super) struct BatchGate {
    checked: u32,
    bad: u32,
    batching: bool,
}

impl BatchGate {
    /// Trusting, as after half a window of good signatures: one bad signature at the start proves
    /// nothing.
    pub(super) const fn new() -> Self {
        Self { checked: WINDOW / 2, bad: 0, batching: true }
    }

    /// Tells whether to check in batches.
    pub(super) const fn batching(&self) -> bool {
        self.batching
    }

    /// Takes in how `checked` signatures turned out that could have been in a batch.
    pub(super) const fn note(&mut self, checked: u32, bad: u32) {
        self.checked = self.checked.saturating_add(checked);
        self.bad = self.bad.saturating_add(bad);
        if self.bad.saturating_mul(STOP_ABOVE_ONE_IN) > self.checked {
            self.batching = false;
        } else if self.bad.saturating_mul(RESUME_BELOW_ONE_IN) < self.checked {
            self.batching = true;
        }
        while self.checked > WINDOW {
            self.checked /= 2;
            self.bad /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Number of checks after which the gate has forgotten all earlier ones.
    const LONG: u32 = 16 * WINDOW;

    fn after(rounds: u32, checked: u32, bad: u32) -> BatchGate {
        let mut gate = BatchGate::new();
        note(&mut gate, rounds, checked, bad);
        gate
    }

    fn note(gate: &mut BatchGate, rounds: u32, checked: u32, bad: u32) {
        for _ in 0..rounds {
            gate.note(checked, bad);
        }
    }

    #[test]
    fn it_starts_trusting_and_one_bad_signature_changes_nothing() {
        assert!(BatchGate::new().batching());
        assert!(after(1, 1, 1).batching());
    }

    #[test]
    fn one_bad_signature_in_64_stops_batching_within_ten_batches() {
        let mut gate = BatchGate::new();
        let batches = (1..).take_while(|_| {
            gate.note(64, 1);
            gate.batching()
        });
        assert!(batches.count() < 10);
        note(&mut gate, LONG / 64, 64, 1);
        assert!(!gate.batching(), "it stays so for as long as it goes on");
    }

    #[test]
    fn batching_resumes_by_itself_within_six_windows_of_good_signatures() {
        for flood in [10, WINDOW, LONG] {
            let mut gate = after(flood, 1, 1);
            assert!(!gate.batching());
            let mut good = 0;
            while !gate.batching() {
                gate.note(1, 0);
                good += 1;
            }
            assert!(good <= 6 * WINDOW, "{good} after {flood} bad ones");
        }
    }

    #[test]
    fn a_mistake_now_and_then_does_not_stop_batching() {
        let mut gate = BatchGate::new();
        for _ in 0..LONG / 1000 {
            note(&mut gate, 999, 1, 0);
            gate.note(1, 1);
            assert!(gate.batching());
        }
    }

    #[test]
    fn between_the_two_shares_it_stays_as_it_is() {
        let one_in_384 = |mut gate: BatchGate| {
            note(&mut gate, LONG / 384, 384, 1);
            gate.batching()
        };
        assert!(one_in_384(after(32, 64, 0)));
        assert!(!one_in_384(after(32, 64, 1)));
    }

    proptest! {
        #[test]
        fn no_counts_are_too_large(
            notes in prop::collection::vec((any::<u32>(), any::<u32>()), 1..20),
        ) {
            let mut gate = BatchGate::new();
            for (checked, bad) in notes {
                gate.note(checked, bad.min(checked));
                prop_assert!(gate.checked <= WINDOW && gate.bad <= gate.checked);
            }
        }
    }
}

//! The gate of batching: a state machine over counts, without a clock, that stops batching while
//! too many signatures are bad.
//!
//! A batch with a bad signature costs more than a check of each signature alone. A client that can
//! send one bad signature can send many, each with a new key. So the gate counts the share of bad
//! signatures, and not their senders.

/// Approximate number of checks that the gate remembers. Above this number, both counts are halved.
const WINDOW: u32 = 2048;
/// Batching stops if more than one in this number of signatures is bad. Bad signatures can be
/// spread so that each spoils a batch, and a batch of 128 with one bad signature costs as much as
/// 128 single checks. Half of that share still leaves a gain.
const STOP_ABOVE_ONE_IN: u32 = 256;
/// Batching resumes if fewer than one in this number of signatures is bad. The number is twice the
/// one above, so that batching does not stop and resume all the time.
const RESUME_BELOW_ONE_IN: u32 = 512;

/// Recent share of bad signatures, which decides between checks in batches and checks one by one.
#[derive(Debug)]
pub(super) struct BatchGate {
    checked: u32,
    bad: u32,
    batching: bool,
}

impl BatchGate {
    /// Makes a gate that allows batching, as after half a window of good signatures, because one
    /// bad signature at the start proves nothing.
    pub(super) const fn new() -> Self {
        Self { checked: WINDOW / 2, bad: 0, batching: true }
    }

    /// Returns true if signatures are to be checked in batches.
    pub(super) const fn batching(&self) -> bool {
        self.batching
    }

    /// Adds the results of `checked` signatures that could have been in a batch, of which `bad`
    /// were bad.
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

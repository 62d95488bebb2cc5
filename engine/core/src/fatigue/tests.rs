//! Tests of the counters: of each wait, and of random sequences of requests, none of which exceeds
//! the limits.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::number_match::Digits;

const NOW: UnixMillis = UnixMillis(1_735_689_600_000);
const MINUTE_MS: u64 = 60_000;

/// A user's counters, the present time and the limits.
struct Person {
    counters: Counters,
    now: UnixMillis,
    limits: Limits,
}

impl Person {
    fn new() -> Self {
        Self { counters: Counters::default(), now: NOW, limits: Limits::default() }
    }

    fn wait_ms(&self) -> u64 {
        self.counters.prompt_wait_ms(self.now, &self.limits)
    }

    fn prompt(&mut self) -> bool {
        let allowed = self.wait_ms() == 0;
        if allowed {
            self.counters = self.counters.prompted(self.now, &self.limits);
        }
        allowed
    }

    fn answer(&mut self, outcome: Outcome) {
        self.counters = self.counters.after(outcome, self.now);
    }

    fn number(&mut self) -> bool {
        let allowed = self.counters.number_wait_ms(self.now, &self.limits) == 0;
        if allowed {
            self.counters = self.counters.numbered(self.now);
        }
        allowed
    }

    fn pass(&mut self, ms: u64) {
        self.now = self.now.plus_ms(ms);
    }
}

#[test]
fn the_sixth_prompt_waits_until_the_first_is_15_minutes_old() {
    let mut person = Person::new();
    for _ in 0..5 {
        assert!(person.prompt());
        person.pass(MINUTE_MS);
    }
    assert_eq!(person.wait_ms(), 10 * MINUTE_MS);
    person.pass(10 * MINUTE_MS - 1);
    assert!(!person.prompt());
    person.pass(1);
    assert!(person.prompt());
    assert_eq!(person.wait_ms(), MINUTE_MS, "until the second is as old");
}

#[test]
fn prompts_that_reach_nobody_are_bounded_too() {
    let mut person = Person::new();
    for _ in 0..20 {
        assert!(person.prompt());
        person.counters = person.counters.unprompted(person.now);
        assert_eq!(person.counters.prompts, []);
        person.pass(1);
    }
    let held = person.counters.prompt_hold(person.now, &person.limits);
    assert_eq!(held, Some((Hold::Unreached, 15 * MINUTE_MS - 20)));
    person.pass(15 * MINUTE_MS - 20);
    assert!(person.prompt());
    assert_eq!(person.counters.unreached.len(), 19, "the first is forgotten");
    person.pass(15 * MINUTE_MS);
    assert!(person.prompt());
    assert_eq!(person.counters.unreached, []);
}

#[test]
fn a_prompt_as_old_as_the_window_is_forgotten() {
    let mut person = Person::new();
    assert!(person.prompt());
    person.pass(15 * MINUTE_MS);
    assert!(person.prompt());
    assert_eq!(person.counters.prompts, [person.now]);
}

#[test]
fn each_denial_doubles_the_wait_up_to_an_hour() {
    let mut person = Person::new();
    for seconds in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        person.answer(Outcome::Denied);
        assert_eq!(person.wait_ms(), seconds * 1000);
        person.pass(seconds * 1000 - 1);
        assert_eq!(person.wait_ms(), 1);
        person.pass(1);
        assert_eq!(person.wait_ms(), 0);
    }
    person.counters.denials = u32::MAX;
    person.answer(Outcome::Denied);
    assert_eq!(person.wait_ms(), 60 * MINUTE_MS);
}

#[test]
fn a_report_holds_prompts_for_15_minutes_even_where_another_challenge_is_approved() {
    let mut person = Person::new();
    person.answer(Outcome::Reported);
    assert_eq!(person.counters.denials, 1);
    person.pass(MINUTE_MS);
    person.answer(Outcome::Approved);
    assert_eq!(person.counters.denials, 0);
    assert_eq!(person.wait_ms(), 14 * MINUTE_MS);
    person.pass(14 * MINUTE_MS);
    assert!(person.prompt());
}

#[test]
fn the_fifth_number_holds_numbers_and_prompts_and_each_further_one_for_longer() {
    let mut person = Person::new();
    for _ in 0..4 {
        assert!(person.number());
        assert_eq!(person.wait_ms(), 0);
    }
    for minutes in [15, 30, 60, 60] {
        assert!(person.number());
        assert!(!person.number());
        assert_eq!(person.wait_ms(), minutes * MINUTE_MS);
        person.pass(minutes * MINUTE_MS - 1);
        assert!(!person.number() && !person.prompt());
        person.pass(1);
    }
}

/// Makes a user for whom `numbers` numbers were typed, one an hour.
fn guessed(numbers: u32) -> Person {
    let mut person = Person::new();
    person.limits.number_match = Some(Digits::Six);
    for _ in 0..numbers {
        person.pass(60 * MINUTE_MS);
        assert!(person.number());
    }
    person
}

#[test]
fn the_hundredth_number_locks_numbers_and_prompts_for_as_long_as_nothing_is_approved() {
    let mut person = guessed(99);
    person.pass(60 * MINUTE_MS);
    assert!(!person.counters.is_locked(&person.limits) && person.prompt() && person.number());
    for wait_ms in [0, 60 * MINUTE_MS, u64::MAX] {
        person.pass(wait_ms);
        assert!(person.counters.is_locked(&person.limits));
        assert_eq!((person.wait_ms(), person.number(), person.prompt()), (3_600_000, false, false));
    }
    for outcome in [Outcome::Cancelled, Outcome::Denied, Outcome::Expired, Outcome::Failed] {
        person.answer(outcome);
        assert!(person.counters.is_locked(&person.limits), "{outcome:?}");
    }
    person.answer(Outcome::Approved);
    assert!(!person.counters.is_locked(&person.limits) && person.number() && person.prompt());
}

#[test]
fn a_lock_can_be_left_by_an_approval_where_no_number_is_asked_for() {
    let mut person = guessed(100);
    assert!(!person.prompt());
    person.limits.number_match = None;
    assert!(person.prompt() && !person.number());
    person.answer(Outcome::Denied);
    assert_eq!(person.wait_ms(), 30_000, "the other waits hold all the same");
}

#[test]
fn a_lock_without_a_hold_is_a_lock() {
    let mut person = guessed(100);
    person.limits.number_hold_ms_max = 0;
    assert!(!person.number() && !person.prompt());
}

#[test]
fn an_approval_clears_the_counts_and_no_other_outcome_does() {
    let mut person = Person::new();
    (0..5).for_each(|_| assert!(person.prompt()));
    (0..4).for_each(|_| assert!(person.number()));
    let counted = person.counters.clone();
    use Outcome as O;
    for outcome in [O::Cancelled, O::Expired, O::Failed, O::Revoked, O::Superseded] {
        person.answer(outcome);
        assert_eq!(person.counters, counted, "{outcome:?}");
    }
    person.answer(Outcome::Denied);
    assert_eq!((person.counters.prompts.len(), person.counters.numbers), (5, 4));
    person.answer(Outcome::Approved);
    assert_eq!(person.counters, Counters::default());
}

#[test]
fn a_clock_that_is_set_back_gives_no_prompts_away() {
    let mut person = Person::new();
    (0..5).for_each(|_| assert!(person.prompt()));
    person.answer(Outcome::Denied);
    person.now = NOW.minus_ms(60 * MINUTE_MS);
    assert!(!person.prompt());
    person.answer(Outcome::Denied);
    assert_eq!(person.counters.denied_at, NOW);
}

#[test]
fn a_clock_that_is_set_back_makes_no_wait_longer_than_it_is() {
    let mut person = Person::new();
    (0..5).for_each(|_| assert!(person.prompt() && person.number()));
    person.answer(Outcome::Reported);
    assert_eq!(person.counters.not_ahead_of(NOW), None);
    person.now = NOW.minus_ms(10_000 * MINUTE_MS);
    assert_eq!(person.wait_ms(), 15 * MINUTE_MS, "what is told is at most the whole wait");
    person.counters = person.counters.not_ahead_of(person.now).unwrap();
    assert_eq!((person.counters.prompts.len(), person.counters.numbers), (5, 5));
    person.pass(15 * MINUTE_MS - 1);
    assert!(!person.prompt() && !person.number());
    person.pass(1);
    assert!(person.prompt() && person.number());
}

#[test]
fn where_no_prompt_is_allowed_none_is() {
    let mut person = Person::new();
    person.limits.prompts_max = 0;
    assert_eq!(person.wait_ms(), 15 * MINUTE_MS);
}

#[derive(Clone, Copy, Debug)]
enum Try {
    Prompt,
    Number,
    Answer(Outcome),
}

fn tries() -> impl Strategy<Value = Vec<(u64, Try)>> {
    const ENDS: [Outcome; 4] =
        [Outcome::Denied, Outcome::Reported, Outcome::Superseded, Outcome::Expired];
    let one = prop_oneof![
        12 => Just(Try::Prompt),
        6 => Just(Try::Number),
        1 => prop::sample::select(&ENDS[..]).prop_map(Try::Answer),
    ];
    // Most pauses are short, so that attempts come in bursts. Some are so long that waits end.
    let pause = prop_oneof![6 => 0..2_000_u64, 2 => 0..400_000_u64, 1 => 0..8_000_000_u64];
    vec((pause, one), 1..400)
}

/// Returns the maximum number of `times` within one window of `window_ms` milliseconds.
fn most_in(window_ms: u64, times: &[UnixMillis]) -> usize {
    let in_one = |from: &UnixMillis, at: &UnixMillis| at >= from && at.ms_since(*from) < window_ms;
    let counts = times.iter().map(|from| times.iter().filter(|at| in_one(from, at)).count());
    counts.max().unwrap_or_default()
}

proptest! {
    #[test]
    fn no_schedule_gets_more_prompts_or_numbers_than_is_written_down(schedule in tries()) {
        let mut person = Person::new();
        let limits = person.limits.clone();
        let (mut prompts, mut numbers, mut stopped_until) = (Vec::new(), Vec::new(), NOW);
        for (pause_ms, what) in schedule {
            person.pass(pause_ms);
            let before = person.counters.clone();
            match what {
                Try::Prompt if person.prompt() => {
                    prop_assert!(person.now >= stopped_until, "asked in spite of a denial");
                    prompts.push(person.now);
                }
                Try::Number if person.number() => numbers.push(person.now),
                // A refused attempt leaves the counters unchanged.
                Try::Prompt | Try::Number => prop_assert_eq!(&person.counters, &before),
                Try::Answer(outcome) => {
                    person.answer(outcome);
                    let until = |ms| stopped_until.max(person.now.plus_ms(ms));
                    if outcome == Outcome::Denied {
                        stopped_until = until(limits.denial_wait_ms);
                    } else if outcome == Outcome::Reported {
                        stopped_until = until(limits.report_hold_ms);
                    }
                }
            }
            prop_assert!(person.wait_ms() <= limits.denial_wait_ms_max, "nobody waits for longer");
            prop_assert!(person.counters.prompts.len() <= limits.prompts_max);
        }
        prop_assert!(most_in(limits.prompts_window_ms, &prompts) <= limits.prompts_max);
        let late = numbers.get(limits.numbers_max as usize - 1..).unwrap_or_default();
        prop_assert!(most_in(limits.number_hold_ms, late) <= 1);
    }
}

//! Tests of the counts of prompts and numbers, which change in the same record as the challenge.

use super::*;
use crate::fatigue::Counters;
use crate::number_match::{AskedNumber, Digits};
use crate::refusal::Hold;

const MINUTE_MS: u64 = 60_000;

impl World {
    /// Makes a user with one device whose tenant asks for a number.
    fn with_numbers() -> Self {
        let mut world = Self::with_devices(1);
        world.limits.number_match = Some(Digits::Two);
        world
    }

    fn counters(&self) -> Counters {
        self.account.record().unwrap().counters.clone()
    }

    /// Counts the attempt of an approval that arrives at `at`, with a typed number if `typed`.
    fn count(
        &mut self,
        issued: &Issued,
        typed: bool,
        at: UnixMillis,
    ) -> Result<Option<AskedNumber>, Refusal> {
        let (digits, signing) = (typed.then_some("7"), Signing::ChallengeId);
        let approval = answer_with(&issued.challenge, 1, Outcome::Approved, digits, signing);
        let judged = self.account.decide(&approval, at, &self.limits)?;
        let counted = judged.count_number(&self.limits)?;
        Ok(counted.map(|Transition { change, answer }| {
            self.account.apply(&change);
            answer
        }))
    }
}

#[test]
fn a_prompt_is_counted_in_the_change_that_issues_it() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a");
    let transition = world.account.issue(&issue_of(1), &action, NOW, &world.limits).unwrap();
    let counted =
        transition.change.writes.iter().any(
            |write| matches!(write, Write::Account(record) if record.counters.prompts == [NOW]),
        );
    assert!(counted, "{:?}", transition.change);
}

#[test]
fn the_sixth_prompt_is_refused_whether_it_takes_the_place_of_another_or_not() {
    let mut world = World::with_devices(1);
    (1..=5).for_each(|seed| {
        world.open(seed, "signIn");
    });
    assert_eq!(world.account.open().len(), 1);
    let counted = world.counters();
    for code in ["signIn", "pay"] {
        let action = world.track(code, "more");
        let refusal = world.issue(&issue_of(6), &action, NOW.plus_ms(1)).err();
        let retry_after_ms = 15 * MINUTE_MS - 1;
        let hold = Hold::Asked;
        assert_eq!(refusal, Some(Refusal::TooManyPrompts { hold, retry_after_ms }));
    }
    assert_eq!(world.counters(), counted);
    assert_eq!(world.account.open()[0].id, challenge_id(5), "it is still open");
}

#[test]
fn the_relying_party_that_updates_a_user_resets_nothing() {
    let mut world = World::with_devices(1);
    world.open(1, "signIn");
    let counted = world.counters();
    world.carry_out(|a| Ok(a.update_profile(&ProfilePatch::default(), NOW))).unwrap();
    assert_eq!(world.counters(), counted);
}

#[test]
fn denials_reports_and_approvals_are_counted_with_the_end_that_they_bring() {
    let table = [
        (Outcome::Denied, Some((Hold::Denied, 30_000))),
        (Outcome::Reported, Some((Hold::Reported, 15 * MINUTE_MS))),
        (Outcome::Approved, None),
    ];
    for (outcome, held) in table {
        let mut world = World::with_devices(1);
        let issued = world.open(1, "signIn");
        world.settle(decided(outcome, 1, NOW), &issued).unwrap();
        let action = world.track("signIn", "next");
        let refusal = world.issue(&issue_of(2), &action, NOW).err();
        let expected =
            held.map(|(hold, retry_after_ms)| Refusal::TooManyPrompts { hold, retry_after_ms });
        assert_eq!(refusal, expected, "{outcome:?}");
    }
}

#[test]
fn a_challenge_has_a_number_where_the_tenant_asks_for_one() {
    assert_eq!(World::with_devices(1).open(1, "signIn").challenge.number, None);
    let asked = World::with_numbers().open(1, "signIn").challenge.number.clone().unwrap();
    assert_eq!((asked.number.digits(), asked.tries), (2, 0));
}

#[test]
fn an_approval_needs_the_number_and_nothing_else_does() {
    let mut world = World::with_numbers();
    let issued = world.open(1, "signIn");
    let refusal = world.settle(decided(Outcome::Approved, 1, NOW), &issued).err();
    assert_eq!(refusal, Some(Refusal::NumberMissing));
    let typed = TypedNumber::parse(issued.challenge.number.as_ref().unwrap().number.reveal());
    let matched = issued.challenge.number.as_ref().unwrap().number.compare(&typed.unwrap());
    let evidence = Evidence { number: matched.as_ref(), ..Evidence::default() };
    let approval = decided(Outcome::Approved, 1, NOW);
    let settled = world.settled(approval, &issued, Some(&issued.action), evidence).unwrap();
    assert_eq!(settled.answer.ended.as_ref().unwrap().outcome, Outcome::Approved);
    for outcome in [Outcome::Denied, Outcome::Reported] {
        let mut world = World::with_numbers();
        let issued = world.open(1, "signIn");
        let answer = answer(&issued.challenge, 1, outcome);
        let judged = world.account.decide(&answer, NOW, &world.limits).unwrap();
        assert!(judged.count_number(&world.limits).unwrap().is_none());
        assert!(world.settle(decided(outcome, 1, NOW), &issued).is_ok());
    }
}

#[test]
fn three_numbers_are_counted_for_a_challenge_and_no_fourth() {
    let mut world = World::with_numbers();
    let issued = world.open(1, "signIn");
    for tries in 1..=3 {
        assert_eq!(world.count(&issued, true, NOW).unwrap().unwrap().tries, tries);
        assert_eq!(world.counters().numbers, tries);
    }
    assert_eq!(world.count(&issued, true, NOW), Err(Refusal::NumberWrong { last: true }));
    assert_eq!(world.counters().numbers, 3);
}

#[test]
fn a_new_challenge_resets_no_count_of_numbers() {
    let mut world = World::with_numbers();
    let first = world.open(1, "signIn");
    (0..3).for_each(|_| assert!(world.count(&first, true, NOW).is_ok()));
    let second = world.open(2, "signIn");
    (0..2).for_each(|_| assert!(world.count(&second, true, NOW).is_ok()));
    let held = Err(Refusal::TooManyNumbers { hold: Hold::Numbers, retry_after_ms: 15 * MINUTE_MS });
    assert_eq!(world.count(&second, true, NOW), held);
    assert_eq!(world.counters().numbers, 5);
}

#[test]
fn what_is_no_attempt_counts_for_nothing() {
    let mut world = World::with_numbers();
    let issued = world.open(1, "signIn");
    let before = world.counters();
    assert_eq!(world.count(&issued, false, NOW), Err(Refusal::NumberMissing));
    let late = issued.challenge.expires_at;
    assert_eq!(world.count(&issued, true, late), Err(Refusal::ChallengeEnded));
    world.settle(undecided(Outcome::Failed, NOW), &issued).unwrap();
    assert_eq!(world.count(&issued, true, NOW), Err(Refusal::ChallengeEnded));
    assert_eq!(world.counters(), before);
    let mut plain = World::with_devices(1);
    let issued = plain.open(1, "signIn");
    assert_eq!(plain.count(&issued, true, NOW), Ok(None));
}

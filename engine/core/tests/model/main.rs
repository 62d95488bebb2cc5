//! Random sequences of events, compared with a small reference model.
//!
//! The tests use the core as the engine does: an account accepts or refuses each decision that has
//! arrived, its changes are committed to a store, and copies of challenges in memory are replaced
//! by recorded ones. Commits are lost, or arrive late. After every step the [`invariants`] must
//! hold, and the store must agree with the [`reference`].

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod answering;
mod event;
mod invariants;
mod memory;
mod names;
mod reference;
mod simulation;
mod store;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use countersign_core::outcome::Outcome;
use countersign_core::refusal::Refusal;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

use event::{Event, Step};
use reference::Reference;
use world::{Verdict, World};

/// Names of the cases that a run has reached. A test checks that the generated sequences reach all
/// of them.
type Reached = BTreeSet<String>;

fn config() -> ProptestConfig {
    let regressions = FileFailurePersistence::Direct("tests/model/regressions.txt");
    ProptestConfig { failure_persistence: Some(Box::new(regressions)), ..ProptestConfig::default() }
}

/// Runs the steps in the world and in the reference model, and compares the two after each step.
fn run(steps: &[Step]) -> Reached {
    run_logged(steps, &mut Vec::new())
}

/// Runs the steps like [`run`], and also logs each event before it is run.
fn run_logged(steps: &[Step], log: &mut Vec<String>) -> Reached {
    let (mut world, mut reference) = (World::new(), Reference::default());
    let mut reached = Reached::new();
    for step in steps {
        let before = world.store.clone();
        let Some(event) = event::resolve(step, &world, &reference) else { continue };
        let lost = if step.lost { ", lost" } else { "" };
        log.push(format!("{} {event:?}{lost}", world.now.0));
        let verdict = carry_out(&event, step.lost, &mut world, &mut reference);
        if let Verdict::Refused(refusal) = &verdict {
            reached.insert(name(refusal));
            invariants::refusals_change_nothing(&before, &world.store);
        }
        invariants::check(&world, &reference, &before);
    }
    let ends = world.store.challenges.values().filter_map(|c| c.ended.as_ref());
    reached.extend(ends.map(|ended| ended.outcome.name().to_owned()));
    reached.extend(world.reached.iter().map(|what| (*what).to_owned()));
    reached
}

fn carry_out(event: &Event, lost: bool, world: &mut World, reference: &mut Reference) -> Verdict {
    if let Event::Late(index) = event {
        let late = world.lost.remove(*index);
        let unchanged = late.version == reference.version(late.event.user());
        assert_eq!(
            world.arrives(&late),
            unchanged,
            "a change is recorded only on what it was made from"
        );
        if unchanged {
            *reference = reference.after(&late.event, late.at).unwrap();
        }
        return Verdict::Done;
    }
    if let Event::Repeat = event {
        world.repeat();
        return Verdict::Done;
    }
    if let Event::Crash { back_ms } = event {
        world.crash(*back_ms);
        recover(world, reference);
        return Verdict::Done;
    }
    let at = world.now;
    let predicted = reference.after(event, at);
    let verdict = world.carry_out(event, lost, reference);
    match (&verdict, predicted) {
        (Verdict::Done, Ok(next)) => *reference = next,
        (Verdict::Lost, Ok(_)) | (Verdict::Unsure, _) => {}
        // The clock was set back behind the time of an answer. The account then refuses prompts,
        // because it cannot know how long ago the answer was. The reference model does not predict
        // this.
        (Verdict::Refused(Refusal::TooManyPrompts { .. }), Ok(_)) if world.now < world.latest => {}
        (Verdict::Refused(refusal), Err(predicted)) => assert_eq!(*refusal, predicted, "{event:?}"),
        (verdict, predicted) => panic!("{event:?}: {verdict:?}, predicted {:?}", predicted.err()),
    }
    verdict
}

/// Does what a server does at its start: if the clock is behind the highest time so far, all open
/// challenges expire as of that highest time.
fn recover(world: &mut World, reference: &mut Reference) {
    if world.now >= world.latest {
        return;
    }
    world.reached.insert("a clock that was set back");
    let (outcome, at) = (Outcome::Expired, world.latest);
    let pending = reference.challenges.iter().filter(|(_, asked)| asked.end.is_none());
    let pending: Vec<_> = pending.map(|(number, asked)| (*number, asked.action.user)).collect();
    for (challenge, user) in pending {
        let event = Event::End { user, challenge, outcome, at };
        assert_eq!(carry_out(&event, false, world, reference), Verdict::Done, "{event:?}");
    }
    assert_eq!(world.store.open().count(), 0, "nothing of another time is pending");
}

fn name(refusal: &Refusal) -> String {
    let shown = format!("{refusal:?}");
    shown.split([' ', '(']).next().unwrap_or_default().to_owned()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn whatever_happens_the_invariants_hold(steps in vec(event::step(), 1..80)) {
        run(&steps);
    }
}

/// Checks that the generated sequences reach every case, because a rare case is hardly tested. The
/// weights of the kinds of steps are chosen for this.
#[test]
fn the_sequences_reach_every_outcome_and_every_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut reached: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..256 {
        let steps = vec(event::step(), 40..80).new_tree(&mut runner).unwrap().current();
        run(&steps).into_iter().for_each(|what| *reached.entry(what).or_default() += 1);
    }
    let expected = [
        "approved",
        "cancelled",
        "denied",
        "expired",
        "revoked",
        "superseded",
        "ActionEnded",
        "AddScopeMissing",
        "ActionUnknown",
        "AuthenticatorUnknown",
        "AuthenticatorsMax",
        "ChallengeEnded",
        "ChallengeHeld",
        "ChallengeUnknown",
        "NoAuthenticator",
        "OpenChallenge",
        "OpenChallengesMax",
        "SigningLowered",
        "UsersPerKeyMax",
        "a binding without a place",
        "a key that rose for another user",
        "a statement",
        "a repeated answer",
        "an offer",
        "a late commit",
        "a stale commit",
        "a lost commit",
        "a repeated commit",
        "a crash",
        "a clock that was set back",
    ];
    let rare = expected.iter().filter(|what| reached.get(**what).is_none_or(|count| *count < 8));
    let rare: Vec<_> = rare.collect();
    assert!(rare.is_empty(), "hardly ever reached: {rare:?} of {reached:?}");
}

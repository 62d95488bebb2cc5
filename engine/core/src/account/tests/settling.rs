//! Tests of the records that the end of a challenge changes.

use super::*;

#[test]
fn each_outcome_puts_its_action_in_its_state() {
    let table = [
        (Outcome::Approved, Some(ActionState::ChallengeSucceeded)),
        (Outcome::Denied, Some(ActionState::ChallengeFailed)),
        (Outcome::Reported, Some(ActionState::ChallengeFailed)),
        (Outcome::Failed, Some(ActionState::ChallengeFailed)),
        (Outcome::Cancelled, None),
        (Outcome::Expired, None),
        (Outcome::Revoked, None),
        (Outcome::Superseded, None),
    ];
    for (outcome, state) in table {
        let mut world = World::with_devices(1);
        let issued = world.open(1, "signIn");
        let later = NOW.plus_ms(7);
        let (end, ended) = if outcome.needs_device() {
            let signature = Some(answer(&issued.challenge, 1, outcome).signature().to_vec());
            let ended = Ended { outcome, at: later, by: Some(device_id(1)), signature };
            (decided(outcome, 1, later), ended)
        } else {
            (undecided(outcome, later), Ended::without_device(outcome, later))
        };
        let id = &issued.challenge.id;
        let action = Some(&*issued.action);
        let settled = world.settled(end, &issued, action, Evidence::default()).unwrap();
        assert_eq!(end_in(&settled.change, id), Some(ended.clone()), "{outcome:?}");
        let action = action_in(&settled.change);
        assert_eq!(action.as_ref().map(|a| a.state), state, "{outcome:?}");
        assert_eq!(action.and_then(|a| a.decided_by.clone()), state.and(ended.by), "{outcome:?}");
        world.account.apply(&settled.change);
        assert!(world.account.open().is_empty(), "{outcome:?}");
    }
}

#[test]
fn no_outcome_replaces_another() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    world.settle(decided(Outcome::Denied, 1, NOW), &issued).unwrap();
    for outcome in [Outcome::Approved, Outcome::Denied] {
        let refusal = world.settle(decided(outcome, 1, NOW), &issued).err();
        assert_eq!(refusal, Some(Refusal::ChallengeEnded));
    }
}

#[test]
fn a_device_that_was_not_asked_cannot_end_a_challenge() {
    let mut world = World::with_devices(2);
    let action = world.track("signIn", "a");
    let issue = Issue { target: Some(device_id(1)), ..issue_of(1) };
    let issued = world.issue(&issue, &action, NOW).unwrap();
    for by in [2, 9] {
        let refusal = world.settle(decided(Outcome::Approved, by, NOW), &issued).err();
        assert_eq!(refusal, Some(Refusal::ChallengeUnknown), "device {by}");
    }
}

#[test]
fn a_device_that_was_removed_meanwhile_cannot_end_a_challenge() {
    let mut world = World::with_devices(2);
    let issued = world.open(1, "signIn");
    world.carry_out(|a| a.remove_device(&device_id(1), NOW)).unwrap();
    let refusal = world.settle(decided(Outcome::Approved, 1, NOW), &issued).err();
    assert_eq!(refusal, Some(Refusal::ChallengeUnknown));
    assert!(world.settle(decided(Outcome::Approved, 2, NOW), &issued).is_ok());
}

#[test]
fn a_device_that_was_enrolled_later_was_not_asked() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    let (enroll, limits) = (enroll_of(2, true), world.limits.clone());
    world.carry_out(|a| a.enroll(&enroll, device_id(2), NOW, &limits)).unwrap();
    let refusal = world.settle(decided(Outcome::Approved, 2, NOW), &issued).err();
    assert_eq!(refusal, Some(Refusal::ChallengeUnknown));
}

#[test]
fn a_held_challenge_can_be_cancelled_and_not_decided() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a");
    let issued = world.issue(&Issue { held: true, ..issue_of(1) }, &action, NOW).unwrap();
    let refusal = world.settle(decided(Outcome::Approved, 1, NOW), &issued).err();
    assert_eq!(refusal, Some(Refusal::ChallengeHeld));
    assert!(world.settle(undecided(Outcome::Cancelled, NOW), &issued).is_ok());
}

#[test]
fn a_decision_that_was_late_is_refused() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    let expires_at = issued.challenge.expires_at;
    let refusal = world.settle(decided(Outcome::Approved, 1, expires_at), &issued).err();
    assert_eq!(refusal, Some(Refusal::ChallengeEnded));
    let in_time = decided(Outcome::Approved, 1, expires_at.minus_ms(1));
    assert!(world.settle(in_time, &issued).is_ok());
}

#[test]
fn nobody_but_a_device_approves_denies_or_reports() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    for outcome in [Outcome::Approved, Outcome::Denied, Outcome::Reported] {
        let refusal = world.settle(undecided(outcome, NOW), &issued).err();
        assert_eq!(refusal, Some(Refusal::ChallengeUnknown), "{outcome:?}");
    }
}

#[test]
fn a_challenge_ends_with_its_own_action_and_no_other() {
    let mut world = World::with_devices(1);
    let (one, other) = (world.open(1, "signIn"), world.open(2, "pay"));
    let foreign = Action { account: key_of("other"), ..Action::clone(&one.action) };
    for action in [Some(&*other.action), Some(&foreign), None] {
        let approved = decided(Outcome::Approved, 1, NOW);
        let refusal = world.settled(approved, &one, action, Evidence::default()).err();
        assert_eq!(refusal, Some(Refusal::ActionUnknown));
    }
    let failed = undecided(Outcome::Failed, NOW);
    let refusal = world.settled(failed, &one, Some(&other.action), Evidence::default()).err();
    assert_eq!(refusal, Some(Refusal::ActionUnknown));
    let expired = undecided(Outcome::Expired, NOW);
    assert!(
        world.settled(expired, &one, None, Evidence::default()).is_ok(),
        "its action may be forgotten"
    );
}

#[test]
fn a_decision_shows_when_its_device_was_last_used_and_never_turns_that_back() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    world.settle(decided(Outcome::Approved, 1, NOW.plus_ms(9)), &issued).unwrap();
    let used = |world: &World| world.account.devices()[0].last_verified_at;
    assert_eq!(used(&world), Some(NOW.plus_ms(9)));
    let issued = world.open(2, "signIn");
    world.settle(decided(Outcome::Approved, 1, NOW.plus_ms(3)), &issued).unwrap();
    assert_eq!(used(&world), Some(NOW.plus_ms(9)));
}

/// Ends a challenge that displays `{}` with `outcome` and `evidence`, and returns the account and
/// the action.
fn approved_with(evidence: Evidence<'_>, outcome: Outcome) -> (World, Arc<Action>) {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "pay");
    let action = Some(&*issued.action);
    let settled = world.settled(decided(outcome, 1, NOW), &issued, action, evidence).unwrap();
    world.account.apply(&settled.change);
    (world, action_in(&settled.change).unwrap())
}

#[test]
fn an_action_keeps_what_was_shown_where_it_was_proven_and_approved() {
    let proven = Evidence { read: true, ..Evidence::default() };
    let (_, action) = approved_with(proven, Outcome::Approved);
    assert_eq!(action.approved.as_ref().map(DisplayText::as_str), Some("{}"));
    assert!(approved_with(Evidence::default(), Outcome::Approved).1.approved.is_none());
    assert!(approved_with(proven, Outcome::Denied).1.approved.is_none());
}

#[test]
fn after_an_override_nothing_is_told_to_be_approved() {
    let proven = Evidence { read: true, ..Evidence::default() };
    for state in [ActionState::ChallengeSucceeded, ActionState::ChallengeFailed] {
        let (world, action) = approved_with(proven, Outcome::Approved);
        let overridden = world.account.override_action(&action, state, NOW).answer;
        assert_eq!((overridden.state, &overridden.approved), (state, &None));
    }
}

#[test]
fn an_end_without_a_decision_leaves_nothing_approved() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "pay");
    let approved = Some(DisplayText::new("{}").unwrap());
    let before = Action { approved, ..Action::clone(&issued.action) };
    let failed = undecided(Outcome::Failed, NOW);
    let settled = world.settled(failed, &issued, Some(&before), Evidence::default()).unwrap();
    assert_eq!(action_in(&settled.change).unwrap().approved, None);
}

#[test]
fn an_action_names_the_revision_that_recorded_it() {
    let mut world = World::empty();
    assert_eq!(world.track("signIn", "first").revision, 1);
    assert_eq!(world.track("signIn", "second").revision, 2);
}

//! Tests of the acceptance and refusal of decisions, and of expiry.

use super::*;

/// Returns the account's result for an approval by device `by` that arrives at `arrived_at`.
fn judge(
    world: &World,
    challenge: &Challenge,
    by: u8,
    arrived_at: UnixMillis,
) -> Result<(), Refusal> {
    let decision = answer(challenge, by, Outcome::Approved);
    world.account.decide(&decision, arrived_at, &world.limits).map(drop)
}

#[test]
fn a_signature_over_another_challenge_is_no_decision_of_this_one() {
    let mut world = World::with_devices(1);
    let (one, other) = (world.open(1, "signIn"), world.open(2, "pay"));
    world.settle(decided(Outcome::Approved, 1, NOW), &other).unwrap();
    assert_eq!(world.account.open(), std::slice::from_ref(&one.challenge));
    let elsewhere = Challenge { id: challenge_id(3), ..Challenge::clone(&one.challenge) };
    assert_eq!(judge(&world, &elsewhere, 1, NOW), Err(Refusal::ChallengeEnded));
    assert_eq!(world.account.open(), [one.challenge]);
}

#[test]
fn a_device_that_was_not_asked_learns_nothing() {
    let mut world = World::with_devices(2);
    let issued = world.open(1, "signIn");
    world.limits.signing_min = Signing::StatementV1;
    // The device sees neither that a statement is required nor that the challenge has expired.
    for arrived_at in [NOW, issued.challenge.expires_at] {
        let told = judge(&world, &issued.challenge, 3, arrived_at);
        assert_eq!(told, Err(Refusal::ChallengeUnknown));
    }
}

#[test]
fn where_statements_are_asked_for_a_signed_challenge_id_is_refused() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    world.limits.signing_min = Signing::StatementV1;
    let refusal = world.settle(decided(Outcome::Approved, 1, NOW), &issued).err();
    assert_eq!(refusal, Some(Refusal::StatementRequired));
    let (outcome, signing) = (Outcome::Approved, Signing::StatementV1);
    let stated = answer_with(&issued.challenge, 1, outcome, None, signing);
    assert!(world.account.decide(&stated, NOW, &world.limits).is_ok());
}

#[test]
fn a_held_challenge_is_answered_after_its_release() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a");
    let issued = world.issue(&Issue { held: true, ..issue_of(1) }, &action, NOW).unwrap();
    assert_eq!(judge(&world, &issued.challenge, 1, NOW), Err(Refusal::ChallengeHeld));
    world.carry_out(|a| a.release(&issued.challenge.id)).unwrap();
    assert_eq!(judge(&world, &issued.challenge, 1, NOW), Ok(()));
}

#[test]
fn a_decision_is_judged_by_the_time_it_arrived() {
    let expires = NOW.plus_ms(Limits::default().challenge_lifetime_ms);
    let table = [(expires.minus_ms(1), true), (expires, false), (expires.plus_ms(1), false)];
    for (arrived_at, in_time) in table {
        let mut world = World::with_devices(2);
        let issued = world.open(1, "signIn");
        match world.settle(decided(Outcome::Denied, 2, arrived_at), &issued) {
            Ok(challenge) => {
                assert!(in_time, "{arrived_at:?}");
                let ended = challenge.ended.as_ref().unwrap();
                assert_eq!((ended.outcome, ended.at), (Outcome::Denied, arrived_at));
                assert_eq!(ended.by, Some(device_id(2)));
                assert!(world.account.open().is_empty());
            }
            Err(refusal) => {
                assert_eq!(refusal, Refusal::ChallengeEnded);
                assert!(!in_time, "{arrived_at:?}");
                assert_eq!(world.account.open(), [issued.challenge]);
            }
        }
    }
}

#[test]
fn of_two_decisions_that_were_both_good_the_first_recorded_is_kept() {
    let mut world = World::with_devices(2);
    let issued = world.open(1, "signIn");
    let made = |end| {
        let action = Some(&*issued.action);
        world.settled(end, &issued, action, Evidence::default()).unwrap()
    };
    let approved = made(decided(Outcome::Approved, 1, NOW));
    let denied = made(decided(Outcome::Denied, 2, NOW));
    assert_eq!(approved.change.parent, denied.change.parent, "a store takes one of them");
    world.account.apply(&denied.change);
    let refusal = world.settle(decided(Outcome::Approved, 1, NOW), &issued).err();
    assert_eq!(refusal, Some(Refusal::ChallengeEnded));
}

#[test]
fn a_decision_that_was_not_recorded_leaves_the_challenge_to_be_answered() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    let (action, approved) = (Some(&*issued.action), decided(Outcome::Approved, 1, NOW));
    let lost = world.settled(approved, &issued, action, Evidence::default());
    assert!(lost.is_ok());
    assert_eq!(world.account.open(), std::slice::from_ref(&issued.challenge));
    assert!(world.settle(decided(Outcome::Denied, 1, NOW), &issued).is_ok());
}

#[test]
fn a_signed_statement_proves_that_the_display_was_there() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "pay");
    for (signing, shown) in [(Signing::ChallengeId, None), (Signing::StatementV1, Some("{}"))] {
        let decision = answer_with(&issued.challenge, 1, Outcome::Approved, None, signing);
        let judged = world.account.decide(&decision, NOW, &world.limits).unwrap();
        let settled = judged.settle(Some(&issued.action), Evidence::default()).unwrap();
        let action = action_in(&settled.change).unwrap();
        assert_eq!(action.approved.as_ref().map(DisplayText::as_str), shown);
    }
}

#[test]
fn expiry_waits_for_decisions_that_arrived_in_time() {
    let mut world = World::with_devices(1);
    let Challenge { id, expires_at, .. } = Challenge::clone(&world.open(1, "signIn").challenge);
    let deadline = expires_at.plus_ms(world.limits.decision_grace_ms);
    for early in [expires_at, deadline.minus_ms(1)] {
        assert!(world.account.expire(&id, early, &world.limits).is_none());
    }
    let expired = world.account.expire(&id, deadline, &world.limits).unwrap();
    let ended = Ended::without_device(Outcome::Expired, deadline);
    assert_eq!(end_in(&expired.change, &id), Some(ended));
    assert!(action_in(&expired.change).is_none(), "it may be challenged again");
    world.account.apply(&expired.change);
    assert!(world.account.open().is_empty());
}

#[test]
fn a_closed_challenge_does_not_expire() {
    let mut world = World::with_devices(1);
    let issued = world.open(1, "signIn");
    world.settle(decided(Outcome::Approved, 1, NOW), &issued).unwrap();
    let late = issued.challenge.expires_at.plus_ms(60_000);
    assert!(world.account.expire(&issued.challenge.id, late, &world.limits).is_none());
}

//! Tests of grants: their validity, and the removals that a client may not make.

use super::*;

fn grant(action: &Action, is_verified: bool, issued_at: UnixMillis) -> Grant {
    Grant { action: action.key.clone(), issued_at, is_verified, born: None }
}

/// Makes a user with devices 1 and 2, whose action device 1 has approved.
fn approved() -> (World, Arc<Action>) {
    let mut world = World::with_devices(2);
    let issued = world.open(1, "signIn");
    let approval = decided(Outcome::Approved, 1, NOW);
    let action = Some(&*issued.action);
    let change = world.settled(approval, &issued, action, Evidence::default()).unwrap().change;
    world.account.apply(&change);
    (world, action_in(&change).unwrap())
}

#[test]
fn a_grant_that_is_older_than_its_action_was_for_another_of_that_name() {
    let (world, action) = approved();
    for is_verified in [false, true] {
        let older = grant(&action, is_verified, UnixMillis(NOW.0 - 1000));
        assert_eq!(world.account.honour(&older, &action), Err(Refusal::GrantOver));
        assert_eq!(world.account.honour(&grant(&action, is_verified, NOW), &action), Ok(()));
    }
}

#[test]
fn a_grant_is_about_one_action_and_no_other_of_its_name_however_soon_that_came() {
    let mut world = World::with_devices(1);
    let first = world.track("signIn", "a");
    let grant = Grant { born: Some(first.birth()), ..grant(&first, false, NOW) };
    assert_eq!(world.account.honour(&grant, &first), Ok(()));
    // The grant is valid too if the clock was set back after the action was tracked.
    let early = Grant { issued_at: UnixMillis(NOW.0 - 60_000), ..grant.clone() };
    assert_eq!(world.account.honour(&early, &first), Ok(()));
    let removed = world.account.remove(NOW).unwrap();
    world.account.apply(&removed.change);
    let second = world.track("signIn", "a");
    assert_eq!(first.created_at, second.created_at, "the clock does not tell them apart");
    assert_eq!(world.account.honour(&grant, &second), Err(Refusal::GrantOver));
    let later = Grant { issued_at: UnixMillis(u64::MAX), ..grant };
    assert_eq!(world.account.honour(&later, &second), Err(Refusal::GrantOver));
}

#[test]
fn what_an_approval_granted_is_over_when_it_is_overridden() {
    let (world, action) = approved();
    let failed = action.in_state(ActionState::ChallengeFailed, NOW);
    assert_eq!(world.account.honour(&grant(&failed, true, NOW), &failed), Err(Refusal::GrantOver));
    assert_eq!(world.account.honour(&grant(&failed, false, NOW), &failed), Ok(()));
    assert!(!world.account.success_stands(&failed));
}

#[test]
fn what_an_approval_granted_is_over_when_its_device_is_taken_away() {
    let (mut world, action) = approved();
    world.carry_out(|a| a.remove_device(&device_id(2), NOW)).unwrap();
    assert!(world.account.success_stands(&action), "it was the other that approved");
    world.carry_out(|a| a.remove_device(&device_id(1), NOW)).unwrap();
    assert!(!world.account.success_stands(&action));
    assert_eq!(world.account.honour(&grant(&action, true, NOW), &action), Err(Refusal::GrantOver));
    // A success that the relying party has set needs no device.
    let overridden = Action { decided_by: None, ..Action::clone(&action) };
    assert!(world.account.success_stands(&overridden));
}

#[test]
fn an_approval_stands_with_its_action_and_the_device_that_made_it() {
    let (mut world, action) = approved();
    let ended = |outcome, by| {
        let (by, signature) = (Some(device_id(by)), Some(vec![1]));
        Ended { outcome, at: NOW, by, signature }
    };
    let approval = ended(Outcome::Approved, 1);
    assert!(world.account.approval_stands(&action, &approval));
    assert!(!world.account.approval_stands(&action, &ended(Outcome::Denied, 1)));
    assert!(!world.account.approval_stands(&action, &ended(Outcome::Approved, 2)));
    let failed = action.in_state(ActionState::ChallengeFailed, NOW);
    let overridden = Action { decided_by: action.decided_by.clone(), ..Action::clone(&failed) };
    assert!(!world.account.approval_stands(&overridden, &approval));
    world.carry_out(|a| a.remove_device(&device_id(1), NOW)).unwrap();
    assert!(!world.account.approval_stands(&action, &approval));
}

#[test]
fn a_client_cannot_take_the_last_device_away() {
    let mut world = World::with_devices(2);
    world.carry_out(|a| a.remove_own_device(&device_id(1), NOW)).unwrap();
    let last = world.carry_out(|a| a.remove_own_device(&device_id(2), NOW)).err();
    assert_eq!(last, Some(Refusal::LastAuthenticator));
    let unknown = world.carry_out(|a| a.remove_own_device(&device_id(9), NOW)).err();
    assert_eq!(unknown, Some(Refusal::AuthenticatorUnknown));
    assert!(world.carry_out(|a| a.remove_device(&device_id(2), NOW)).is_ok());
}

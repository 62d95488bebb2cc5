//! Binding keys and ending bindings, and removing users.

use super::*;

fn enrolled(world: &mut World, seed: u8, may_add: bool, id: u8) -> Result<Device, Refusal> {
    let limits = world.limits.clone();
    world.carry_out(|a| a.enroll(&enroll_of(seed, may_add), device_id(id), NOW, &limits))
}

#[test]
fn a_key_is_bound_to_a_known_user_only() {
    let mut world = World::empty();
    assert_eq!(enrolled(&mut world, 1, true, 1).err(), Some(Refusal::ActionUnknown));
}

#[test]
fn the_first_authenticator_needs_no_scope_and_a_further_one_does() {
    let mut world = World::with_devices(0);
    assert!(enrolled(&mut world, 1, false, 1).is_ok());
    assert_eq!(enrolled(&mut world, 2, false, 2).err(), Some(Refusal::AddScopeMissing));
    assert!(enrolled(&mut world, 2, true, 2).is_ok());
}

#[test]
fn the_same_key_refreshes_its_binding_without_scope_and_over_the_limit() {
    let mut world = World::with_devices(2);
    world.limits.authenticators_per_account_max = 2;
    let refreshed = enrolled(&mut world, 1, false, 9).unwrap();
    assert_eq!(refreshed.id, device_id(1));
    assert_eq!(world.account.devices().len(), 2);
}

#[test]
fn one_authenticator_too_many_is_refused() {
    let mut world = World::with_devices(2);
    world.limits.authenticators_per_account_max = 2;
    let refusal = enrolled(&mut world, 3, true, 3).err();
    assert_eq!(refusal, Some(Refusal::AuthenticatorsMax { max: 2 }));
}

#[test]
fn enrolling_again_keeps_what_it_does_not_say() {
    let mut world = World::with_devices(1);
    let limits = world.limits.clone();
    let token = Some(PushToken::new("token"));
    let refresh = Refresh { push_token: token.clone() };
    let id = device_id(1);
    world.carry_out(|a| a.refresh(&id, &refresh, NOW)).unwrap();
    let later = NOW.plus_ms(4);
    let again = enroll_of(1, false);
    let device = world.carry_out(|a| a.enroll(&again, device_id(9), later, &limits)).unwrap();
    assert_eq!(device.push_token, token);
    assert_eq!((device.created_at, device.verified_at), (NOW, later));
}

#[test]
fn news_of_an_unknown_authenticator_and_its_removal_are_refused() {
    let world = World::with_devices(1);
    let (id, refresh) = (device_id(9), Refresh::default());
    let refreshed = world.account.refresh(&id, &refresh, NOW).err();
    assert_eq!(refreshed, Some(Refusal::AuthenticatorUnknown));
    let removed = world.account.remove_device(&id, NOW).err();
    assert_eq!(removed, Some(Refusal::AuthenticatorUnknown));
}

#[test]
fn removing_a_device_revokes_only_what_no_other_may_answer() {
    let mut world = World::with_devices(2);
    let mut targeted = |seed, code, target| {
        let action = world.track(code, "a");
        let issue = Issue { target, ..issue_of(seed) };
        world.issue(&issue, &action, NOW).unwrap().challenge
    };
    let alone = targeted(1, "one", Some(device_id(1)));
    let others = targeted(2, "two", Some(device_id(2)));
    let both = targeted(3, "three", None);
    let removed = world.account.remove_device(&device_id(1), NOW).unwrap();
    let revoked = Some(Ended::without_device(Outcome::Revoked, NOW));
    assert_eq!(end_in(&removed.change, &alone.id), revoked);
    world.account.apply(&removed.change);
    let open = |id| world.account.open_challenge(id).map(|c| c.targets.clone());
    assert_eq!(open(&alone.id), None);
    assert_eq!(open(&others.id), Some(vec![device_id(2)]));
    assert_eq!(open(&both.id), Some(vec![device_id(2)]));
    assert!(world.account.device(&device_id(1)).is_none());
}

#[test]
fn removing_a_user_revokes_every_open_challenge() {
    let mut world = World::with_devices(1);
    let ids = [world.open(1, "signIn"), world.open(2, "pay")].map(|i| i.challenge.id);
    let removed = world.account.remove(NOW).unwrap();
    for id in ids {
        let revoked = Some(Ended::without_device(Outcome::Revoked, NOW));
        assert_eq!(end_in(&removed.change, &id), revoked);
    }
    world.account.apply(&removed.change);
    assert!(world.account.record().is_none() && !world.account.is_enrolled());
    assert!(world.account.remove(NOW).is_none(), "there is nothing left to remove");
}

#[test]
fn debug_output_of_an_account_shows_no_secret_and_nothing_of_a_person() {
    let mut world = World::with_devices(1);
    let refresh = Refresh { push_token: Some(PushToken::new("hidden-token")) };
    let id = device_id(1);
    world.carry_out(|a| a.refresh(&id, &refresh, NOW)).unwrap();
    let custom = Some(Arc::from("{\"note\":\"hidden-custom\"}"));
    let patch = ProfilePatch { custom: custom.clone(), ..ProfilePatch::default() };
    world.account.apply(&world.account.update_profile(&patch, NOW).change);
    let mut action = world.track("signIn", "a");
    action.context.custom = custom;
    let signature = Some(vec![211, 212, 213]);
    let ended = Ended { signature, ..decided(Outcome::Approved, 1, NOW) };
    let shown = format!("{:?} {patch:?} {action:?} {ended:?}", world.account);
    for secret in ["hidden", "211"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

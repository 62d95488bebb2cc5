//! Tests of issuing challenges, and of tracking and overriding actions.

use super::*;

#[test]
fn an_action_that_has_ended_is_not_challenged() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a");
    let table = [
        (ActionState::Allow, true),
        (ActionState::ChallengeRequired, true),
        (ActionState::ChallengeFailed, true),
        (ActionState::Block, false),
        (ActionState::ChallengeSucceeded, false),
        (ActionState::ReviewFailed, false),
        (ActionState::ReviewRequired, false),
        (ActionState::ReviewSucceeded, false),
    ];
    for (state, challenged) in table {
        let action = Arc::new(action.in_state(state, NOW));
        let refusal = world.account.issue(&issue_of(1), &action, NOW, &world.limits).err();
        assert_eq!(refusal, (!challenged).then_some(Refusal::ActionEnded), "{state:?}");
    }
}

#[test]
fn an_action_of_another_user_is_not_known() {
    let mut world = World::with_devices(1);
    let tracked = Action::clone(&world.track("signIn", "a"));
    let action = Arc::new(Action { account: key_of("other"), ..tracked });
    let refusal = world.issue(&issue_of(1), &action, NOW).err();
    assert_eq!(refusal, Some(Refusal::ActionUnknown));
}

#[test]
fn a_user_without_devices_has_no_authenticator_even_where_one_is_named() {
    let mut world = World::with_devices(0);
    let action = world.track("signIn", "a");
    for target in [None, Some(device_id(1))] {
        let refusal = world.issue(&Issue { target, ..issue_of(1) }, &action, NOW).err();
        assert_eq!(refusal, Some(Refusal::NoAuthenticator));
    }
}

#[test]
fn a_target_is_one_of_the_users_own_devices() {
    let mut world = World::with_devices(2);
    let action = world.track("signIn", "a");
    let foreign = Issue { target: Some(device_id(9)), ..issue_of(1) };
    assert_eq!(world.issue(&foreign, &action, NOW).err(), Some(Refusal::AuthenticatorUnknown));
    let own = Issue { target: Some(device_id(2)), ..issue_of(1) };
    let issued = world.issue(&own, &action, NOW).unwrap();
    assert_eq!(issued.challenge.targets, [device_id(2)]);
}

#[test]
fn without_a_target_every_device_may_answer() {
    let issued = World::with_devices(2).open(1, "signIn");
    assert_eq!(issued.challenge.targets, [device_id(1), device_id(2)]);
    assert_eq!(issued.devices.len(), 2);
}

#[test]
fn an_open_challenge_of_the_action_code_is_superseded_by_default() {
    let mut world = World::with_devices(1);
    let first = world.open(1, "signIn").challenge;
    let action = world.track("signIn", "b");
    let transition = world.account.issue(&issue_of(2), &action, NOW, &world.limits).unwrap();
    let ended = end_in(&transition.change, &first.id);
    assert_eq!(ended, Some(Ended::without_device(Outcome::Superseded, NOW)));
    world.account.apply(&transition.change);
    assert_eq!(world.account.open(), [transition.answer.challenge]);
}

#[test]
fn an_open_challenge_that_is_not_to_be_superseded_stands_in_the_way_until_its_deadline() {
    let mut world = World::with_devices(1);
    let first = world.open(1, "signIn").challenge;
    let action = world.track("signIn", "b");
    let deadline = first.deadline(&world.limits);
    let issue = Issue { supersede: false, ..issue_of(2) };
    for now in [NOW, first.expires_at, deadline.minus_ms(1)] {
        let refusal = world.issue(&issue, &action, now).err();
        assert_eq!(refusal, Some(Refusal::OpenChallenge(first.id.clone())), "{now:?}");
    }
    assert!(world.issue(&issue, &action, deadline).is_ok());
}

#[test]
fn an_open_challenge_of_another_code_stands_in_nobodys_way() {
    let mut world = World::with_devices(1);
    world.open(1, "signIn");
    let action = world.track("pay", "b");
    let issue = Issue { supersede: false, ..issue_of(2) };
    assert!(world.issue(&issue, &action, NOW).is_ok());
    assert_eq!(world.account.open().len(), 2);
}

#[test]
fn a_challenge_whose_time_is_over_is_recorded_as_expired_by_the_next_one() {
    let mut world = World::with_devices(1);
    let first = world.open(1, "signIn").challenge;
    let action = world.track("signIn", "b");
    let table = [
        (first.expires_at.minus_ms(1), Outcome::Superseded),
        (first.expires_at, Outcome::Expired),
        (first.expires_at.plus_ms(60_000), Outcome::Expired),
    ];
    for (now, outcome) in table {
        let transition = world.account.issue(&issue_of(2), &action, now, &world.limits).unwrap();
        let ended = end_in(&transition.change, &first.id);
        assert_eq!(ended, Some(Ended::without_device(outcome, now)));
    }
}

#[test]
fn the_most_open_challenges_leave_room_for_one_that_takes_anothers_place() {
    let mut world = World::with_devices(1);
    let max = world.limits.open_challenges_per_account_max;
    world.limits.prompts_max = max + 1;
    for n in 0..max {
        world.open(u8::try_from(n).unwrap(), &format!("code{n}"));
    }
    let action = world.track("oneMore", "b");
    let refusal = world.issue(&issue_of(200), &action, NOW).err();
    assert_eq!(refusal, Some(Refusal::OpenChallengesMax { max }));
    let action = world.track("code0", "b");
    assert!(world.issue(&issue_of(201), &action, NOW).is_ok());
    assert_eq!(world.account.open().len(), max);
}

#[test]
fn a_new_challenge_asks_again_after_a_denial_and_forgets_who_denied() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a").in_state(ActionState::ChallengeFailed, NOW);
    let action = Arc::new(Action { decided_by: Some(device_id(1)), ..action });
    let later = NOW.plus_ms(5);
    let transition = world.account.issue(&issue_of(1), &action, later, &world.limits).unwrap();
    let asked = action_in(&transition.change).unwrap();
    assert_eq!(asked.state, ActionState::ChallengeRequired);
    assert_eq!((asked.state_updated_at, &asked.decided_by), (later, &None));
}

#[test]
fn a_challenge_is_released_while_it_is_open_and_not_after() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a");
    let issued = world.issue(&Issue { held: true, ..issue_of(1) }, &action, NOW).unwrap();
    assert!(issued.challenge.held);
    let released = world.carry_out(|a| a.release(&challenge_id(1))).unwrap();
    assert!(!released.held);
    world.settle(undecided(Outcome::Cancelled, NOW), &issued).unwrap();
    let refusal = world.account.release(&challenge_id(1)).err();
    assert_eq!(refusal, Some(Refusal::ChallengeEnded));
}

#[test]
fn tracking_the_same_action_again_changes_nothing() {
    let mut world = World::with_devices(1);
    let known = world.track("signIn", "a").in_state(ActionState::ChallengeFailed, NOW);
    let known = Arc::new(known);
    let (key, profile) = (known.key.clone(), ProfilePatch::default());
    let track = Track { key, context: ActionContext::default(), profile };
    let later = NOW.plus_ms(9);
    let again = world.account.track(&track, Some(&known), Unenrolled::Block, later);
    let (change, tracked) = again.unwrap();
    assert!(change.is_none());
    assert_eq!(tracked.action, known);
}

#[test]
fn an_idempotency_key_is_refused_with_another_custom_whatever_became_of_its_action() {
    let mut world = World::with_devices(1);
    let first = world.track("pay", "order-1");
    let custom = |json: Option<&str>| ActionContext {
        custom: json.map(Arc::from),
        ..ActionContext::default()
    };
    let states = [
        ActionState::Allow,
        ActionState::Block,
        ActionState::ChallengeFailed,
        ActionState::ChallengeRequired,
        ActionState::ChallengeSucceeded,
        ActionState::ReviewFailed,
        ActionState::ReviewRequired,
        ActionState::ReviewSucceeded,
    ];
    let ten = Some(r#"{"amount":1000}"#);
    let table = [
        (ten, ten, true),
        (ten, None, true),
        (None, None, true),
        (None, Some("{}"), true),
        (Some("{}"), None, true),
        (ten, Some(r#"{"amount":99999900}"#), false),
        (ten, Some("{}"), false),
        (None, ten, false),
    ];
    for (known, again, is_same) in table {
        for state in states {
            let known = Action { context: custom(known), ..first.in_state(state, NOW) };
            let (key, profile) = (known.key.clone(), ProfilePatch::default());
            let track = Track { key, context: custom(again), profile };
            let told = world.account.track(&track, Some(&known.into()), Unenrolled::Allow, NOW);
            let refusal = (!is_same).then_some(Refusal::OtherContent);
            assert_eq!(told.err(), refusal, "{again:?} in {state:?}");
        }
    }
}

#[test]
fn a_prompt_is_given_back_where_nobody_was_offered_its_challenge() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a");
    let held = Issue { held: true, ..issue_of(1) };
    let prompts = |world: &World| world.account.record().unwrap().counters.prompts.len();
    for _ in 0..6 {
        let issued = world.issue(&held, &action, NOW).unwrap();
        assert!(!issued.challenge.is_offered());
        assert_eq!(prompts(&world), 1, "it counts as long as it is under way");
        let cancelled = world.carry_out(|a| a.withdraw(&held.id, NOW)).unwrap();
        let ended = Some(Ended::without_device(Outcome::Cancelled, NOW));
        assert_eq!((&cancelled.ended, prompts(&world)), (&ended, 0));
    }
    let again = world.account.withdraw(&held.id, NOW).err();
    assert_eq!(again, Some(Refusal::ChallengeEnded), "one that has ended gives nothing back");
    // Another prompt of the same time stays counted.
    world.open(2, "pay");
    world.issue(&held, &action, NOW).unwrap();
    world.carry_out(|a| a.withdraw(&held.id, NOW)).unwrap();
    assert_eq!(prompts(&world), 1);
}

#[test]
fn a_prompt_that_somebody_was_offered_counts_whatever_becomes_of_its_notification() {
    let mut world = World::with_devices(1);
    let limits = world.limits.clone();
    for seed in 1..=5 {
        let action = world.track("signIn", &format!("key {seed}"));
        let held = Issue { held: true, ..issue_of(seed) };
        world.issue(&held, &action, NOW).unwrap();
        let offered = world.carry_out(|a| a.notify(&held.id, &limits)).unwrap();
        assert!(offered.is_offered() && offered.held);
        world.carry_out(|a| a.withdraw(&held.id, NOW)).unwrap();
    }
    let action = world.track("signIn", "one more");
    let refusal = world.issue(&issue_of(6), &action, NOW).err();
    assert!(matches!(refusal, Some(Refusal::TooManyPrompts { .. })), "{refusal:?}");
}

#[test]
fn a_prompt_whose_challenge_ends_while_its_notification_is_under_way_counts() {
    let mut world = World::with_devices(1);
    let prompts = |world: &World| world.account.record().unwrap().counters.prompts.len();
    let action = world.track("signIn", "a");
    for seed in [1, 2] {
        world.issue(&Issue { held: true, ..issue_of(seed) }, &action, NOW).unwrap();
    }
    assert_eq!(prompts(&world), 2, "one took the place of the other");
    let second = world.account.open()[0].id.clone();
    let action = Some(&*action);
    world.carry_out(|a| a.end(&second, Outcome::Cancelled, NOW, action)).unwrap();
    assert_eq!(prompts(&world), 2);
    let limits = world.limits.clone();
    let late = world.account.notify(&second, &limits).err();
    assert_eq!(late, Some(Refusal::ChallengeEnded), "and its notification is not sent");
}

#[test]
fn a_tracked_action_starts_by_what_the_user_has_enrolled() {
    let table = [
        (0, Unenrolled::Allow, ActionState::Allow),
        (0, Unenrolled::Block, ActionState::Block),
        (1, Unenrolled::Allow, ActionState::ChallengeRequired),
        (1, Unenrolled::Block, ActionState::ChallengeRequired),
    ];
    for (devices, unenrolled, state) in table {
        let mut world = World::with_devices(devices);
        let key = world.track("signIn", "a").key.clone();
        let (context, profile) = (ActionContext::default(), ProfilePatch::default());
        let track = Track { key, context, profile };
        let (_, tracked) = world.account.track(&track, None, unenrolled, NOW).unwrap();
        assert_eq!((tracked.action.state, tracked.is_enrolled), (state, devices > 0));
    }
}

#[test]
fn an_override_cancels_the_open_challenges_of_that_action_alone() {
    let mut world = World::with_devices(1);
    let (one, other) = (world.open(1, "signIn"), world.open(2, "pay"));
    let state = ActionState::ReviewRequired;
    let transition = world.account.override_action(&one.action, state, NOW);
    let cancelled = Some(Ended::without_device(Outcome::Cancelled, NOW));
    assert_eq!(end_in(&transition.change, &one.challenge.id), cancelled);
    assert_eq!(transition.answer.state, state);
    world.account.apply(&transition.change);
    assert_eq!(world.account.open(), std::slice::from_ref(&other.challenge));
    let another_instance = world.track("pay", "b");
    let transition = world.account.override_action(&another_instance, state, NOW);
    world.account.apply(&transition.change);
    assert_eq!(world.account.open(), [other.challenge]);
}

#[test]
fn notifications_are_counted_while_a_challenge_is_held_and_the_fourth_is_refused() {
    let mut world = World::with_devices(1);
    let action = world.track("signIn", "a");
    let held = world.issue(&Issue { held: true, ..issue_of(1) }, &action, NOW).unwrap().challenge;
    assert_eq!(held.notifications, 0, "none is begun yet");
    for count in [1, 2, 3] {
        let limits = world.limits.clone();
        let counted = world.carry_out(|a| a.notify(&held.id, &limits)).unwrap();
        assert_eq!(*counted, Challenge { notifications: count, ..Challenge::clone(&held) });
    }
    let refusal = world.account.notify(&held.id, &world.limits).err();
    assert_eq!(refusal, Some(Refusal::NotificationsMax { max: 3 }));
    world.carry_out(|a| a.release(&held.id)).unwrap();
    assert_eq!(world.account.open()[0].notifications, 3);
    let released = world.account.notify(&held.id, &world.limits).err();
    assert_eq!(released, Some(Refusal::ChallengeEnded));
    assert_eq!(world.open(2, "signIn").challenge.notifications, 0, "nobody is notified of it");
}

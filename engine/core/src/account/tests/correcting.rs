//! Tests of corrections of a record: after an operator's release, and after a clock was set back.

use super::*;
use crate::statement::Digest;
use crate::ticket::Ticket;

const HOUR_MS: u64 = 3_600_000;

/// Makes a user with all counters above zero, two tickets and a profile.
fn busy() -> World {
    let mut world = World::with_devices(1);
    let record = AccountRecord {
        profile: Profile { custom: Some(r#"{"tier":1}"#.into()), ..Profile::default() },
        counters: Counters {
            prompts: vec![NOW],
            unreached: vec![NOW],
            denials: 2,
            denied_at: NOW,
            reported_at: Some(NOW),
            numbers: 3,
            number_at: NOW,
        },
        tickets: vec![ticket("kept", NOW.minus_ms(2 * HOUR_MS)), ticket("late", NOW)],
        ..world.account.record().unwrap().clone()
    };
    let change = world.account.transition(vec![Write::Account(record)], ()).change;
    world.account.apply(&change);
    world
}

fn ticket(name: &str, made_at: UnixMillis) -> Ticket {
    let action = ActionKey {
        code: ActionCode::parse("signIn").unwrap(),
        idempotency_key: IdempotencyKey::parse("first").unwrap(),
    };
    let grant = Grant { action, issued_at: made_at, is_verified: false, born: None };
    let (digest, ends_at) = (Digest::of(name), NOW.plus_ms(HOUR_MS));
    Ticket { digest, grant, may_add: true, made_at, set_backs: 0, ends_at, used_by: None }
}

/// Returns the account record of a change, whose only write it has to be.
fn record_in(change: &Change) -> AccountRecord {
    let [Write::Account(record)] = change.writes.as_slice() else { panic!("one record") };
    record.clone()
}

#[test]
fn a_release_clears_the_counters_and_nothing_else() {
    let world = busy();
    let before = world.account.record().unwrap().clone();
    let released = record_in(&world.account.release_hold().unwrap().change);
    assert_eq!(released, AccountRecord { counters: Counters::default(), ..before });
    assert!(World::empty().account.release_hold().is_none(), "an unknown user");
}

#[test]
fn after_a_set_back_no_counter_is_ahead_and_no_later_ticket_is_left() {
    let world = busy();
    let began = NOW.minus_ms(HOUR_MS);
    let set_backs = SetBacks::default().started(NOW, began).unwrap();
    let before = world.account.record().unwrap().clone();
    let corrected = record_in(&world.account.set_back(began, &set_backs).unwrap().change);
    let counters = Counters {
        prompts: vec![began],
        unreached: vec![began],
        denied_at: began,
        reported_at: Some(began),
        number_at: began,
        ..before.counters
    };
    let tickets = before.tickets[..1].to_vec();
    assert_eq!(corrected, AccountRecord { counters, tickets, ..before });
}

#[test]
fn a_set_back_corrects_counters_and_tickets_independently_and_nothing_without_need() {
    let world = busy();
    let before = world.account.record().unwrap().clone();
    let set_backs = SetBacks::default().started(NOW, NOW.minus_ms(HOUR_MS)).unwrap();
    let tickets_alone = record_in(&world.account.set_back(NOW, &set_backs).unwrap().change);
    let tickets = before.tickets[..1].to_vec();
    assert_eq!(tickets_alone, AccountRecord { tickets, ..before.clone() });

    let none = SetBacks::default();
    let counters_alone = world.account.set_back(NOW.minus_ms(1), &none).unwrap();
    let counters_alone = record_in(&counters_alone.change);
    assert_eq!(counters_alone.tickets, before.tickets);
    assert_eq!(counters_alone.counters.prompts, [NOW.minus_ms(1)]);

    assert!(world.account.set_back(NOW, &none).is_none(), "nothing is ahead");
    assert!(World::empty().account.set_back(NOW, &set_backs).is_none(), "an unknown user");
}

#[test]
fn the_users_own_data_is_found_in_the_profile() {
    assert_eq!(busy().account.user_custom().as_deref(), Some(r#"{"tier":1}"#));
    assert_eq!(World::empty().account.user_custom(), None);
}

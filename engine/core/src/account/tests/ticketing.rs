//! Tests of tickets: each enrolls one key, once, before the token expires that it was made with.

use ed25519_dalek::Signer as _;

use super::*;
use crate::device::Signing;
use crate::possession::{check_enrollment, proven_enrollment};
use crate::statement::{Digest, Statement};
use crate::ticket::Ticket;

const LIFE_MS: u64 = 600_000;

fn ticket(name: &str, may_add: bool) -> Ticket {
    let action = ActionKey {
        code: ActionCode::parse("signIn").unwrap(),
        idempotency_key: IdempotencyKey::parse("first").unwrap(),
    };
    let grant = Grant { action, issued_at: NOW, is_verified: false, born: None };
    let digest = Digest::of(name);
    let (made_at, set_backs, ends_at) = (NOW, 0, NOW.plus_ms(LIFE_MS));
    Ticket { digest, grant, may_add, made_at, set_backs, ends_at, used_by: None }
}

fn made(world: &mut World, name: &str, may_add: bool) -> Result<(), Refusal> {
    let limits = world.limits.clone();
    world.carry_out(|a| a.issue_ticket(ticket(name, may_add), NOW, &limits))
}

/// Makes an enrollment of the key of seed `seed` with a ticket and without a proof.
fn with(name: &str, seed: u8) -> Enroll {
    Enroll { ticket: Some(Digest::of(name)), ..enroll_of(seed, false) }
}

/// Makes an enrollment with a ticket and a proof, for a key that signs statements.
fn proven(name: &str, seed: u8) -> Enroll {
    let (tenant, token) = (key_of("user").tenant, Digest::of(name));
    let key = public_key(seed).thumbprint();
    let statement = Statement::Enroll { tenant: &tenant, key, token }.to_bytes();
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(&statement).to_bytes().to_vec();
    let check = check_enrollment(public_key(seed), &tenant, token, signature);
    let possession = proven_enrollment(&tenant, token, &check.verify().unwrap()).unwrap();
    Enroll { signing: Signing::StatementV1, possession: Some(possession), ..with(name, seed) }
}

fn enrolled(
    world: &mut World,
    enroll: &Enroll,
    id: u8,
    now: UnixMillis,
) -> Result<Arc<Device>, Refusal> {
    let limits = world.limits.clone();
    world.carry_out(|a| a.enroll(enroll, device_id(id), now, &limits))
}

fn names(world: &World) -> Vec<Digest> {
    world.account.record().unwrap().tickets.iter().map(|t| t.digest).collect()
}

#[test]
fn a_ticket_enrolls_one_key_and_is_used_up_by_the_same_change() {
    let mut world = World::with_devices(0);
    made(&mut world, "t", false).unwrap();
    let device = enrolled(&mut world, &with("t", 1), 1, NOW).unwrap();
    let used_by = |world: &World| world.account.record().unwrap().tickets[0].used_by.clone();
    assert_eq!(used_by(&world), Some(device.id.clone()));
    for seed in [1, 2] {
        let again = enrolled(&mut world, &with("t", seed), 2, NOW);
        assert_eq!(again.err(), Some(Refusal::TicketOver), "key {seed}");
    }
    assert_eq!(world.account.devices().len(), 1);
}

#[test]
fn a_refused_enrollment_does_not_use_a_ticket_up() {
    let mut world = World::with_devices(0);
    made(&mut world, "t", false).unwrap();
    let unproven = Enroll { signing: Signing::StatementV1, ..with("t", 1) };
    assert_eq!(enrolled(&mut world, &unproven, 1, NOW).err(), Some(Refusal::ProofMissing));
    assert!(enrolled(&mut world, &with("t", 1), 1, NOW).is_ok());
}

#[test]
fn a_device_whose_answer_was_lost_asks_again_with_its_used_ticket() {
    let mut world = World::with_devices(0);
    made(&mut world, "t", false).unwrap();
    let first = enrolled(&mut world, &proven("t", 1), 1, NOW).unwrap();
    let again = enrolled(&mut world, &proven("t", 1), 2, NOW).unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(world.account.devices().len(), 1);
    let other = enrolled(&mut world, &proven("t", 2), 3, NOW);
    assert_eq!(other.err(), Some(Refusal::TicketOver), "another key with a proof of its own");
    // A device that was removed cannot enroll again with its used ticket.
    let removed = world.account.remove_device(&first.id, NOW).unwrap();
    world.account.apply(&removed.change);
    let back = enrolled(&mut world, &proven("t", 1), 4, NOW);
    assert_eq!(back.err(), Some(Refusal::TicketOver));
}

#[test]
fn a_ticket_ends_with_its_token_and_an_unknown_one_is_told_the_same() {
    let mut world = World::with_devices(0);
    made(&mut world, "t", false).unwrap();
    let at = |ms| NOW.plus_ms(ms);
    for (name, now) in [("t", at(LIFE_MS)), ("unknown", NOW), ("t", UnixMillis(NOW.0 - 1))] {
        let refused = enrolled(&mut world, &with(name, 1), 1, now);
        assert_eq!(refused.err(), Some(Refusal::TicketOver), "{name} at {now:?}");
    }
    assert!(enrolled(&mut world, &with("t", 1), 1, at(LIFE_MS - 1)).is_ok());
}

#[test]
fn a_ticket_allows_what_its_token_allows_whatever_the_request_says() {
    let mut world = World::with_devices(0);
    made(&mut world, "first", false).unwrap();
    made(&mut world, "further", true).unwrap();
    enrolled(&mut world, &with("first", 1), 1, NOW).unwrap();
    let claims_more = Enroll { may_add: true, ..with("late", 2) };
    let limits = world.limits.clone();
    // The ticket was made while the user had no authenticator, and is used after the user has one.
    let late = Account::restore(
        key_of("user"),
        Snapshot {
            version: world.account.version(),
            record: Some(AccountRecord {
                tickets: vec![ticket("late", false)],
                ..world.account.record().unwrap().clone()
            }),
            devices: world.account.devices().iter().map(|d| Device::clone(d)).collect(),
            open: Vec::new(),
        },
    );
    let refused = late.enroll(&claims_more, device_id(2), NOW, &limits).err();
    assert_eq!(refused, Some(Refusal::AddScopeMissing));
    assert!(enrolled(&mut world, &with("further", 2), 2, NOW).is_ok());
}

#[test]
fn a_token_that_may_add_nothing_makes_no_ticket_that_could_push_out_others() {
    let mut world = World::with_devices(1);
    assert_eq!(made(&mut world, "t", false), Err(Refusal::AddScopeMissing));
    assert_eq!(made(&mut world, "t", true), Ok(()));
    assert_eq!(made(&mut World::empty(), "t", true), Err(Refusal::ActionUnknown));
}

#[test]
fn one_ticket_too_many_takes_the_place_of_a_used_one_and_then_of_the_oldest() {
    let mut world = World::with_devices(0);
    world.limits.tickets_per_account_max = 3;
    for name in ["a", "b", "c"] {
        made(&mut world, name, true).unwrap();
    }
    enrolled(&mut world, &with("b", 1), 1, NOW).unwrap();
    made(&mut world, "d", true).unwrap();
    assert_eq!(names(&world), ["a", "c", "d"].map(Digest::of));
    made(&mut world, "e", true).unwrap();
    assert_eq!(names(&world), ["c", "d", "e"].map(Digest::of));
    assert_eq!(enrolled(&mut world, &with("a", 2), 2, NOW).err(), Some(Refusal::TicketOver));
}

#[test]
fn tickets_that_are_over_are_dropped_and_a_removed_user_has_none() {
    let mut world = World::with_devices(0);
    made(&mut world, "t", false).unwrap();
    let patch = ProfilePatch::default();
    let later = NOW.plus_ms(LIFE_MS);
    let kept = world.account.update_profile(&patch, NOW);
    world.account.apply(&kept.change);
    assert_eq!(names(&world), [Digest::of("t")]);
    let dropped = world.account.update_profile(&patch, later);
    world.account.apply(&dropped.change);
    assert_eq!(names(&world), []);
    made(&mut world, "t", false).unwrap();
    world.account.apply(&world.account.remove(NOW).unwrap().change);
    world.track("signIn", "first");
    assert_eq!(enrolled(&mut world, &with("t", 1), 1, NOW).err(), Some(Refusal::TicketOver));
}

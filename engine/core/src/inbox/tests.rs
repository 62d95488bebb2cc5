//! Tests of the inbox of one credential.

use ed25519_dalek::SigningKey;

use super::*;
use crate::action::{ActionContext, ActionState};
use crate::id::{ActionCode, ActionKey, IdempotencyKey, TenantId, UserId};
use crate::signature::{Algorithm, PublicKey};

fn account(n: u8) -> AccountKey {
    let tenant = TenantId::parse("demo").unwrap();
    AccountKey { tenant, user: UserId::parse(&format!("user {n}")).unwrap() }
}

fn authenticator(n: u8) -> AuthenticatorId {
    AuthenticatorId::from_entropy([n; 16])
}

/// Makes a binding of the tests' key to user `n`, enrolled at `at`.
fn binding(n: u8, at: u64) -> Device {
    let signer = SigningKey::from_bytes(&[7; 32]);
    let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&prefix[..], signer.verifying_key().as_bytes()].concat();
    Device {
        id: authenticator(n),
        account: account(n),
        key: PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap(),
        signing: Signing::ChallengeId,
        confirmed: false,
        name: None,
        platform: None,
        push_token: None,
        created_at: UnixMillis(at),
        verified_at: UnixMillis(at),
        last_verified_at: None,
    }
}

/// Makes challenge `id` of user `n`, issued at `at` with a lifetime of 100 ms.
fn offer(id: u8, n: u8, at: u64) -> Offer {
    let key = ActionKey {
        code: ActionCode::parse("signIn").unwrap(),
        idempotency_key: IdempotencyKey::parse("a").unwrap(),
    };
    let challenge = Challenge {
        id: ChallengeId::from_entropy(&[id; 24]),
        account: account(n),
        action: key.clone(),
        targets: vec![authenticator(n)],
        issued_at: UnixMillis(at),
        expires_at: UnixMillis(at + 100),
        held: false,
        notifications: 0,
        ended: None,
        number: None,
        shown: None,
    };
    let action = Action {
        account: account(n),
        key,
        state: ActionState::ChallengeRequired,
        context: ActionContext::default(),
        created_at: UnixMillis(at),
        state_updated_at: UnixMillis(at),
        decided_by: None,
        approved: None,
        revision: 0,
    };
    Offer { challenge: challenge.into(), action: action.into(), user_custom: None }
}

fn all(inbox: &mut Inbox, now: u64) -> Vec<(AuthenticatorId, ChallengeId)> {
    let pending = inbox.pending(UnixMillis(now)).into_iter();
    pending.map(|(d, o)| (d.id.clone(), o.challenge.id.clone())).collect()
}

fn newest(inbox: &mut Inbox, now: u64) -> Option<(AuthenticatorId, ChallengeId)> {
    all(inbox, now).into_iter().next()
}

/// Returns the ids of the bindings that have a place, in order.
fn served(inbox: &Inbox) -> Vec<AuthenticatorId> {
    inbox.bindings().iter().map(|b| b.id.clone()).collect()
}

fn confirmed(n: u8, at: u64) -> Device {
    Device { confirmed: true, ..binding(n, at) }
}

fn two_places() -> Inbox {
    Inbox::new(&Limits { users_per_key_max: 2, ..Limits::default() })
}

#[test]
fn a_key_is_admitted_to_its_most_users_and_again_to_those_it_has() {
    let (mut inbox, official) = (two_places(), Signing::ChallengeId);
    inbox.bind(confirmed(1, 0));
    assert_eq!(inbox.admit(&account(2), official), Ok(()));
    inbox.bind(confirmed(2, 0));
    let full = Err(Refusal::UsersPerKeyMax { max: 2 });
    assert_eq!(inbox.admit(&account(3), official), full);
    assert_eq!(inbox.admit(&account(1), official), Ok(()));
}

#[test]
fn a_stranger_who_enrolls_a_key_neither_hides_nor_blocks_its_owner() {
    let mut inbox = two_places();
    inbox.bind(confirmed(1, 0));
    for (stranger, at) in [(11, 1), (12, 2), (13, 3)] {
        assert_eq!(inbox.admit(&account(stranger), Signing::ChallengeId), Ok(()));
        inbox.bind(binding(stranger, at));
        assert_eq!(served(&inbox), [authenticator(1), authenticator(stranger)]);
    }
    assert!(inbox.is_crowded());
    // The owner may bind the key to another user. This binding keeps its place once the key has
    // approved a challenge of this user.
    assert_eq!(inbox.admit(&account(2), Signing::ChallengeId), Ok(()));
    inbox.bind(binding(2, 4));
    assert_eq!(served(&inbox), [authenticator(1), authenticator(2)]);
    inbox.bind(confirmed(2, 4));
    inbox.bind(binding(14, 5));
    assert_eq!(served(&inbox), [authenticator(2), authenticator(1)]);
}

#[test]
fn a_challenge_of_a_stranger_is_not_put_before_one_of_the_owner() {
    let id = |n| ChallengeId::from_entropy(&[n; 24]);
    let mut inbox = Inbox::new(&Limits::default());
    inbox.bind(confirmed(1, 0));
    inbox.bind(binding(2, 5));
    inbox.offer(offer(10, 1, 10));
    inbox.offer(offer(11, 1, 20));
    inbox.offer(offer(12, 2, 30));
    let expected = [(1, 11), (1, 10), (2, 12)].map(|(n, c)| (authenticator(n), id(c)));
    assert_eq!(all(&mut inbox, 40), expected);
}

#[test]
fn what_waited_for_a_binding_that_lost_its_place_is_not_shown() {
    let mut inbox = two_places();
    inbox.bind(binding(1, 0));
    inbox.bind(binding(2, 1));
    inbox.offer(offer(11, 1, 20));
    inbox.bind(binding(3, 2));
    assert!(all(&mut inbox, 30).is_empty());
    assert!(!inbox.offer(offer(11, 1, 20)), "it has no place");
}

#[test]
fn what_a_key_signs_never_falls_while_it_is_bound() {
    let mut inbox = two_places();
    let raised = Device { signing: Signing::StatementV1, ..confirmed(1, 0) };
    inbox.bind(binding(2, 0));
    inbox.bind(raised);
    assert_eq!(inbox.admit(&account(3), Signing::ChallengeId), Err(Refusal::SigningLowered));
    assert_eq!(inbox.admit(&account(3), Signing::StatementV1), Ok(()));
    inbox.unbind(&authenticator(1));
    assert_eq!(inbox.signing(), Signing::StatementV1, "another binding is left");
    inbox.unbind(&authenticator(2));
    assert_eq!(inbox.signing(), Signing::ChallengeId, "nobody has the key");
}

#[test]
fn the_newest_challenge_of_any_binding_is_shown_with_its_own_binding() {
    let mut inbox = Inbox::new(&Limits::default());
    inbox.bind(binding(1, 0));
    inbox.bind(binding(2, 5));
    assert!(inbox.offer(offer(11, 1, 20)) && inbox.offer(offer(12, 2, 10)));
    let id = |n| ChallengeId::from_entropy(&[n; 24]);
    assert_eq!(newest(&mut inbox, 30), Some((authenticator(1), id(11))));
    inbox.withdraw(&offer(11, 1, 20).challenge.id);
    assert_eq!(newest(&mut inbox, 30), Some((authenticator(2), id(12))));
}

#[test]
fn a_challenge_that_no_binding_may_answer_is_not_taken_in() {
    let mut inbox = Inbox::new(&Limits::default());
    inbox.bind(binding(1, 0));
    assert!(!inbox.offer(offer(12, 2, 10)));
    assert_eq!(newest(&mut inbox, 10), None);
}

#[test]
fn a_challenge_whose_time_is_over_is_not_shown() {
    let mut inbox = Inbox::new(&Limits::default());
    inbox.bind(binding(1, 0));
    inbox.offer(offer(11, 1, 0));
    assert!(newest(&mut inbox, 99).is_some());
    assert_eq!(newest(&mut inbox, 100), None);
}

#[test]
fn ending_a_binding_takes_what_waited_for_it_alone() {
    let mut inbox = Inbox::new(&Limits::default());
    inbox.bind(binding(1, 0));
    inbox.bind(binding(2, 5));
    inbox.offer(offer(11, 1, 20));
    inbox.offer(offer(12, 2, 10));
    inbox.unbind(&authenticator(1));
    assert!(inbox.find(&offer(11, 1, 20).challenge.id).is_none());
    assert!(inbox.find(&offer(12, 2, 10).challenge.id).is_some());
    inbox.unbind(&authenticator(2));
    assert!(inbox.is_empty() && newest(&mut inbox, 30).is_none());
}

#[test]
fn enrolling_a_binding_again_puts_it_first_and_keeps_it_single() {
    let mut inbox = Inbox::new(&Limits::default());
    inbox.bind(binding(1, 0));
    inbox.bind(binding(2, 5));
    inbox.bind(binding(1, 9));
    let order: Vec<_> = inbox.bindings().iter().map(|b| b.id.clone()).collect();
    assert_eq!(order, [authenticator(1), authenticator(2)]);
}

#[test]
fn a_held_challenge_is_found_once_its_notification_is_begun() {
    let mut inbox = Inbox::new(&Limits::default());
    inbox.bind(binding(1, 0));
    let held = |notifications| {
        let mut offer = offer(1, 1, 0);
        let challenge = Arc::make_mut(&mut offer.challenge);
        (challenge.held, challenge.notifications) = (true, notifications);
        offer
    };
    assert!(!inbox.offer(held(0)));
    assert!(newest(&mut inbox, 50).is_none());
    assert!(inbox.offer(held(1)));
    assert!(newest(&mut inbox, 50).is_some());
}

#[test]
fn an_inbox_with_a_place_for_every_binding_is_not_crowded() {
    let mut inbox = two_places();
    assert!(inbox.is_empty() && !inbox.is_crowded());
    inbox.bind(binding(1, 0));
    inbox.bind(binding(2, 0));
    assert!(!inbox.is_empty() && !inbox.is_crowded());
}

#[test]
fn of_two_at_the_same_time_the_later_counts_as_newer() {
    let mut inbox = two_places();
    inbox.bind(binding(1, 0));
    inbox.bind(binding(2, 0));
    assert_eq!(served(&inbox), [authenticator(2), authenticator(1)]);
    inbox.offer(offer(11, 1, 20));
    inbox.offer(offer(12, 1, 20));
    let id = |n| ChallengeId::from_entropy(&[n; 24]);
    assert_eq!(newest(&mut inbox, 30), Some((authenticator(1), id(12))));
}

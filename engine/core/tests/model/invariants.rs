//! Invariants of the architecture, checked after every step. Each function is named after its
//! invariant.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_core::action::ActionState;
use countersign_core::challenge::{Challenge, Ended};
use countersign_core::device::{Device, Signing};
use countersign_core::id::AuthenticatorId;
use countersign_core::outcome::Decision;
use countersign_core::outcome::Outcome;

use crate::names::{
    KEYS, USERS, account_key, action_key, authenticator_id, challenge_id, limits, message,
    public_key, user_of,
};
use crate::reference::Reference;
use crate::store::Store;
use crate::world::World;

/// Checks all invariants. `before` is the store before the step.
pub(crate) fn check(world: &World, reference: &Reference, before: &Store) {
    one_outcome_per_challenge_ever(before, &world.store);
    a_closed_challenge_never_reopens(world);
    approved_only_by_a_bound_target_in_time(world, before);
    at_most_one_open_challenge_per_action_code(&world.store);
    no_open_challenge_without_a_live_target(&world.store);
    action_succeeded_only_after_an_approval_or_override(world, reference, before);
    an_inbox_shows_only_open_challenges_of_its_bindings(world, reference);
    authenticators_within_limits(&world.store);
    a_key_serves_its_confirmed_users_first(world);
    signing_never_falls(before, &world.store);
    memory_agrees_with_the_store(world);
    the_store_agrees_with_the_reference(&world.store, reference);
}

pub(crate) fn refusals_change_nothing(before: &Store, after: &Store) {
    assert_eq!(before, after, "a refusal has changed something");
}

fn one_outcome_per_challenge_ever(before: &Store, after: &Store) {
    for (id, challenge) in &before.challenges {
        let known = after.challenges.get(id);
        assert!(known.is_some(), "{id:?} is forgotten");
        if challenge.ended.is_some() {
            assert_eq!(known, Some(challenge), "{id:?} has another end");
        }
    }
}

fn a_closed_challenge_never_reopens(world: &World) {
    for (number, told) in &world.told {
        let id = challenge_id(*number);
        let recorded = world.store.challenges[&id].ended.as_ref();
        if let Some(ended) = &told.ended {
            assert_eq!(Some(ended), recorded, "closed with what is not recorded");
            let open = world.accounts.iter().any(|a| a.open_challenge(&id).is_some());
            assert!(!open, "{id:?} is closed and open");
        }
    }
}

/// Returns the ends that the step has recorded.
fn new_ends<'w>(
    world: &'w World,
    before: &'w Store,
) -> impl Iterator<Item = (&'w Arc<Challenge>, &'w Ended)> {
    let was_open = |id| before.challenges.get(id).is_none_or(|c| c.ended.is_none());
    let new = world.store.challenges.values().filter(move |c| was_open(&c.id));
    new.filter_map(|c| c.ended.as_ref().map(|ended| (c, ended)))
}

fn approved_only_by_a_bound_target_in_time(world: &World, before: &Store) {
    for (challenge, ended) in new_ends(world, before) {
        let decided = [Outcome::Approved, Outcome::Denied].contains(&ended.outcome);
        assert_eq!(decided, ended.by.is_some(), "only a device decides, and it does nothing else");
        let Some(by) = &ended.by else { continue };
        let asked = before.challenges.get(&challenge.id).expect("it was open");
        assert!(asked.targets.contains(by), "decided by a device that was not asked");
        assert!(!asked.held, "decided before the notification was accepted");
        assert!(asked.issued_at <= ended.at && ended.at < asked.expires_at, "decided out of time");
        let device = before.device(&challenge.account, by).expect("decided by a bound device");
        let signature = ended.signature.as_ref().expect("a decision is signed");
        let approved = ended.outcome == Outcome::Approved;
        let decision = if approved { Decision::Approve } else { Decision::Deny };
        let over = |signing| {
            let message = message(challenge, device, signing, decision);
            device.key.verify(&message, signature).is_ok()
        };
        // The key's signing mode may have been raised after the decision arrived.
        let risen = device.signing == Signing::StatementV1;
        let good = over(Signing::ChallengeId) || (risen && over(Signing::StatementV1));
        assert!(good, "decided with the key of another device, or over something else");
    }
}

fn at_most_one_open_challenge_per_action_code(store: &Store) {
    let mut open = BTreeMap::new();
    for challenge in store.open() {
        let name = (&challenge.account, &challenge.action.code);
        let other = open.insert(name, &challenge.id);
        assert!(other.is_none(), "{other:?} and {:?} are open for {name:?}", challenge.id);
    }
}

fn no_open_challenge_without_a_live_target(store: &Store) {
    for challenge in store.open() {
        assert!(!challenge.targets.is_empty(), "nobody may answer {:?}", challenge.id);
        let live = |id: &AuthenticatorId| store.device(&challenge.account, id).is_some();
        assert!(challenge.targets.iter().all(live), "a removed device may answer");
    }
}

fn action_succeeded_only_after_an_approval_or_override(
    world: &World,
    reference: &Reference,
    before: &Store,
) {
    for ((account, key), action) in &world.store.actions {
        let known = before.actions.get(&(account.clone(), key.clone())).map(|a| a.state);
        let succeeded = Some(ActionState::ChallengeSucceeded);
        if Some(action.state) != succeeded || known == succeeded {
            continue;
        }
        let approvals = new_ends(world, before).filter(|(_, e)| e.outcome == Outcome::Approved);
        let approver = approvals
            .filter(|(c, _)| c.account == *account && c.action == *key)
            .find_map(|(_, ended)| ended.by.clone());
        assert_eq!(action.decided_by, approver, "the action names who has approved it");
        let overridden = reference
            .overridden
            .is_some_and(|name| account_key(name.user) == *account && action_key(name) == *key);
        assert!(approver.is_some() || overridden, "{key:?} has succeeded by itself");
    }
}

fn an_inbox_shows_only_open_challenges_of_its_bindings(world: &World, reference: &Reference) {
    for (key, inbox) in world.inboxes.iter().enumerate() {
        assert!(inbox.bindings().iter().all(|b| b.key == public_key(key)), "another key's binding");
        let mut shown = inbox.clone();
        let pending = shown.pending(world.now);
        let order: Vec<_> = pending.iter().map(|(b, _)| !b.confirmed).collect();
        assert!(order.is_sorted(), "a challenge of an unconfirmed binding before the others");
        for (binding, offer) in pending {
            let challenge = &offer.challenge;
            assert_eq!(binding.account, challenge.account, "shown to another user's binding");
            assert!(
                challenge.targets.contains(&binding.id),
                "shown to a device that was not asked"
            );
            assert!(world.now < challenge.expires_at, "shown after its time");
            let recorded = &world.store.challenges[&challenge.id];
            let stale = world.stale[user_of(&challenge.account)];
            assert!(stale || recorded.ended.is_none(), "shown after its end");
        }
        all_that_waits_is_found(world, reference, key);
    }
}

/// Checks that each open challenge is in the inbox of key `key`, if a binding with a place there
/// may answer it, and is not there otherwise.
fn all_that_waits_is_found(world: &World, reference: &Reference, key: usize) {
    // A held challenge without a notification is not expected in an inbox.
    let told = |c: &Challenge| {
        let number = reference.challenges.keys().find(|n| challenge_id(**n) == c.id).unwrap();
        let asked = &reference.challenges[number];
        !asked.held || asked.notified > 0
    };
    for challenge in world.store.open().filter(|c| world.now < c.expires_at) {
        let asked = challenge.targets.iter();
        let devices = asked.filter_map(|id| world.store.device(&challenge.account, id));
        let placed = |d: &Device| world.inboxes[key].bindings().iter().any(|b| b.id == d.id);
        let waits = devices.into_iter().any(|d| d.key == public_key(key) && placed(d));
        let expected = waits && told(challenge);
        let stale = world.stale[user_of(&challenge.account)];
        let found = world.inboxes[key].find(&challenge.id).is_some();
        assert!(
            stale || found == expected,
            "{:?} in the inbox of key {key}: {found}",
            challenge.id
        );
    }
}

fn authenticators_within_limits(store: &Store) {
    let limits = limits();
    for (account, stored) in &store.accounts {
        assert!(stored.devices.len() <= limits.authenticators_per_account_max, "{account:?}");
        let open = store.open().filter(|c| c.account == *account).count();
        assert!(open <= limits.open_challenges_per_account_max, "{account:?} has {open} open");
    }
}

/// Checks that every confirmed binding of a key has a place, and that unconfirmed bindings get
/// places only up to the limit of users for a key.
fn a_key_serves_its_confirmed_users_first(world: &World) {
    let max = limits().users_per_key_max;
    for (key, inbox) in world.inboxes.iter().enumerate() {
        let served = inbox.bindings();
        assert!(served.is_sorted_by_key(|b| !b.confirmed), "key {key}");
        let unconfirmed = served.iter().filter(|b| !b.confirmed).count();
        assert!(unconfirmed == 0 || served.len() <= max, "key {key} serves {}", served.len());
        let bound = world
            .store
            .accounts
            .iter()
            .flat_map(|(a, stored)| stored.devices.iter().filter(|_| !world.stale[user_of(a)]));
        for device in bound.filter(|d| d.key == public_key(key) && d.confirmed) {
            assert!(served.iter().any(|b| b.id == device.id), "a confirmed one has no place");
        }
    }
}

/// Checks that a device's signing mode never falls, and that a key's mode is the same for all its
/// users.
fn signing_never_falls(before: &Store, after: &Store) {
    for (account, stored) in &before.accounts {
        for device in &stored.devices {
            let known = after.device(account, &device.id);
            assert!(known.is_none_or(|d| d.signing >= device.signing), "{:?} fell", device.id);
        }
    }
    for key in 0..KEYS {
        let devices = after.accounts.values().flat_map(|a| &a.devices);
        let mut of_key = devices.filter(|d| d.key == public_key(key)).map(|d| d.signing);
        let first = of_key.next();
        assert!(of_key.all(|signing| Some(signing) == first), "key {key} signs two things");
    }
}

fn memory_agrees_with_the_store(world: &World) {
    for user in (0..USERS).filter(|user| !world.stale[*user]) {
        let account = &world.accounts[user];
        let mut snapshot = world.store.snapshot(&account_key(user));
        assert_eq!(account.version(), snapshot.version);
        assert_eq!(account.record(), snapshot.record.as_ref());
        assert!(account.devices().iter().map(Arc::as_ref).eq(&snapshot.devices));
        let mut open = account.open().to_vec();
        open.sort_by(|a, b| a.id.cmp(&b.id));
        snapshot.open.sort_by(|a, b| a.id.cmp(&b.id));
        assert!(open.iter().map(Arc::as_ref).eq(&snapshot.open));
    }
    for (number, told) in &world.told {
        let recorded = &world.store.challenges[&challenge_id(*number)];
        if !world.stale[user_of(&recorded.account)] {
            assert_eq!(told, recorded);
        }
    }
}

fn the_store_agrees_with_the_reference(store: &Store, reference: &Reference) {
    let users = (0..USERS)
        .filter(|user| store.accounts.get(&account_key(*user)).is_some_and(|a| a.record.is_some()));
    assert!(users.eq(reference.users.iter().copied()), "other users");
    assert_eq!(store.actions.len(), reference.actions.len(), "other actions");
    for (name, state) in &reference.actions {
        let action = store.actions.get(&(account_key(name.user), action_key(*name)));
        assert_eq!(action.map(|a| a.state), Some(*state), "{name:?}");
    }
    let devices: usize = store.accounts.values().map(|a| a.devices.len()).sum();
    assert_eq!(devices, reference.devices.len(), "other devices");
    for (number, (user, key)) in &reference.devices {
        let device = store.device(&account_key(*user), &authenticator_id(*number));
        let device = device.filter(|d| d.key == public_key(*key));
        let device = device.unwrap_or_else(|| panic!("no device {number}"));
        assert_eq!(device.confirmed, reference.confirmed.contains(number), "device {number}");
        let raised = device.signing == Signing::StatementV1;
        assert_eq!(raised, reference.raised.contains(number), "device {number}");
    }
    assert_eq!(store.challenges.len(), reference.challenges.len(), "other challenges");
    for (number, asked) in &reference.challenges {
        let challenge = &store.challenges[&challenge_id(*number)];
        let end = challenge.ended.as_ref().map(|e| (e.outcome, e.by.clone()));
        assert_eq!(end, asked.end.map(|(o, by)| (o, by.map(authenticator_id))), "{number}");
        let held = (challenge.held, challenge.expires_at);
        assert_eq!(held, (asked.held, asked.expires_at), "{number}");
    }
}

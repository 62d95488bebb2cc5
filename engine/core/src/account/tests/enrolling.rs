//! Tests of binding keys, of removing bindings, and of removing users.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;

use super::*;
use crate::device::Signing;
use crate::possession::{check_enrollment, proven_enrollment};
use crate::signature::SignatureFormat;
use crate::statement::{Digest, Statement};
use crate::text::Line;

/// The public key of the wire contract's test vectors.
const P256: &str = concat!(
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4sKvkSn2YN6S9",
    "AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==",
);

fn enrolled(world: &mut World, seed: u8, may_add: bool, id: u8) -> Result<Arc<Device>, Refusal> {
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

/// Makes an enrollment for statements of the key of seed `seed`, with a proof of possession of the
/// key of seed `proven`.
fn raising(seed: u8, proven: u8) -> Enroll {
    let (tenant, token) = (key_of("user").tenant, Digest::of("token"));
    let signer = SigningKey::from_bytes(&[proven; 32]);
    let key = public_key(proven).thumbprint();
    let statement = Statement::Enroll { tenant: &tenant, key, token }.to_bytes();
    let signature = signer.sign(&statement).to_bytes().to_vec();
    let check = check_enrollment(public_key(proven), &tenant, token, signature);
    let possession = proven_enrollment(&tenant, token, &check.verify().unwrap()).unwrap();
    let (signing, possession) = (Signing::StatementV1, Some(possession));
    Enroll { signing, possession, ..enroll_of(seed, false) }
}

fn enroll(world: &mut World, enroll: &Enroll) -> Result<Arc<Device>, Refusal> {
    let limits = world.limits.clone();
    world.carry_out(|a| a.enroll(enroll, device_id(9), NOW, &limits))
}

#[test]
fn what_a_key_signs_rises_with_a_proof_and_never_falls() {
    let mut world = World::with_devices(1);
    let unproven = Enroll { signing: Signing::StatementV1, ..enroll_of(1, true) };
    assert_eq!(enroll(&mut world, &unproven).err(), Some(Refusal::ProofMissing));
    let of_another_key = raising(1, 2);
    assert_eq!(enroll(&mut world, &of_another_key).err(), Some(Refusal::ProofMissing));
    assert!(!world.account.devices()[0].confirmed);
    let raised = enroll(&mut world, &raising(1, 1)).unwrap();
    assert_eq!((&raised.id, raised.signing), (&device_id(1), Signing::StatementV1));
    assert!(raised.confirmed, "the proof shows whose the key is");
    assert_eq!(enroll(&mut world, &enroll_of(1, true)).err(), Some(Refusal::SigningLowered));
    assert_eq!(world.account.devices()[0].signing, Signing::StatementV1);
}

#[test]
fn what_a_key_signs_rises_for_its_other_users_too() {
    let mut world = World::with_devices(1);
    let raise = |a: &Account| a.raise_signing(&device_id(1), Signing::StatementV1);
    world.account.apply(&raise(&world.account).unwrap().unwrap().change);
    assert_eq!(world.account.devices()[0].signing, Signing::StatementV1);
    assert!(raise(&world.account).unwrap().is_none(), "it has risen");
    let lower = world.account.raise_signing(&device_id(1), Signing::ChallengeId);
    assert!(lower.unwrap().is_none(), "it does not fall");
    let unknown = world.account.raise_signing(&device_id(9), Signing::StatementV1);
    assert_eq!(unknown.err(), Some(Refusal::AuthenticatorUnknown));
}

#[test]
fn where_statements_are_asked_for_less_is_not_enrolled_or_asked() {
    let mut world = World::with_devices(2);
    world.limits.signing_min = Signing::StatementV1;
    assert_eq!(enroll(&mut world, &enroll_of(3, true)).err(), Some(Refusal::StatementRequired));
    let action = world.track("signIn", "a");
    let targeted = Issue { target: Some(device_id(1)), ..issue_of(1) };
    for issue in [issue_of(1), targeted] {
        let issued = world.issue(&issue, &action, NOW);
        assert_eq!(issued.err(), Some(Refusal::StatementRequired));
    }
    enroll(&mut world, &raising(1, 1)).unwrap();
    let issued = world.issue(&issue_of(1), &action, NOW).unwrap();
    assert_eq!(issued.challenge.targets, [device_id(1)], "the other phone signs too little");
}

#[test]
fn the_signature_format_of_a_bound_key_is_fixed() {
    let spki = STANDARD.decode(P256).unwrap();
    let of = |format| {
        let key = PublicKey::with_format(Algorithm::Es256, format, &spki).unwrap();
        Enroll::official(key, true)
    };
    let mut world = World::with_devices(0);
    enroll(&mut world, &of(SignatureFormat::P1363)).unwrap();
    let other = enroll(&mut world, &of(SignatureFormat::Der));
    assert_eq!(other.err(), Some(Refusal::FormatFixed));
    assert!(enroll(&mut world, &of(SignatureFormat::P1363)).is_ok());
}

#[test]
fn an_approval_confirms_whose_a_key_is_and_a_denial_does_not() {
    let mut world = World::with_devices(1);
    (world.limits.report_hold_ms, world.limits.denial_wait_ms) = (0, 0);
    for (seed, outcome) in [(1, Outcome::Reported), (2, Outcome::Denied), (3, Outcome::Approved)] {
        let issued = world.open(seed, &format!("code{seed}"));
        world.settle(decided(outcome, 1, NOW), &issued).unwrap();
        let confirmed = outcome == Outcome::Approved;
        assert_eq!(world.account.devices()[0].confirmed, confirmed, "{outcome:?}");
    }
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
    let ids = [world.open(1, "signIn"), world.open(2, "pay")].map(|i| i.challenge.id.clone());
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
    let mut action = Action::clone(&world.track("signIn", "a"));
    action.context.custom = custom;
    let signature = Some(vec![211, 212, 213]);
    let ended = Ended { signature, ..Ended::without_device(Outcome::Approved, NOW) };
    let shown = format!("{:?} {patch:?} {action:?} {ended:?}", world.account);
    for secret in ["hidden", "211"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[test]
fn a_binding_is_named_by_its_first_enrollment_by_a_wider_token_and_by_a_proof() {
    let named = |world: &mut World, enroll: Enroll, name| {
        let enroll = Enroll { name: Some(Line::cleaned(name, 100)), ..enroll };
        let limits = world.limits.clone();
        let device = world.carry_out(|a| a.enroll(&enroll, device_id(1), NOW, &limits)).unwrap();
        device.name.as_ref().map(|name| name.as_str().to_owned()).unwrap()
    };
    let mut world = World::with_devices(0);
    assert_eq!(named(&mut world, enroll_of(1, false), "first"), "first");
    assert_eq!(named(&mut world, enroll_of(1, false), "narrow"), "first", "without the scope");
    assert_eq!(named(&mut world, enroll_of(1, true), "wide"), "wide");
}

#[test]
fn a_refresh_shows_when_the_device_was_last_used() {
    let mut world = World::with_devices(1);
    let refresh = Refresh::default();
    let later = NOW.plus_ms(9);
    let device = world.carry_out(|a| a.refresh(&device_id(1), &refresh, later)).unwrap();
    assert_eq!(device.last_verified_at, Some(later));
}

//! Tests of checks of several kinds in one call, and of the content of a proof.

use countersign_core::signature::{Check, InvalidSignature, verify_all, verify_batch};
use fastrand::Rng;

use crate::draw::coefficients;
use crate::forge::{Kind, forge, parsed};
use crate::formats;

#[test]
fn verdicts_come_in_the_order_of_the_checks_and_each_proof_is_of_its_own() {
    let mut random = Rng::with_seed(3);
    let ed25519 = [Kind::Good, Kind::OtherKey, Kind::Good, Kind::ShortByOne, Kind::Good];
    let ed25519 = ed25519.map(|kind| forge(kind, &mut random));
    let mut checks: Vec<_> = ed25519.iter().map(|forged| forged.check()).collect();
    checks.insert(1, formats::der_check());
    checks.insert(4, formats::p1363_check());

    let verdicts = verify_all(checks, &coefficients(&mut random, 5));
    let good: Vec<_> = verdicts.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false, true, true, false, true]);
    for (verdict, forged) in [(0, 0), (3, 2), (6, 4)] {
        let (proof, forged) = (verdicts[verdict].as_ref().unwrap(), &ed25519[forged]);
        assert_eq!(proof.message(), forged.message);
        assert_eq!(proof.signature(), forged.signature);
        assert_eq!(*proof.key(), parsed(&forged.key));
    }
}

#[test]
fn too_few_coefficients_change_no_verdict() {
    let mut random = Rng::with_seed(4);
    let forged: Vec<_> = Kind::ALL.map(|kind| forge(kind, &mut random)).into();
    let expected: Vec<_> = forged.iter().map(|f| f.kind.is_accepted()).collect();
    for count in 0..forged.len() {
        let coefficients = coefficients(&mut random, count);
        let checks: Vec<_> = forged.iter().map(|f| f.check()).collect();
        assert_eq!(verify_batch(&checks, &coefficients), Err(InvalidSignature));
        let verdicts = verify_all(checks, &coefficients);
        let good: Vec<_> = verdicts.iter().map(Result::is_ok).collect();
        assert_eq!(good, expected, "{count} coefficients");
    }
}

#[test]
fn coefficients_of_zero_still_check_every_signature() {
    let mut random = Rng::with_seed(5);
    for bad in [Kind::OtherMessage, Kind::OtherKey, Kind::MixedOrderROtherMessage] {
        let checks: Vec<_> =
            [Kind::Good, bad, Kind::Good].map(|kind| forge(kind, &mut random).check()).into();
        assert_eq!(verify_batch(&checks, &[[0; 16]; 3]), Err(InvalidSignature));
    }
}

#[test]
fn nothing_to_check_is_no_error() {
    assert_eq!(verify_batch(&[], &[]), Ok(()));
    assert!(verify_all(Vec::new(), &[]).is_empty());
}

#[test]
fn a_signature_may_be_over_one_of_several_messages_and_over_none_it_is_bad() {
    let good = forge(Kind::Good, &mut Rng::with_seed(6));
    let any_of = |messages: &[&[u8]]| {
        let messages = messages.iter().map(|m| m.to_vec()).collect();
        let check = Check::any_of(parsed(&good.key), messages, good.signature.clone());
        let batch = verify_all(vec![check.clone()], &[[1; 16]]).pop().unwrap();
        let (alone, batch) = (check.verify().ok(), batch.ok());
        assert_eq!(alone.as_ref().map(|p| p.index()), batch.as_ref().map(|p| p.index()));
        alone.map(|proof| (proof.index(), proof.message().to_vec()))
    };
    assert_eq!(any_of(&[b"a", &good.message, b"b"]), Some((1, good.message.clone())));
    assert_eq!(any_of(&[b"a", b"b"]), None);
    assert_eq!(any_of(&[]), None);
}

#[test]
fn neither_signatures_nor_messages_show_in_a_log() {
    let good = forge(Kind::Good, &mut Rng::with_seed(7));
    let check = good.check();
    let shown = format!("{check:?} {:?}", check.clone().verify().unwrap());
    assert!(!shown.contains("message") && !shown.contains("signature"), "{shown}");
}

//! Tests that a statement protects all its parts: if any part is changed, the decision is refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is a failed test")]

mod case;
mod possession;

use countersign_core::decision::{Asked, SignedDecision, check, proven, verify};
use countersign_core::device::Signing;
use countersign_core::outcome::Decision;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use case::{Case, DECISIONS};

/// Default number of cases.
const CASES: u32 = 500;
/// Environment variable that sets the number of cases.
const CASES_VARIABLE: &str = "COUNTERSIGN_STATEMENTS";

fn config() -> ProptestConfig {
    let cases = std::env::var(CASES_VARIABLE).map_or(CASES, |text| text.parse().unwrap());
    let regressions = FileFailurePersistence::Direct("tests/statements/regressions.txt");
    let failure_persistence: Option<Box<dyn proptest::test_runner::FailurePersistence>> =
        Some(Box::new(regressions));
    // Some damage changes nothing, such as a swap of two equal lines. Such cases are rejected.
    let max_global_rejects = cases.max(1_000);
    ProptestConfig { cases, failure_persistence, max_global_rejects, ..ProptestConfig::default() }
}

fn any_case() -> impl Strategy<Value = Case> {
    let names = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    let rest = (0..DECISIONS.len(), any::<u8>(), any::<Option<u16>>(), 0..u32::MAX);
    (names, rest).prop_map(|(names, rest)| {
        let (tenant, challenge, nonce, authenticator, key) = names;
        let (decision, display, number, expires_seconds) = rest;
        Case {
            tenant,
            challenge,
            nonce,
            authenticator,
            key,
            decision,
            display,
            number,
            expires_seconds,
        }
    })
}

/// A change of a statement's bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Insert(usize, u8),
    DropLine(usize),
    DoubleLine(usize),
    SwapLines(usize, usize),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let (at, line) = (0..1000_usize, 0..10_usize);
    prop_oneof![
        4 => (at.clone(), 1..=255_u8).prop_map(|(at, by)| Damage::Flip(at, by)),
        1 => at.clone().prop_map(Damage::Cut),
        1 => (at, any::<u8>()).prop_map(|(at, byte)| Damage::Insert(at, byte)),
        1 => line.clone().prop_map(Damage::DropLine),
        1 => line.clone().prop_map(Damage::DoubleLine),
        1 => (line.clone(), line).prop_map(|(a, b)| Damage::SwapLines(a, b)),
    ]
}

/// Returns the statement with the damage. The bytes are unchanged if, for example, a line is
/// swapped with itself.
fn damaged(statement: &[u8], damage: &Damage) -> Vec<u8> {
    let mut bytes = statement.to_vec();
    let mut lines: Vec<&[u8]> = statement.split(|byte| *byte == b'\n').collect();
    match *damage {
        Damage::Flip(at, by) => {
            let at = at % bytes.len();
            bytes[at] ^= by;
            return bytes;
        }
        Damage::Cut(at) => {
            bytes.truncate(at % bytes.len());
            return bytes;
        }
        Damage::Insert(at, byte) => {
            bytes.insert(at % (bytes.len() + 1), byte);
            return bytes;
        }
        Damage::DropLine(at) => drop(lines.remove(at)),
        Damage::DoubleLine(at) => lines.insert(at, lines[at]),
        Damage::SwapLines(a, b) => lines.swap(a, b),
    }
    lines.join(&b'\n')
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_change_of_one_field_is_accepted(case in any_case()) {
        let good = case.statement();
        prop_assert!(case.judge(case.answer(&good)).is_ok());
        for (field, other) in case.neighbours() {
            // The device signs a statement in which one field differs from the server's.
            let forged = case.judge(case.answer(&other.statement()));
            prop_assert!(forged.is_err(), "{} was signed otherwise", field);
            // A valid decision is used for a case in which one field differs. The decision and the
            // number come from the request, not from the server, so there the signature is valid.
            let requested = ["decision", "number"].contains(&field);
            let replayed = other.judge(case.answer(&good)).is_ok();
            prop_assert_eq!(replayed, requested, "{} is another", field);
            // A valid signature is used in a request with another challenge, decision or number.
            let signature = case.answer(&good).signature;
            let moved = SignedDecision { signature, ..other.answer(&good) };
            let in_request = requested || field == "challenge";
            prop_assert_eq!(case.judge(moved).is_err(), in_request, "{} is another", field);
        }
    }

    #[test]
    fn no_change_of_the_bytes_is_accepted(case in any_case(), damage in any_damage()) {
        let good = case.statement();
        let signed = damaged(&good, &damage);
        prop_assume!(signed != good);
        prop_assert!(case.judge(case.answer(&signed)).is_err());
    }
}

fn case() -> Case {
    Case {
        tenant: 1,
        challenge: 2,
        nonce: 3,
        authenticator: 4,
        key: 5,
        decision: 0,
        display: 6,
        number: Some(42),
        expires_seconds: 1_735_689_600,
    }
}

/// Mixes the parts of two open challenges in all 32 ways. Only a statement whose challenge, nonce,
/// binding and text are all of one challenge is accepted.
#[test]
fn of_all_mixtures_of_two_challenges_two_are_accepted() {
    let first = case();
    let second = Case {
        challenge: 12,
        nonce: 13,
        authenticator: 14,
        display: 16,
        number: Some(77),
        ..case()
    };
    let mut accepted = Vec::new();
    for mixture in 0..32_u8 {
        let from = |bit: u8| if mixture & (1 << bit) == 0 { &first } else { &second };
        let mixed = Case {
            challenge: from(0).challenge,
            nonce: from(1).nonce,
            authenticator: from(2).authenticator,
            display: from(3).display,
            number: from(4).number,
            ..case()
        };
        // The server finds the challenge by its id, and takes the typed number from the request.
        let known = Case { number: mixed.number, ..from(0).clone() };
        if known.judge(mixed.answer(&mixed.statement())).is_ok() {
            accepted.push(mixture & 0b1111);
        }
    }
    // Both numbers are accepted here, because the server compares the number later.
    assert_eq!(accepted, [0, 0b1111, 0, 0b1111]);
}

/// Checks that a key that signs statements cannot decide with a signature of the challenge id, and
/// that a key that signs challenge ids cannot decide with a signature of a statement.
#[test]
fn a_signature_of_the_other_kind_decides_nothing() {
    let case = case();
    let challenge = case.challenge();
    let bare = challenge.id.as_str().as_bytes().to_vec();
    let statement = case.statement();
    for (binding, key) in [
        (Signing::ChallengeId, Signing::ChallengeId),
        (Signing::ChallengeId, Signing::StatementV1),
        (Signing::StatementV1, Signing::ChallengeId),
        (Signing::StatementV1, Signing::StatementV1),
    ] {
        let bindings = [case.binding(binding)];
        let asked = Asked::among(&bindings, &challenge, key).unwrap();
        let statements = binding.max(key) == Signing::StatementV1;
        assert_eq!(verify(asked, case.answer(&statement)).is_ok(), statements);
        assert_eq!(verify(asked, case.answer(&bare)).is_ok(), !statements);
    }
}

/// A challenge that was recorded before statements existed has no nonce and text for a statement.
#[test]
fn a_challenge_without_nonce_and_display_takes_no_statement() {
    let case = case();
    let mut challenge = case.challenge();
    challenge.shown = None;
    let bindings = [case.binding(Signing::StatementV1)];
    let asked = Asked::among(&bindings, &challenge, Signing::StatementV1).unwrap();
    for message in [case.statement(), challenge.id.as_str().as_bytes().to_vec(), Vec::new()] {
        assert!(verify(asked, case.answer(&message)).is_err());
    }
}

#[test]
fn what_was_verified_is_what_was_answered() {
    let case = case();
    let verified = case.judge(case.answer(&case.statement())).unwrap();
    assert_eq!(verified.challenge(), &case.challenge().id);
    assert_eq!(verified.decision(), Decision::Approve);
    assert_eq!(verified.number(), case.answer(&[]).number.as_ref());
    assert!(verified.number().is_some());
}

/// Tries a proof of another key, of another signature and of another message, because a proof of
/// one decision must not prove another.
#[test]
fn a_proof_of_one_decision_proves_no_other() {
    let signing = Signing::ChallengeId;
    let (mine, other_key) = (case(), Case { key: 9, ..case() });
    let challenge = mine.challenge();
    let id = challenge.id.as_str().as_bytes();
    let bindings = [mine.binding(signing)];
    let asked = Asked::among(&bindings, &challenge, signing).unwrap();
    let good = mine.answer(id);
    let proof = check(asked, &good).verify().unwrap();
    assert!(proven(asked, good.clone(), &proof).is_ok());

    let theirs = other_key.answer(id);
    let their_bindings = [other_key.binding(signing)];
    let they = Asked::among(&their_bindings, &challenge, signing).unwrap();
    let their_proof = check(they, &theirs).verify().unwrap();
    assert!(proven(asked, theirs, &their_proof).is_err(), "of another key");

    let signature = mine.answer(b"else").signature;
    assert!(proven(asked, SignedDecision { signature, ..good }, &proof).is_err(), "not the one");

    let bindings = [mine.binding(Signing::StatementV1)];
    let asked = Asked::among(&bindings, &challenge, signing).unwrap();
    let approval = mine.answer(&mine.statement());
    let proof = check(asked, &approval).verify().unwrap();
    let denial = SignedDecision { decision: Decision::Deny, ..approval };
    assert!(proven(asked, denial, &proof).is_err(), "of another message");
}

#[test]
fn a_binding_that_was_not_asked_is_not_found() {
    let (case, signing) = (case(), Signing::StatementV1);
    let challenge = case.challenge();
    let other_user = Case { tenant: 9, ..case }.binding(signing);
    let not_asked = Case { authenticator: 9, ..case }.binding(signing);
    assert!(Asked::among(&[other_user, not_asked], &challenge, signing).is_none());
}

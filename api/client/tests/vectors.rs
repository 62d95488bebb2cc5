//! Recomputes the published test vectors of statements with the library. `api/tests/sdk` checks the
//! same vectors with independent code.

#![expect(clippy::unwrap_used, reason = "every function here serves tests")]

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use countersign_client::SoftwareKey;
use countersign_core::id::{AuthenticatorId, ChallengeId, TenantId, Thumbprint};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::TypedNumber;
use countersign_core::outcome::Decision;
use countersign_core::signature::{Algorithm, PublicKey, SignatureFormat};
use countersign_core::statement::{DecisionStatement, Digest, Statement};
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    tenant: String,
    keys: HashMap<String, Key>,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Key {
    pkcs8: String,
    spki: String,
    thumbprint: String,
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    statement: String,
    inputs: Inputs,
    algorithm: String,
    text: String,
    sha256: String,
    signatures: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Inputs {
    token: Option<String>,
    nonce: Option<String>,
    push_token: Option<String>,
    challenge: Option<String>,
    authenticator: Option<String>,
    decision: Option<String>,
    display: Option<String>,
    number: Option<String>,
    expires: Option<u64>,
}

fn file() -> File {
    serde_json::from_str(include_str!("../vectors/statements-v1.json")).unwrap()
}

fn key_of(file: &File, name: &str) -> SoftwareKey {
    let algorithm = Algorithm::from_name(name).unwrap();
    SoftwareKey::from_pkcs8(algorithm, &file.keys[name].pkcs8).unwrap()
}

fn statement(vector: &Vector, tenant: &TenantId, key: Thumbprint) -> Vec<u8> {
    let inputs = &vector.inputs;
    let nonce = inputs.nonce.as_deref().map(|n| Nonce::parse(n).unwrap());
    let nonce = nonce.as_ref();
    let push_token = inputs.push_token.as_deref().map(Digest::of);
    match vector.statement.as_str() {
        "enroll" => {
            let token = Digest::of(inputs.token.as_deref().unwrap());
            Statement::Enroll { tenant, key, token }.to_bytes()
        }
        "session" => Statement::Session { tenant, key, nonce: nonce.unwrap() }.to_bytes(),
        "update" => Statement::Update { tenant, key, nonce: nonce.unwrap(), push_token }.to_bytes(),
        "remove" => Statement::Remove { tenant, key, nonce: nonce.unwrap() }.to_bytes(),
        "decision" => decision(inputs, tenant, key, nonce.unwrap()),
        other => unreachable!("{other}"),
    }
}

fn decision(inputs: &Inputs, tenant: &TenantId, key: Thumbprint, nonce: &Nonce) -> Vec<u8> {
    let all = [Decision::Approve, Decision::Deny, Decision::Report];
    let named = |d: &Decision| Some(d.name()) == inputs.decision.as_deref();
    let number = inputs.number.as_deref().map(|n| TypedNumber::parse(n).unwrap());
    Statement::Decision(DecisionStatement {
        tenant,
        challenge: &ChallengeId::parse(inputs.challenge.as_deref().unwrap()).unwrap(),
        nonce,
        authenticator: &AuthenticatorId::parse(inputs.authenticator.as_deref().unwrap()).unwrap(),
        key,
        decision: all.into_iter().find(named).unwrap(),
        display: Digest::of(inputs.display.as_deref().unwrap()),
        number: number.as_ref(),
        expires_at_seconds: inputs.expires.unwrap(),
    })
    .to_bytes()
}

#[test]
fn the_keys_are_what_they_are_said_to_be() {
    let file = file();
    for (name, written) in &file.keys {
        let key = key_of(&file, name);
        assert_eq!(STANDARD.encode(key.spki()), written.spki);
        assert_eq!(URL_SAFE_NO_PAD.encode(key.thumbprint().as_bytes()), written.thumbprint);
    }
}

#[test]
fn every_statement_has_the_text_of_its_vector() {
    let file = file();
    let tenant = TenantId::parse(&file.tenant).unwrap();
    for vector in &file.vectors {
        let key = key_of(&file, &vector.algorithm).thumbprint();
        let bytes = statement(vector, &tenant, key);
        assert_eq!(String::from_utf8(bytes).unwrap(), vector.text, "{}", vector.name);
    }
    for kind in ["enroll", "session", "update", "remove", "decision"] {
        let of = file.vectors.iter().filter(|v| v.statement == kind);
        assert!(of.count() >= 2, "one of {kind} with each algorithm");
    }
}

#[test]
fn every_signature_of_a_vector_verifies_and_is_of_its_text_alone() {
    let file = file();
    let mut checked = 0;
    for vector in &file.vectors {
        let key = key_of(&file, &vector.algorithm);
        let digest = sha256(vector.text.as_bytes());
        assert_eq!(URL_SAFE_NO_PAD.encode(digest), vector.sha256, "{}", vector.name);
        for format in key.algorithm().formats() {
            let signature = STANDARD.decode(&vector.signatures[format.name()]).unwrap();
            let public = PublicKey::with_format(key.algorithm(), *format, key.spki()).unwrap();
            assert!(public.verify(vector.text.as_bytes(), &signature).is_ok(), "{}", vector.name);
            let other = format!("{}\n", vector.text);
            assert!(public.verify(other.as_bytes(), &signature).is_err(), "{}", vector.name);
            checked += 1;
        }
    }
    assert_eq!(checked, file.vectors.len() / 2 * 3);
}

#[test]
fn ed25519_signs_a_vector_as_it_is_written() {
    let file = file();
    let key = key_of(&file, "ed25519");
    for vector in file.vectors.iter().filter(|v| v.algorithm == "ed25519") {
        let signature = key.sign_as(SignatureFormat::Raw, vector.text.as_bytes()).unwrap();
        assert_eq!(STANDARD.encode(signature), vector.signatures["raw"], "{}", vector.name);
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}

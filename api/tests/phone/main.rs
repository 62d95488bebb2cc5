//! Tests of `countersign phone` against a server with a list of prepared responses.

#![expect(clippy::unwrap_used, reason = "every function here serves tests")]

mod answers;
mod enrollment;
mod removal;
mod watching;

use std::path::Path;

use clap::Parser;
use countersign::cli::phone::{CliError, PhoneArgs, run};
use countersign_testkit::answers::Server;
use countersign_wire::token::Writer;
use serde_json::{Value, json};

const OK: &str = "200 OK";
const ENROLLED: &str =
    r#"{"userAuthenticatorId":"b7","userId":"u-1","verifiedAt":"2025-01-01T00:00:00.000Z"}"#;
const NONCE: &str = r#"{"message":"nonce:abc"}"#;
const NOTHING: &str = r#"{"userAuthenticatorId":"b7"}"#;
const APPROVED: &str = r#"{"isVerified":true,"outcome":"approved"}"#;
const DENIED: &str = r#"{"isVerified":false,"outcome":"denied"}"#;
const UNKNOWN_KEY: &str = r#"{"error":"invalid_credential","errorCode":"invalid_credential",
    "errorDescription":"the key is not enrolled"}"#;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    phone: PhoneArgs,
}

/// Runs a command line with a key file in `folder`, and returns its output.
async fn phone(folder: &Path, line: &[&str], input: &str) -> Result<String, CliError> {
    let file = folder.join("phone.json").display().to_string();
    let line = ["phone", "--key-file", &file].into_iter().chain(line.iter().copied());
    let mut out = Vec::new();
    run(Line::parse_from(line).phone, &mut out, &mut input.as_bytes()).await?;
    Ok(String::from_utf8(out).unwrap())
}

fn challenge(letter: char) -> (String, String) {
    let id = letter.to_string().repeat(32);
    let challenge = json!({"userAuthenticatorId": "b7", "challengeId": id, "userId": "u-1",
        "actionCode": "signIn", "idempotencyKey": "k", "expiresAt": 1_735_690_200});
    (id, challenge.to_string())
}

async fn enroll(folder: &Path, server: &Server, more: &[&str]) {
    let line = [&["enroll", "--token", "J.W.T", "--url", &server.base], more].concat();
    let text = phone(folder, &line, "").await.unwrap();
    assert!(text.starts_with("enrolled for user u-1 as authenticator b7"), "{text}");
}

const SIGNER: &str = r#"{"userAuthenticatorId":"b7b7b7b7-b7b7-47b7-b7b7-b7b7b7b7b7b7",
    "userId":"u-1","verifiedAt":"2025-01-01T00:00:00.000Z","signing":"statement-v1",
    "algorithm":"ed25519"}"#;
const SESSION: &str = r#"{"token":"J.W.T","expiresIn":900}"#;
const REPORTED: &str = r#"{"isVerified":false,"outcome":"reported"}"#;

fn statement_nonce() -> String {
    format!(r#"{{"nonce":"{}"}}"#, "A".repeat(43))
}

/// Makes a prepared response with one pending challenge, which has this display text. Returns the
/// challenge's id and the response.
fn shown(letter: char, number: &Value, display: &str) -> (String, String) {
    let id = letter.to_string().repeat(32);
    let signer = "b7b7b7b7-b7b7-47b7-b7b7-b7b7b7b7b7b7";
    let challenge = json!({"userAuthenticatorId": signer, "challengeId": id, "userId": "u-1",
        "actionCode": "pay", "idempotencyKey": "k", "expiresAt": 1_735_690_200,
        "numberMatch": number, "nonce": "A".repeat(43), "display": display});
    let body = json!({"userAuthenticatorId": signer, "challenges": [challenge]});
    (id, body.to_string())
}

async fn enroll_signer(folder: &Path, server: &Server) {
    let line = ["enroll", "--token", "J.W.T", "--url", &server.base];
    let signing = ["--signing", "statement-v1", "--algorithm", "ed25519"];
    phone(folder, &[&line[..], &signing].concat(), "").await.unwrap();
}

//! `countersign phone` against a server that answers from a list.

#![expect(clippy::unwrap_used, reason = "every function here serves tests")]

mod removal;
#[path = "../../client/tests/support/mod.rs"]
mod support;

use std::path::Path;

use clap::Parser;
use countersign::cli::phone::{CliError, PhoneArgs, run};
use serde_json::{Value, json};
use support::Server;

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

/// Runs a command line with a key file in `folder` and returns its output.
async fn phone(folder: &Path, line: &[&str], input: &str) -> Result<String, CliError> {
    let file = folder.join("phone.json").display().to_string();
    let line = ["phone", "--key-file", &file].into_iter().chain(line.iter().copied());
    let mut out = Vec::new();
    run(Line::parse_from(line).phone, &mut out, &mut input.as_bytes()).await?;
    Ok(String::from_utf8(out).unwrap())
}

fn challenge(letter: char) -> (String, String) {
    let id = letter.to_string().repeat(32);
    let action = r#""userId":"u-1","actionCode":"signIn""#;
    let body = format!(r#"{{"userAuthenticatorId":"b7","challengeId":"{id}",{action}}}"#);
    (id, body)
}

async fn enroll(folder: &Path, server: &Server, more: &[&str]) {
    let line = [&["enroll", "--token", "J.W.T", "--url", &server.base], more].concat();
    let text = phone(folder, &line, "").await.unwrap();
    assert!(text.starts_with("enrolled for user u-1 as authenticator b7"), "{text}");
}

#[tokio::test]
async fn a_phone_remembers_where_it_is_enrolled_until_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (id, pending) = challenge('A');
    let server = Server::start(&[
        (OK, "", ENROLLED),
        (OK, "", &pending),
        (OK, "", APPROVED),
        (OK, "", r#"{"removedAuthenticatorId":"b7"}"#),
    ]);
    enroll(folder.path(), &server, &["--tenant", "acme", "--dialect", "ios"]).await;
    let text = phone(folder.path(), &["approve"], "").await.unwrap();
    // An action that is approved unseen is printed on the way.
    assert!(text.contains("action      signIn"), "{text}");
    assert!(text.ends_with(&format!("\napproved: challenge {id}\n")), "{text}");
    phone(folder.path(), &["remove"], "").await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let seen = server.seen();
    assert!(seen[1].line.starts_with("GET /v1/client/user-authenticators/push/challenge?"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer J.W.T"));
    for seen in &seen[1..] {
        assert_eq!(seen.header("x-authsignal-sdk"), Some("ios"));
        assert_eq!(seen.header("authorization"), Some("Basic YWNtZTo"));
    }
}

#[tokio::test]
async fn a_token_is_read_from_the_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[(OK, "", ENROLLED)]);
    let line = ["enroll", "--token", "-", "--url", &server.base];
    phone(folder.path(), &line, "J.W.T\n").await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer J.W.T"));
    let none = phone(folder.path(), &["enroll", "--token", "-"], "").await;
    assert!(matches!(none, Err(CliError::NoToken)));
}

#[tokio::test]
async fn a_named_challenge_is_answered_without_reading_what_is_pending() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[(OK, "", ENROLLED), (OK, "", DENIED)]);
    enroll(folder.path(), &server, &[]).await;
    let (id, _) = challenge('-');
    let text = phone(folder.path(), &["deny", "--challenge", &id], "").await.unwrap();
    assert_eq!(text, format!("denied: challenge {id}\n"));
    let body: Value = serde_json::from_str(&server.seen()[1].body).unwrap();
    assert_eq!((&body["approved"], &body["challengeId"]), (&false.into(), &id.into()));
}

#[tokio::test]
async fn without_a_key_or_a_challenge_there_is_nothing_to_approve() {
    let folder = tempfile::tempdir().unwrap();
    let none = phone(folder.path(), &["approve"], "").await;
    assert!(matches!(none, Err(CliError::NoKey(_))));
    let server = Server::start(&[(OK, "", ENROLLED), (OK, "", NOTHING)]);
    enroll(folder.path(), &server, &[]).await;
    let none = phone(folder.path(), &["approve"], "").await;
    assert!(matches!(none, Err(CliError::NothingPending)));
    server.seen();
}

#[tokio::test]
async fn watching_asks_about_each_challenge_and_sends_the_answers() {
    let folder = tempfile::tempdir().unwrap();
    let ((first, one), (second, two), (_, three)) =
        (challenge('A'), challenge('B'), challenge('C'));
    let server = Server::start(&[
        (OK, "", ENROLLED),
        (OK, "", NONCE),
        (OK, "", &one),
        (OK, "", APPROVED),
        (OK, "", NONCE),
        (OK, "", &two),
        (OK, "", DENIED),
        (OK, "", NONCE),
        (OK, "", &three),
    ]);
    enroll(folder.path(), &server, &[]).await;
    let text = phone(folder.path(), &["watch"], "what?\na 042\ndeny\n").await.unwrap();
    assert!(text.contains("signIn") && text.contains("u-1"), "{text}");
    assert!(text.contains(&format!("approved: challenge {first}")), "{text}");
    assert!(text.contains(&format!("denied: challenge {second}")), "{text}");
    assert_eq!(text.matches("type a to approve, d to deny, s to skip: ").count(), 4);
    let seen = server.seen();
    assert_eq!(seen[2].header("prefer"), Some("wait=30"));
    let body = |index: usize| serde_json::from_str::<Value>(&seen[index].body).unwrap();
    assert_eq!((&body(3)["approved"], &body(3)["verificationCode"]), (&true.into(), &"042".into()));
    assert_eq!((&body(6)["approved"], &body(6)["challengeId"]), (&false.into(), &second.into()));
}

#[tokio::test]
async fn watching_ends_when_the_key_is_not_enrolled_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let gone = ("401 Unauthorized", "", UNKNOWN_KEY);
    let server = Server::start(&[(OK, "", ENROLLED), gone]);
    enroll(folder.path(), &server, &[]).await;
    let error = phone(folder.path(), &["watch"], "").await.unwrap_err();
    assert!(error.to_string().contains("the key is not enrolled"), "{error}");
    server.seen();
}

#[tokio::test]
async fn a_named_challenge_that_is_not_pending_is_said_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pending) = shown('A', &Value::Null, r#"{"action":"pay"}"#);
    let server = Server::start(&[
        (OK, "", SIGNER),
        (OK, "", &statement_nonce()),
        (OK, "", SESSION),
        (OK, "", &pending),
    ]);
    enroll_signer(folder.path(), &server).await;
    let other = "B".repeat(32);
    let line = ["approve", "--challenge", &other];
    let error = phone(folder.path(), &line, "").await.unwrap_err();
    assert_eq!(error.to_string(), format!("challenge {other} is not pending for this key"));
    server.seen();
}

#[tokio::test]
async fn showing_tells_where_the_key_is_enrolled_and_never_its_private_part() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[
        (OK, "", ENROLLED),
        (OK, "", ENROLLED),
        (OK, "", NONCE),
        (OK, "", NOTHING),
    ]);
    enroll(folder.path(), &server, &[]).await;
    let text = phone(folder.path(), &["show"], "").await.unwrap();
    let file = std::fs::read_to_string(folder.path().join("phone.json")).unwrap();
    let file: Value = serde_json::from_str(&file).unwrap();
    assert!(!text.contains(file["pkcs8"].as_str().unwrap()));
    for part in ["u-1", "b7", &server.base, "demo", "nothing is pending"] {
        assert!(text.contains(part), "{text}");
    }
    server.seen();
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[(OK, "", ENROLLED)]);
    enroll(folder.path(), &server, &[]).await;
    let file = folder.path().join("phone.json");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = phone(folder.path(), &["show"], "").await;
    assert!(matches!(refused, Err(CliError::KeyFile { .. })));
    server.seen();
}

const SIGNER: &str = r#"{"userAuthenticatorId":"b7b7b7b7-b7b7-47b7-b7b7-b7b7b7b7b7b7",
    "userId":"u-1","verifiedAt":"2025-01-01T00:00:00.000Z","signing":"statement-v1",
    "algorithm":"ed25519"}"#;
const SESSION: &str = r#"{"token":"J.W.T","expiresIn":900}"#;
const REPORTED: &str = r#"{"isVerified":false,"outcome":"reported"}"#;

fn statement_nonce() -> String {
    format!(r#"{{"nonce":"{}"}}"#, "A".repeat(43))
}

/// A list of one challenge, with this display text.
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

#[tokio::test]
async fn a_phone_that_signs_statements_shows_what_it_signs() {
    let folder = tempfile::tempdir().unwrap();
    let display = r#"{"action":"pay","custom":{"payee":"Zoë"},"issuedAt":1735689600,"more":[1]}"#;
    let (nonce, (id, pending)) = (statement_nonce(), shown('A', &json!({"digits": 2}), display));
    let server = Server::start(&[
        (OK, "", SIGNER),
        (OK, "", &nonce),
        (OK, "", SESSION),
        (OK, "", &pending),
        (OK, "", APPROVED),
    ]);
    enroll_signer(folder.path(), &server).await;
    // The file says how the key signs, so that the command need not.
    let line = ["approve", "--challenge", &id, "--number", "07"];
    let text = phone(folder.path(), &line, "").await.unwrap();
    for part in ["action      pay", "payee       Zoë", "more.1      1", "2025-01-01T00:00:00"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(text.ends_with(&format!("approved: challenge {id}\n")), "{text}");
    let body: Value = serde_json::from_str(&server.seen()[4].body).unwrap();
    assert_eq!((&body["decision"], &body["verificationCode"]), (&json!("approve"), &json!("07")));
}

#[tokio::test]
async fn watching_says_what_to_type_and_asks_again_for_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let (nonce, display) = (statement_nonce(), r#"{"action":"pay"}"#);
    let (_, one) = shown('A', &json!({"digits": 2}), display);
    let (_, two) = shown('B', &Value::Null, display);
    let (hidden, three) = shown('C', &Value::Null, r#"{"action":"p\u202eay"}"#);
    let (_, four) = shown('D', &Value::Null, display);
    let server = Server::start(&[
        (OK, "", SIGNER),
        (OK, "", &nonce),
        (OK, "", SESSION),
        (OK, "", &one),
        (OK, "", &one),
        (OK, "", APPROVED),
        (OK, "", &two),
        (OK, "", REPORTED),
        (OK, "", &three),
        (OK, "", &four),
    ]);
    enroll_signer(folder.path(), &server).await;
    let text = phone(folder.path(), &["watch"], "a 7\na 07\nr\n").await.unwrap();
    let ask = "type a and the 2 digits shown where this began to approve, d to deny, r to report \
               that it was not you, s to skip: ";
    assert_eq!(text.matches(ask).count(), 2, "{text}");
    assert!(text.contains("not answered: the 2 digits are needed"), "{text}");
    assert!(text.contains("type a to approve, d to deny, r to report"), "{text}");
    assert!(text.contains(&format!("challenge {hidden} cannot be shown")), "{text}");
    let seen = server.seen();
    let body = |index: usize| serde_json::from_str::<Value>(&seen[index].body).unwrap();
    assert_eq!(body(5)["verificationCode"], "07");
    assert_eq!(body(7)["decision"], "report");
}

#[tokio::test]
async fn the_number_may_stand_on_the_line_after_the_approval() {
    let display = r#"{"action":"pay"}"#;
    for typed in [
        "a\n07\n",
        "approve\n a 07 \n",
        "a\nx\na\n7\na\n07\n",
        "a 0 7\n",
        "a\n٠٧\n",
        "a ０７\n",
        "a\n\u{200f}۰\u{a0}۷\u{200e}\n",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (id, pending) = shown('A', &json!({"digits": 2}), display);
        let (_, next) = shown('B', &Value::Null, display);
        let server = Server::start(&[
            (OK, "", SIGNER),
            (OK, "", &statement_nonce()),
            (OK, "", SESSION),
            (OK, "", &pending),
            (OK, "", APPROVED),
            (OK, "", &next),
        ]);
        enroll_signer(folder.path(), &server).await;
        let text = phone(folder.path(), &["watch"], typed).await.unwrap();
        assert!(text.contains(&format!("approved: challenge {id}")), "{text}");
        let body: Value = serde_json::from_str(&server.seen()[4].body).unwrap();
        assert_eq!(
            (&body["decision"], &body["verificationCode"]),
            (&json!("approve"), &json!("07"))
        );
    }
}

#[tokio::test]
async fn when_the_input_ends_what_is_asked_is_left_unanswered_and_said_to_be() {
    for typed in ["", "a\n", "what?\n"] {
        let folder = tempfile::tempdir().unwrap();
        let (id, pending) = shown('A', &json!({"digits": 2}), r#"{"action":"pay"}"#);
        let server = Server::start(&[
            (OK, "", SIGNER),
            (OK, "", &statement_nonce()),
            (OK, "", SESSION),
            (OK, "", &pending),
        ]);
        enroll_signer(folder.path(), &server).await;
        let text = phone(folder.path(), &["watch"], typed).await.unwrap();
        let left = format!("\nthe input has ended: challenge {id} is left unanswered\n");
        assert!(text.ends_with(&left), "{text}");
        assert_eq!(server.seen().len(), 4, "nothing was answered");
    }
}

#[tokio::test]
async fn showing_tells_that_a_number_will_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pending) = challenge('A');
    let pending = pending.replace("}", r#","numberMatch":{"digits":6}}"#);
    let server = Server::start(&[
        (OK, "", ENROLLED),
        (OK, "", ENROLLED),
        (OK, "", NONCE),
        (OK, "", &pending),
    ]);
    enroll(folder.path(), &server, &[]).await;
    let text = phone(folder.path(), &["show"], "").await.unwrap();
    assert!(
        text.contains("  number      6 digits, shown where this began, to approve\n"),
        "{text}"
    );
    server.seen();
}

#[tokio::test]
async fn a_report_is_for_those_who_sign_statements() {
    let folder = tempfile::tempdir().unwrap();
    let (_, pending) = challenge('A');
    let server = Server::start(&[(OK, "", ENROLLED), (OK, "", &pending)]);
    enroll(folder.path(), &server, &[]).await;
    let refused = phone(folder.path(), &["report"], "").await;
    assert!(matches!(refused, Err(CliError::NoReport)));
    server.seen();
}

const TICKET: &str = "AbCdEfGhIjKlMnOpQrSt-_";
const OPENED: &str = r#"{"tenantId":"acme","userId":"u-1","expiresIn":600}"#;

/// The link that a website of that server shows.
fn link(server: &Server, bearer: &str) -> String {
    format!("{}/phone#enroll={bearer}", server.base.trim_end_matches("/v1"))
}

#[tokio::test]
async fn a_link_says_the_server_and_the_tenant_and_its_ticket_enrolls() {
    for from_input in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&[(OK, "", OPENED), (OK, "", ENROLLED), (OK, "", NOTHING)]);
        let link = link(&server, TICKET);
        let (word, input) =
            if from_input { ("-", format!("{link}\n")) } else { (&*link, String::new()) };
        let text = phone(folder.path(), &["enroll", word], &input).await.unwrap();
        assert!(text.starts_with("enrolled for user u-1"), "{text}");
        assert!(phone(folder.path(), &["approve"], "").await.is_err());
        let seen = server.seen();
        assert_eq!(seen[0].line, "POST /v1/client/user-authenticators/push/ticket/open");
        assert!(!seen.iter().any(|s| s.line.contains(TICKET)), "it is in no address");
        let body: Value = serde_json::from_str(&seen[0].body).unwrap();
        assert_eq!((&body["ticket"], seen[0].header("authorization")), (&TICKET.into(), None));
        assert_eq!(seen[1].header("authorization"), Some(&*format!("Bearer {TICKET}")));
        // It is remembered where the link led.
        assert_eq!(seen[2].header("x-authsignal-tenant-id"), Some("acme"));
    }
}

#[tokio::test]
async fn a_link_of_another_tenant_than_the_named_one_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[(OK, "", OPENED)]);
    let line = ["enroll", &link(&server, TICKET), "--tenant", "demo"];
    let refused = phone(folder.path(), &line, "").await;
    assert!(matches!(refused, Err(CliError::OtherTenant { .. })));
    assert_eq!(server.seen().len(), 1, "nothing is enrolled");
}

#[tokio::test]
async fn an_older_link_with_a_token_in_it_enrolls_without_being_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[(OK, "", ENROLLED)]);
    phone(folder.path(), &["enroll", &link(&server, "J.W.T")], "").await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer J.W.T"));
}

#[tokio::test]
async fn what_is_no_link_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["J.W.T", "https://a.example/phone", "https://a.example/#enroll=x"] {
        let refused = phone(folder.path(), &["enroll", text], "").await;
        assert!(matches!(refused, Err(CliError::NoLink)), "{text}");
    }
    assert!(Line::try_parse_from(["phone", "enroll"]).is_err(), "one of the two is needed");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_token_of_another_tenant_is_refused_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[]);
    // The claims are {"other":{"tenantId":"acme"}}.
    let token = "e30.eyJvdGhlciI6eyJ0ZW5hbnRJZCI6ImFjbWUifX0.x";
    let line = ["enroll", "--token", token, "--url", &server.base];
    let error = phone(folder.path(), &line, "").await.unwrap_err();
    assert!(error.to_string().contains("one of tenant acme, not demo"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_update_tells_the_new_token() {
    let folder = tempfile::tempdir().unwrap();
    let updated = r#"{"userAuthenticatorId":"b7","userId":"u-1",
        "lastVerifiedAt":"2025-01-01T00:00:00.000Z"}"#;
    let nonce = r#"{"message":"nonce-update:abc","challengeId":"h"}"#;
    let server = Server::start(&[(OK, "", ENROLLED), (OK, "", nonce), (OK, "", updated)]);
    enroll(folder.path(), &server, &[]).await;
    let text = phone(folder.path(), &["update", "--push-token", "fcm"], "").await.unwrap();
    assert!(text.starts_with("updated authenticator b7"), "{text}");
    let body: Value = serde_json::from_str(&server.seen()[2].body).unwrap();
    assert_eq!(body["pushToken"], "fcm");
}

#[tokio::test]
async fn a_key_keeps_its_algorithm_and_only_statements_have_a_format() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&[(OK, "", ENROLLED)]);
    let format = ["enroll", "--token", "J.W.T", "--signature-format", "p1363"];
    let refused = phone(folder.path(), &format, "").await;
    assert!(matches!(refused, Err(CliError::FormatUnsaid)));
    enroll(folder.path(), &server, &[]).await;
    let other = ["enroll", "--token", "J.W.T", "--algorithm", "ed25519"];
    let refused = phone(folder.path(), &other, "").await;
    assert!(matches!(refused, Err(CliError::OtherAlgorithm { .. })));
    server.seen();
}

//! Tests of `phone approve`, `deny` and `report`, and of the output about the challenge.

use super::*;

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
    // The key file stores the signing mode, so that the command line need not name it.
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

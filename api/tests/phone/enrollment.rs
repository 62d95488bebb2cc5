//! Tests of a key, its file, and its enrollment.

use super::*;

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
    // The command prints the action before it approves, because the person has not seen the action
    // yet.
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

const TICKET: &str = "AbCdEfGhIjKlMnOpQrSt-_";
const OPENED: &str = r#"{"tenantId":"acme","userId":"u-1","expiresIn":600}"#;

/// Returns the enrollment link that a website of this server shows.
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
        // The key file has the server and the tenant of the link.
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
    let token = Writer::begin(1, "acme", "u-1").seal(|_| [0; 32]);
    let line = ["enroll", "--token", &token, "--url", &server.base];
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

//! Tests that a key file is deleted only if the server has removed the key, or does not know it.

use countersign_testkit::answers::Server;

use super::{ENROLLED, NOTHING, OK, UNKNOWN_KEY, enroll, phone};

#[tokio::test]
async fn removing_keeps_the_key_unless_the_server_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let overloaded = ("503 Service Unavailable", "", "{}");
    let gone = ("401 Unauthorized", "", UNKNOWN_KEY);
    let server = Server::start(&[(OK, "", ENROLLED), overloaded, gone, overloaded, gone, gone]);
    enroll(folder.path(), &server, &[]).await;
    for _ in 0..2 {
        assert!(phone(folder.path(), &["remove"], "").await.is_err());
        assert!(folder.path().join("phone.json").exists());
    }
    let text = phone(folder.path(), &["remove"], "").await.unwrap();
    assert_eq!(text, "the server does not know the key; deleted the key\n");
    assert!(!folder.path().join("phone.json").exists());
    let seen = server.seen();
    assert!(seen[5].line.starts_with("GET /v1/client/user-authenticators/push/challenge?"));
}

#[tokio::test]
async fn a_refused_removal_of_a_key_that_the_server_knows_keeps_the_file() {
    let refused = r#"{"error":"invalid_credential","errorCode":"invalid_credential",
        "errorDescription":"the signature does not verify"}"#;
    let session = r#"{"error":"invalid_token","errorCode":"invalid_token",
        "errorDescription":"a device session is needed"}"#;
    let unauthorized = "401 Unauthorized";
    for known in [(OK, "", NOTHING), (unauthorized, "", session)] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&[(OK, "", ENROLLED), (unauthorized, "", refused), known]);
        enroll(folder.path(), &server, &[]).await;
        let error = phone(folder.path(), &["remove"], "").await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("the signature does not verify"), "{text}");
        assert!(text.contains("signed over the time, which is 2"), "{text}");
        assert!(folder.path().join("phone.json").exists());
        server.seen();
    }
}

#[tokio::test]
async fn a_removal_elsewhere_keeps_the_key_of_its_home() {
    let gone = ("401 Unauthorized", "", UNKNOWN_KEY);
    let removed = (OK, "", r#"{"removedAuthenticatorId":"b9"}"#);
    for answers in [&[gone, gone][..], &[removed]] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&[&[(OK, "", ENROLLED)], answers].concat());
        enroll(folder.path(), &server, &[]).await;
        let text = phone(folder.path(), &["remove", "--tenant", "other"], "").await.unwrap();
        let kept = format!("; kept the key, which was enrolled at {}, tenant demo\n", server.base);
        assert!(text.ends_with(&kept), "{text}");
        assert!(folder.path().join("phone.json").exists());
        server.seen();
    }
}

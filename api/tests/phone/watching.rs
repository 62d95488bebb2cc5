//! Tests of `phone watch`, and of numbers that a person types.

use super::*;

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

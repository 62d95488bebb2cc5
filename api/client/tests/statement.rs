//! Tests of a device that signs statements: its signatures, its requests, and its refusals to sign.

#![expect(clippy::unwrap_used, reason = "every function here serves tests")]

use countersign_client::wire::pending::PendingChallenge;
use countersign_client::wire::publickey::decode_signature;
use countersign_client::{
    Choice, ClientError, Enrollment, Http, Prompt, SoftwareKey, StatementDevice, Unreadable,
};
use countersign_core::outcome::Decision;
use countersign_core::signature::{Algorithm, PublicKey, SignatureFormat};
use countersign_testkit::answers::{Seen, Server};
use serde_json::{Value, json};

const OK: &str = "200 OK";
const CHALLENGE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const AUTHENTICATOR: &str = "b7b7b7b7-b7b7-47b7-b7b7-b7b7b7b7b7b7";
const NONCE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const DISPLAY: &str = r#"{ "action":"pay","custom":{"amount":1000,"currency":"EUR"}}"#;
/// SHA-256 over `DISPLAY`, computed with coreutils.
const DISPLAY_DIGEST: &str = "FYBqbr2bq9zzNNu0WPluKu7c2q9SBNw6OLr1nkfhqJY";
/// SHA-256 over `abc`, the test vector of FIPS 180-2.
const ABC_DIGEST: &str = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";

const KINDS: [(Algorithm, SignatureFormat); 3] = [
    (Algorithm::Ed25519, SignatureFormat::Raw),
    (Algorithm::Es256, SignatureFormat::Der),
    (Algorithm::Es256, SignatureFormat::P1363),
];

fn device(server: &Server, kind: (Algorithm, SignatureFormat)) -> StatementDevice {
    let key = SoftwareKey::generate(kind.0);
    StatementDevice::new(Http::new().unwrap(), &server.base, "demo", kind.1, key).unwrap()
}

/// Returns true if a field of a body is a signature over `text`. `KEY` in the text is replaced by
/// the key's thumbprint.
fn signs(
    device: &StatementDevice,
    format: SignatureFormat,
    body: &Value,
    field: &str,
    text: &str,
) -> bool {
    let (key, signature) = (device.key(), decode_signature(body[field].as_str().unwrap()).unwrap());
    let public = PublicKey::with_format(key.algorithm(), format, key.spki()).unwrap();
    let text = text.replace("KEY", &format!("{:?}", key.thumbprint()));
    public.verify(text.as_bytes(), &signature).is_ok()
}

fn body(seen: &Seen) -> Value {
    serde_json::from_str(&seen.body).unwrap()
}

fn nonce() -> String {
    json!({ "nonce": NONCE }).to_string()
}

fn challenge() -> Value {
    json!({"userAuthenticatorId": AUTHENTICATOR, "challengeId": CHALLENGE, "userId": "u-1",
        "actionCode": "pay", "idempotencyKey": "k", "expiresAt": 1_735_690_200,
        "numberMatch": null, "nonce": NONCE, "display": DISPLAY})
}

fn prompt(change: impl Fn(&mut Value)) -> Result<Prompt, Unreadable> {
    let mut challenge = challenge();
    change(&mut challenge);
    let pending: PendingChallenge = serde_json::from_value(challenge).unwrap();
    Prompt::try_from(&pending)
}

fn choice(decision: Decision, number: Option<&str>) -> Choice<'_> {
    Choice { shown_action: "pay", decision, number }
}

fn credential(signing: &str) -> String {
    json!({"userAuthenticatorId": AUTHENTICATOR, "userId": "u-1", "signing": signing,
        "algorithm": "ed25519", "verifiedAt": "2025-01-01T00:00:00.000Z"})
    .to_string()
}

#[tokio::test]
async fn enrollment_proves_the_key_for_one_token() {
    for kind in KINDS {
        let server = Server::start(&[(OK, "", &credential("statement-v1"))]);
        let device = device(&server, kind);
        device.enroll("abc", &Enrollment::default()).await.unwrap();
        let seen = server.seen().remove(0);
        assert_eq!(seen.header("authorization"), Some("Bearer abc"));
        let body = body(&seen);
        assert_eq!(body["signing"], "statement-v1");
        assert_eq!(body["algorithm"], kind.0.name());
        assert_eq!(body["signatureFormat"], kind.1.name());
        let text = format!("countersign/enroll/v1\ntenant:demo\nkey:KEY\ntoken:{ABC_DIGEST}");
        assert!(signs(&device, kind.1, &body, "proof", &text));
    }
}

#[tokio::test]
async fn a_server_that_does_not_pin_statements_is_not_enrolled_at() {
    let without = credential("").replace(r#""signing":"","#, "");
    for answer in [credential("challenge-id"), without] {
        let server = Server::start(&[(OK, "", &answer)]);
        let enrolled = device(&server, KINDS[0]).enroll("abc", &Enrollment::default()).await;
        assert!(matches!(enrolled, Err(ClientError::Protocol(_))));
        server.seen();
    }
}

#[tokio::test]
async fn one_signature_serves_many_reads_until_the_session_ends() {
    let (nonce, nothing) = (nonce(), r#"{"userAuthenticatorId":"b7"}"#);
    let over = ("401 Unauthorized", "", r#"{"errorCode":"expired_token"}"#);
    let server = Server::start(&[
        (OK, "", &nonce),
        (OK, "", r#"{"token":"J.1","expiresIn":900}"#),
        (OK, "", nothing),
        (OK, "", &credential("statement-v1")),
        over,
        (OK, "", &nonce),
        (OK, "", r#"{"token":"J.2","expiresIn":900}"#),
        (OK, "", nothing),
    ]);
    let device = device(&server, KINDS[0]);
    device.pending(Some(30)).await.unwrap();
    device.get_credential().await.unwrap();
    device.pending(None).await.unwrap();
    let seen = server.seen();
    let lines: Vec<_> =
        seen.iter().map(|s| s.line.replace("client/user-authenticators/", "")).collect();
    assert_eq!(
        lines,
        [
            "POST /v1/push/session/nonce",
            "POST /v1/push/session",
            "GET /v1/push/challenge",
            "GET /v1/push",
            "GET /v1/push/challenge",
            "POST /v1/push/session/nonce",
            "POST /v1/push/session",
            "GET /v1/push/challenge",
        ]
    );
    assert_eq!(seen[0].header("authorization"), Some("Basic ZGVtbzo="));
    assert_eq!(seen[2].header("prefer"), Some("wait=30"));
    for (index, token) in [(2, "J.1"), (3, "J.1"), (4, "J.1"), (7, "J.2")] {
        assert_eq!(seen[index].header("authorization"), Some(&*format!("Bearer {token}")));
    }
    let text = format!("countersign/session/v1\ntenant:demo\nkey:KEY\nnonce:{NONCE}");
    assert_eq!(body(&seen[1])["nonce"], NONCE);
    assert!(signs(&device, KINDS[0].1, &body(&seen[1]), "signature", &text));
    assert!(!format!("{device:?}").contains("J.2"));
}

#[tokio::test]
async fn a_new_session_that_is_refused_is_not_asked_for_again() {
    let refused = ("401 Unauthorized", "", r#"{"errorCode":"invalid_credential"}"#);
    let server = Server::start(&[refused]);
    let error = device(&server, KINDS[0]).pending(None).await.unwrap_err();
    assert_eq!(error.code(), Some("invalid_credential"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_signs_what_was_shown_and_chosen() {
    for kind in KINDS {
        for (decision, number) in
            [(Decision::Approve, Some("042")), (Decision::Deny, None), (Decision::Report, None)]
        {
            let outcome = format!(r#"{{"isVerified":false,"outcome":"{}"}}"#, "denied");
            let server = Server::start(&[(OK, "", &outcome)]);
            let device = device(&server, kind);
            let prompt = prompt(|c| c["numberMatch"] = json!({"digits": 3})).unwrap();
            assert_eq!(prompt.display().text(), DISPLAY);
            device.answer(&prompt, &choice(decision, number)).await.unwrap();
            let body = body(&server.seen()[0]);
            let text = format!(
                "countersign/decision/v1\ntenant:demo\nchallenge:{CHALLENGE}\nnonce:{NONCE}\n\
                 authenticator:{AUTHENTICATOR}\nkey:KEY\ndecision:{}\ndisplay:{DISPLAY_DIGEST}\n\
                 number:{}\nexpires:1735690200",
                decision.name(),
                number.unwrap_or("-"),
            );
            assert!(signs(&device, kind.1, &body, "signature", &text), "{text}");
            assert_eq!(body["decision"], decision.name());
            assert_eq!(body["approved"], decision == Decision::Approve);
            assert_eq!(body.get("verificationCode").and_then(Value::as_str), number);
        }
    }
}

/// The test server has no prepared responses, so any request that the device sends would fail the
/// test.
#[tokio::test]
async fn nothing_is_signed_that_was_not_shown_or_not_typed_as_asked() {
    let server = Server::start(&[]);
    let device = device(&server, KINDS[0]);
    let plain = prompt(|_| {}).unwrap();
    let asked = prompt(|c| c["numberMatch"] = json!({"digits": 2})).unwrap();
    let approve = Decision::Approve;
    let other = Choice { shown_action: "signIn", decision: approve, number: None };
    for (prompt, choice) in [
        (&plain, other),
        (&plain, choice(approve, Some("42"))),
        (&plain, choice(Decision::Deny, Some("42"))),
        (&asked, choice(approve, None)),
        (&asked, choice(approve, Some(""))),
        (&asked, choice(approve, Some("4"))),
        (&asked, choice(approve, Some("042"))),
        (&asked, choice(approve, Some("4x"))),
        (&asked, choice(Decision::Report, Some("42"))),
    ] {
        let answered = device.answer(prompt, &choice).await;
        assert!(matches!(answered, Err(ClientError::Input(_))), "{:?}", choice.number);
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_challenge_that_cannot_be_shown_is_never_a_prompt() {
    assert_eq!(prompt(|c| c["nonce"] = Value::Null).unwrap_err(), Unreadable::Nothing);
    assert_eq!(prompt(|c| c["display"] = Value::Null).unwrap_err(), Unreadable::Nothing);
    assert_eq!(prompt(|c| c["actionCode"] = "signIn".into()).unwrap_err(), Unreadable::OtherAction);
    let display = |text: &str| prompt(|c| c["display"] = text.into()).unwrap_err();
    for text in
        ["", "pay", r#"{"action":"pay","action":"pay"}"#, r#"{"action":"pay","x":"\u202e"}"#]
    {
        assert!(matches!(display(text), Unreadable::Display(_)), "{text}");
    }
    assert!(matches!(prompt(|c| c["nonce"] = "AAAA".into()), Err(Unreadable::Nonce(_))));
    for (field, text) in [("challengeId", "a\nb"), ("userAuthenticatorId", "b7\nkey:x")] {
        assert!(matches!(prompt(|c| c[field] = text.into()), Err(Unreadable::Name(_))), "{field}");
    }
}

#[tokio::test]
async fn an_update_signs_the_token_and_a_removal_the_nonce() {
    let nonce = nonce();
    let updated = json!({"userAuthenticatorId": "b7", "userId": "u-1",
        "lastVerifiedAt": "2025-01-01T00:00:00.000Z"})
    .to_string();
    let asked = [(OK, "", nonce.as_str()), (OK, "", &updated)];
    let removed = [(OK, "", nonce.as_str()), (OK, "", "{}")];
    for (token, line) in [(Some("abc"), ABC_DIGEST), (Some(""), "-"), (None, "-")] {
        let server = Server::start(&[asked, removed].concat());
        let device = device(&server, KINDS[2]);
        device.update(token).await.unwrap();
        device.remove().await.unwrap();
        let seen = server.seen();
        let (update, remove) = (body(&seen[1]), body(&seen[3]));
        let rest = format!("tenant:demo\nkey:KEY\nnonce:{NONCE}");
        let text = format!("countersign/update/v1\n{rest}\npush-token:{line}");
        assert!(signs(&device, KINDS[2].1, &update, "signature", &text));
        assert_eq!(update.get("challengeId"), None);
        let text = format!("countersign/remove/v1\n{rest}");
        assert!(signs(&device, KINDS[2].1, &remove, "signature", &text));
        assert_eq!((&update["nonce"], &remove["nonce"]), (&json!(NONCE), &json!(NONCE)));
    }
}

#[test]
fn a_format_that_the_key_does_not_have_is_refused() {
    for (algorithm, format) in
        [(Algorithm::Ed25519, SignatureFormat::Der), (Algorithm::Es256, SignatureFormat::Raw)]
    {
        let key = SoftwareKey::generate(algorithm);
        let device = StatementDevice::new(Http::new().unwrap(), "http://h/v1", "demo", format, key);
        assert!(matches!(device, Err(ClientError::Input(_))));
    }
}

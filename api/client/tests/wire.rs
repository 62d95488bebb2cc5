//! Tests of the client's requests on the wire, and of its parsing of responses.

#![expect(clippy::unwrap_used, reason = "every function here serves tests")]

use countersign_client::wire::publickey::{PresentedKey, decode_signature};
use countersign_client::wire::user::UpdateUserRequest;
use countersign_client::{
    Browser, ClientError, Device, Dialect, Enrollment, Http, RelyingParty, SoftwareKey,
};
use countersign_core::signature::{Algorithm, PublicKey};
use countersign_core::time::UnixMillis;
use countersign_testkit::answers::{Seen, Server};
use serde_json::{Value, json};

const CHALLENGE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const OK: &str = "200 OK";

fn device(server: &Server, dialect: Dialect, algorithm: Algorithm) -> Device {
    let key = SoftwareKey::generate(algorithm);
    Device::new(Http::new().unwrap(), &server.base, "demo", dialect, key).unwrap()
}

fn public(device: &Device) -> PublicKey {
    PublicKey::from_spki(device.key().algorithm(), device.key().spki()).unwrap()
}

fn verifies(device: &Device, message: &str, signature: &str) -> bool {
    public(device).verify(message.as_bytes(), &decode_signature(signature).unwrap()).is_ok()
}

fn query_key(seen: &Seen) -> (&str, PublicKey) {
    let text = seen.line.split_once("?publicKey=").unwrap().1;
    (text, PresentedKey::from_query(text).unwrap().parse().unwrap())
}

#[tokio::test]
async fn the_two_dialects_answer_each_in_its_own_form() {
    for (dialect, basic) in [(Dialect::Android, "Basic ZGVtbzo="), (Dialect::Ios, "Basic ZGVtbzo")]
    {
        let server = Server::start(&[(OK, "", r#"{"isVerified":true,"outcome":"approved"}"#)]);
        let device = device(&server, dialect, Algorithm::Es256);
        assert!(device.answer(CHALLENGE, true, None).await.unwrap().is_verified);
        let seen = server.seen().remove(0);
        assert_eq!(seen.line, "POST /v1/client/user-authenticators/push/challenge");
        assert_eq!(seen.header("authorization"), Some(basic));
        assert_eq!(seen.header("x-authsignal-sdk"), Some(dialect.name()));
        assert_eq!(seen.header("x-authsignal-tenant-id"), Some("demo"));
        assert_eq!(seen.header("content-type"), Some("application/json"));
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert!(verifies(&device, CHALLENGE, body["signature"].as_str().unwrap()));
        assert_eq!(body["approved"], true);
        let android = dialect == Dialect::Android;
        assert_eq!(body.get("verificationCode").is_some_and(Value::is_null), android);
        assert_eq!(seen.body.contains('\n'), android);
    }
}

#[tokio::test]
async fn a_signed_read_signs_the_nonce_and_waits_as_long_as_asked() {
    for dialect in [Dialect::Android, Dialect::Ios] {
        let server = Server::start(&[
            (OK, "", r#"{"message":"nonce:abc"}"#),
            (OK, "", r#"{"userAuthenticatorId":"b7"}"#),
        ]);
        let device = device(&server, dialect, Algorithm::Ed25519);
        let pending = device.pending(true, Some(30)).await.unwrap();
        assert_eq!(pending.into_first(), None);
        let [nonce, read] = <[Seen; 2]>::try_from(server.seen()).unwrap();
        assert!(nonce.line.starts_with("POST /v1/client/user-authenticators/push/challenge/sign?"));
        assert_eq!(nonce.body, "");
        assert!(read.line.starts_with("GET /v1/client/user-authenticators/push/challenge?"));
        assert_eq!(read.header("prefer"), Some("wait=30"));
        assert!(verifies(&device, "nonce:abc", read.header("x-authsignal-signature").unwrap()));
        for seen in [&nonce, &read] {
            let (text, key) = query_key(seen);
            assert_eq!(key, public(&device));
            assert!(dialect == Dialect::Android || !text.contains('='));
        }
    }
}

#[tokio::test]
async fn an_unsigned_read_is_one_request() {
    let server = Server::start(&[(OK, "", r#"{"userAuthenticatorId":"b7"}"#)]);
    device(&server, Dialect::Ios, Algorithm::Es256).pending(false, None).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!((seen.header("prefer"), seen.header("x-authsignal-signature")), (None, None));
}

#[tokio::test]
async fn the_name_of_a_challenge_is_never_signed_as_a_nonce() {
    let message = format!(r#"{{"message":"{CHALLENGE}","challengeId":"h"}}"#);
    let server = Server::start(&[(OK, "", &message), (OK, "", &message)]);
    let device = device(&server, Dialect::Android, Algorithm::Es256);
    assert!(matches!(device.pending(true, None).await, Err(ClientError::Protocol(_))));
    assert!(matches!(device.update(None).await, Err(ClientError::Protocol(_))));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn enrollment_is_with_a_bearer_token_and_names_only_algorithms_that_the_sdks_do_not_know() {
    let credential = json!({"userAuthenticatorId": "b7", "userId": "u-1",
        "verifiedAt": "2025-01-01T00:00:00.000Z"})
    .to_string();
    for (algorithm, named) in [(Algorithm::Es256, None), (Algorithm::Ed25519, Some("ed25519"))] {
        let server = Server::start(&[(OK, "", &credential)]);
        let device = device(&server, Dialect::Ios, algorithm);
        let name = Some("My phone".to_owned());
        let enrollment = Enrollment { name, push_token: None };
        assert_eq!(device.enroll("J.W.T", &enrollment).await.unwrap().user_id, "u-1");
        let seen = server.seen().remove(0);
        assert_eq!(seen.header("authorization"), Some("Bearer J.W.T"));
        let body: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(
            (&body["deviceName"], &body["devicePlatform"]),
            (&json!("My phone"), &json!("ios"))
        );
        assert_eq!(body.get("algorithm").and_then(Value::as_str), named);
        assert_eq!(body.get("pushToken"), None);
        let key = PresentedKey::from_body(body["publicKey"].as_str().unwrap()).unwrap();
        assert_eq!(key.parse().unwrap(), public(&device));
    }
}

#[tokio::test]
async fn update_and_removal_prove_the_key() {
    let updated = json!({"userAuthenticatorId": "b7", "userId": "u-1", "pushToken": "p",
        "lastVerifiedAt": "2025-01-01T00:00:00.000Z"})
    .to_string();
    let server = Server::start(&[
        (OK, "", r#"{"message":"nonce:abc","challengeId":"handle"}"#),
        (OK, "", &updated),
        (OK, "", r#"{"removedAuthenticatorId":"b7"}"#),
    ]);
    let device = device(&server, Dialect::Android, Algorithm::Es256);
    device.update(Some("p")).await.unwrap();
    let removed = device.remove(UnixMillis(1_735_689_600_000)).await.unwrap();
    assert_eq!(removed.removed_authenticator_id.as_deref(), Some("b7"));
    let [_, update, remove] = <[Seen; 3]>::try_from(server.seen()).unwrap();
    assert_eq!(update.line, "PATCH /v1/client/user-authenticators/push");
    let body: Value = serde_json::from_str(&update.body).unwrap();
    assert_eq!((&body["challengeId"], &body["pushToken"]), (&json!("handle"), &json!("p")));
    assert!(verifies(&device, "nonce:abc", body["signature"].as_str().unwrap()));
    assert_eq!(remove.line, "POST /v1/client/user-authenticators/push/remove");
    let body: Value = serde_json::from_str(&remove.body).unwrap();
    assert!(verifies(&device, "2892816.0", body["signature"].as_str().unwrap()));
}

#[tokio::test]
async fn a_relying_party_sends_its_secret_and_keeps_a_users_name_in_one_piece() {
    let answer = r#"{"emailVerified":false,"phoneNumberVerified":false,"email":"a@x"}"#;
    let server = Server::start(&[(OK, "", answer)]);
    let party = RelyingParty::new(Http::new().unwrap(), &server.base, "secret").unwrap();
    assert!(!format!("{party:?}").contains("c2VjcmV0Og"));
    let request =
        UpdateUserRequest { email: Some(Some("a@x".into())), ..UpdateUserRequest::default() };
    party.update_user("auth0|a/b?c", &request).await.unwrap();
    let seen = server.seen().remove(0);
    assert_eq!(seen.line, "PATCH /v1/users/auth0|a%2Fb%3Fc");
    assert_eq!(seen.header("authorization"), Some("Basic c2VjcmV0Og=="));
    assert_eq!(seen.body, r#"{"email":"a@x"}"#);
}

#[tokio::test]
async fn a_browser_asks_to_wait() {
    let answer = r#"{"isVerified":false,"isConsumed":false,"expiresAt":1}"#;
    let server = Server::start(&[(OK, "", answer)]);
    let browser = Browser::new(Http::new().unwrap(), &server.base, "J.W.T").unwrap();
    assert!(!format!("{browser:?}").contains("J.W.T"));
    assert_eq!(browser.verify_push(CHALLENGE, Some(5)).await.unwrap().outcome, None);
    let seen = server.seen().remove(0);
    assert_eq!(seen.header("prefer"), Some("wait=5"));
    assert_eq!(seen.header("authorization"), Some("Bearer J.W.T"));
    assert_eq!(seen.body, format!(r#"{{"challengeId":"{CHALLENGE}"}}"#));
}

async fn refused(status: &str, headers: &str, body: &str) -> ClientError {
    let server = Server::start(&[(status, headers, body)]);
    let browser = Browser::new(Http::new().unwrap(), &server.base, "J.W.T").unwrap();
    let error = browser.authenticators().await.unwrap_err();
    server.seen();
    error
}

#[tokio::test]
async fn a_refusal_tells_status_code_and_when_to_come_back() {
    let body = r#"{"error":"e","errorCode":"too_many_requests","errorDescription":"slowly"}"#;
    let error = refused("429 Too Many Requests", "retry-after: 7\r\n", body).await;
    assert_eq!((error.status(), error.code()), (Some(429), Some("too_many_requests")));
    let ClientError::Refused { description, retry_after, .. } = error else { unreachable!() };
    assert_eq!((description.as_str(), retry_after), ("slowly", Some(7)));
}

#[tokio::test]
async fn a_refusal_without_the_contracts_body_keeps_its_status() {
    let error = refused("502 Bad Gateway", "", "<html>").await;
    assert_eq!((error.status(), error.code()), (Some(502), Some("")));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let error = refused("307 Temporary Redirect", "location: http://127.0.0.1:1/\r\n", "").await;
    assert_eq!(error.status(), Some(307));
}

#[tokio::test]
async fn an_answer_that_is_not_of_the_contract_is_said_to_be_so_without_showing_it() {
    for body in ["", "{}", "[{\"userAuthenticatorId\":1}]", "[{\"hunter2\":\"hunter2\"}]"] {
        let error = refused(OK, "", body).await;
        assert!(matches!(error, ClientError::Protocol(_)), "{body}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_transport_error_that_says_where_and_not_the_key() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = unused.local_addr().unwrap();
    let base = format!("http://{address}/v1");
    drop(unused);
    let key = SoftwareKey::generate(Algorithm::Es256);
    let device = Device::new(Http::new().unwrap(), &base, "demo", Dialect::Ios, key).unwrap();
    let error = device.get_credential().await.unwrap_err();
    assert!(matches!(error, ClientError::Transport(_)));
    assert!(error.to_string().contains(&format!("http://{address}/")), "{error}");
    assert!(!format!("{error} {error:?}").contains("publicKey"));
}

#[test]
fn clients_may_be_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<RelyingParty>();
    shared::<Browser>();
    shared::<Device>();
}

//! Tests of `GET /client/user-authenticators/push`.

use serde_json::json;

use crate::support::{CREDENTIAL, Device, PUSH, Server, assert_keys, is_iso_time};

#[tokio::test]
async fn an_enrolled_key_is_answered() {
    let server = Server::start();
    let device = Device::new();
    let id = server.enroll("u-1", &device).await;
    let body = server.get(&format!("{PUSH}?{}", device.query())).tenant().ok().await;
    assert_keys(&body, &CREDENTIAL);
    assert_eq!((&body["signing"], &body["algorithm"]), (&json!("challenge-id"), &json!("es256")));
    assert_eq!(
        (body["userAuthenticatorId"].as_str(), body["userId"].as_str()),
        (Some(&*id), Some("u-1"))
    );
    assert!(is_iso_time(&body["verifiedAt"]));
}

#[tokio::test]
async fn a_key_that_is_not_enrolled_here_is_no_credential() {
    let server = Server::start();
    let device = Device::new();
    let path = format!("{PUSH}?{}", device.query());
    let unknown = server.get(&path).tenant().refused(401, "invalid_credential").await;
    server.enroll("u-1", &device).await;
    let foreign = server.get(&path).with_tenant("other").refused(401, "invalid_credential").await;
    assert_eq!(unknown, foreign);
}

#[tokio::test]
async fn a_caller_must_name_its_tenant_and_its_key() {
    let server = Server::start();
    let path = format!("{PUSH}?{}", Device::new().query());
    server.get(&path).refused(401, "unauthorized").await;
    server.get(&path).with_tenant("nobody").refused(401, "unauthorized").await;
    server.get(&path).secret().refused(401, "unauthorized").await;
    for query in ["", "?publicKey=", "?publicKey=%ff", "?publicKey=x&publicKey=y", "?PublicKey=x"] {
        server.get(&format!("{PUSH}{query}")).tenant().refused(400, "invalid_request").await;
    }
}

//! Tests of `PATCH /client/user-authenticators/push`.

use serde_json::{Value, json};

use crate::support::{Device, PUSH, Server, assert_keys, is_iso_time};

async fn handout(server: &Server, device: &Device) -> (String, String) {
    let body = server.post(&format!("{PUSH}/sign?{}", device.query())).tenant().ok().await;
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("challengeId"), text("message"))
}

fn update(device: &Device, handle: &str, signed: &str) -> Value {
    json!({
        "challengeId": handle, "publicKey": device.public_key(), "signature": device.sign(signed),
    })
}

#[tokio::test]
async fn a_push_token_is_echoed_if_one_was_sent() {
    let server = Server::start();
    let device = Device::new();
    let id = server.enroll("u-1", &device).await;
    let (handle, message) = handout(&server, &device).await;
    let mut body = update(&device, &handle, &message);
    body["pushToken"] = json!("fresh-token");
    let updated = server.patch(PUSH).tenant().json(&body).ok().await;
    assert_keys(&updated, &["lastVerifiedAt", "pushToken", "userAuthenticatorId", "userId"]);
    assert_eq!(
        (&updated["pushToken"], &updated["userAuthenticatorId"]),
        (&json!("fresh-token"), &json!(id))
    );
    assert!(is_iso_time(&updated["lastVerifiedAt"]));
    let (handle, message) = handout(&server, &device).await;
    let mut body = update(&device, &handle, &message);
    body["resetExpiry"] = json!(true);
    let updated = server.patch(PUSH).tenant().json(&body).ok().await;
    assert_keys(&updated, &["lastVerifiedAt", "userAuthenticatorId", "userId"]);
}

#[tokio::test]
async fn a_handle_serves_once_and_a_wrong_signature_does_not_use_it_up() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let (handle, message) = handout(&server, &device).await;
    let good = update(&device, &handle, &message);
    server.patch(PUSH).tenant().json(&good).ok().await;
    server.patch(PUSH).tenant().json(&good).refused(401, "invalid_credential").await;
    let (handle, message) = handout(&server, &device).await;
    let wrong = update(&device, &handle, "another text");
    server.patch(PUSH).tenant().json(&wrong).refused(401, "invalid_credential").await;
    // The failed update did not use up the nonce, because anybody who knows the public key could
    // send such an update.
    let good = update(&device, &handle, &message);
    server.patch(PUSH).tenant().json(&good).ok().await;
}

#[tokio::test]
async fn only_the_key_that_the_handle_was_given_to_may_use_it() {
    let server = Server::start();
    let (mine, theirs) = (Device::new(), Device::new());
    server.enroll("u-1", &mine).await;
    server.enroll("u-2", &theirs).await;
    let (handle, message) = handout(&server, &mine).await;
    let stolen = update(&theirs, &handle, &message);
    server.patch(PUSH).tenant().json(&stolen).refused(401, "invalid_credential").await;
    let mut forged = update(&mine, &handle, &message);
    forged["signature"] = json!(theirs.sign(&message));
    server.patch(PUSH).tenant().json(&forged).refused(401, "invalid_credential").await;
}

#[tokio::test]
async fn unknown_keys_and_handles_are_no_credential() {
    let server = Server::start();
    let device = Device::new();
    let body = update(&device, "handle", "message");
    server.patch(PUSH).tenant().json(&body).refused(401, "invalid_credential").await;
    server.enroll("u-1", &device).await;
    server.patch(PUSH).tenant().json(&body).refused(401, "invalid_credential").await;
    // A nonce for a read is not valid for an update.
    let nonce = server.nonce(&device).await;
    let body = update(&device, &nonce, &nonce);
    server.patch(PUSH).tenant().json(&body).refused(401, "invalid_credential").await;
    server.patch(PUSH).json(&body).refused(401, "unauthorized").await;
    server.patch(PUSH).tenant().json(&json!({})).refused(400, "invalid_request").await;
}

//! Tests of `GET …/challenge`. `long_poll` tests its waiting.

use serde_json::{Value, json};

use crate::support::{Device, Server, SignIn, assert_keys};

const SIGNATURE: &str = "X-Authsignal-Signature";

/// Starts a server with a pending challenge, whose action has custom data for the device.
async fn with_context() -> (Server, Device) {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let custom = json!({ "custom": { "amount": 1, "secret": 2 } });
    server.patch("/users/u-1").secret().json(&custom).ok().await;
    let tracked = server.track(
        "u-1",
        json!({
            "idempotencyKey": "k-1", "userAgent": "Fire\u{202e}fox", "ipAddress": "203.0.113.7",
            "deviceId": "d-1", "custom": { "amount": "10.00", "secret": "x" },
        }),
    );
    let token = tracked.await["token"].as_str().unwrap().to_owned();
    server.challenge(&token).await;
    (server, device)
}

const UNSIGNED: [&str; 11] = [
    "actionCode",
    "challengeId",
    "challenges",
    "deviceId",
    "expiresAt",
    "idempotencyKey",
    "ipAddress",
    "numberMatch",
    "userAgent",
    "userAuthenticatorId",
    "userId",
];

fn nothing(authenticator: &str) -> Value {
    json!({ "userAuthenticatorId": authenticator, "numberMatch": null, "challenges": [] })
}

#[tokio::test]
async fn nothing_pending_is_the_authenticator_alone() {
    let server = Server::start();
    let device = Device::new();
    let id = server.enroll("u-1", &device).await;
    let nothing = nothing(&id);
    assert_eq!(server.pending(&device).ok().await, nothing);
    assert_eq!(server.signed_pending(&device).await, nothing);
}

#[tokio::test]
async fn an_unsigned_read_shows_the_context_without_custom_data() {
    let (server, device) = with_context().await;
    let body = server.pending(&device).ok().await;
    assert_keys(&body, &UNSIGNED);
    assert_eq!(body["userAgent"], "Fire\u{fffd}fox", "what reorders text is taken out");
    assert_eq!((&body["ipAddress"], &body["deviceId"]), (&json!("203.0.113.7"), &json!("d-1")));
    assert_eq!((&body["actionCode"], &body["idempotencyKey"]), (&json!("signIn"), &json!("k-1")));
    assert!(body["expiresAt"].is_u64(), "whole seconds");
}

#[tokio::test]
async fn a_signed_read_shows_public_custom_data_only() {
    let (server, device) = with_context().await;
    let body = server.signed_pending(&device).await;
    assert_keys(&body, &[&UNSIGNED[..], &["custom", "display", "nonce", "user"]].concat());
    assert_eq!(body["custom"], json!({ "amount": "10.00" }));
    assert_eq!(body["user"], json!({ "custom": { "amount": 1 } }));
}

#[tokio::test]
async fn a_signature_that_is_not_good_makes_an_unsigned_read() {
    let (server, device) = with_context().await;
    let nonce = server.nonce(&device).await;
    let stranger = Device::new();
    for signature in [
        device.sign("another text"),
        stranger.sign(&nonce),
        "not base64".to_owned(),
        String::new(),
        "A".repeat(4000),
        device.sign(&nonce)[..40].to_owned(),
    ] {
        let body = server.pending(&device).header(SIGNATURE, &signature).ok().await;
        assert_keys(&body, &UNSIGNED);
    }
    // None of the failed reads used up the nonce.
    let good = server.pending(&device).header(SIGNATURE, &device.sign(&nonce)).ok().await;
    assert!(good.get("custom").is_some());
}

#[tokio::test]
async fn a_nonce_serves_once() {
    let (server, device) = with_context().await;
    let signature = device.sign(&server.nonce(&device).await);
    let read = async || server.pending(&device).header(SIGNATURE, &signature).ok().await;
    assert!(read().await.get("custom").is_some());
    assert_keys(&read().await, &UNSIGNED);
}

/// Anybody who knows the public key may request nonces. This must not invalidate the owner's
/// nonces.
#[tokio::test]
async fn a_nonce_serves_however_many_others_are_asked_for_after_it() {
    let (server, device) = with_context().await;
    let mut nonces = vec![server.nonce(&device).await];
    for _ in 0..9 {
        nonces.push(server.nonce(&device).await);
    }
    assert_eq!(nonces[3], nonces[9], "whoever asks too often is told the newest once more");
    for nonce in &nonces[..4] {
        let signature = device.sign(nonce);
        let body = server.pending(&device).header(SIGNATURE, &signature).ok().await;
        assert!(body.get("custom").is_some(), "{nonce}");
    }
}

#[tokio::test]
async fn a_nonce_for_an_update_or_of_another_key_does_not_serve() {
    let (server, device) = with_context().await;
    let update = server.post(&format!("{}/sign?{}", crate::support::PUSH, device.query()));
    let update = update.tenant().ok().await["message"].as_str().unwrap().to_owned();
    let other = Device::new();
    server.enroll("u-2", &other).await;
    let others = server.nonce(&other).await;
    for nonce in [update, others] {
        let body = server.pending(&device).header(SIGNATURE, &device.sign(&nonce)).ok().await;
        assert_keys(&body, &UNSIGNED);
    }
}

#[tokio::test]
async fn what_has_ended_is_not_shown() {
    for approved in [true, false] {
        let it = SignIn::start().await;
        it.decide(approved).await;
        assert_eq!(it.server.pending(&it.device).ok().await, nothing(&it.authenticator));
    }
}

#[tokio::test]
async fn an_unknown_key_is_no_credential() {
    let server = Server::start();
    server.pending(&Device::new()).refused(401, "invalid_credential").await;
    let path = format!("{}/challenge", crate::support::PUSH);
    server.get(&path).tenant().refused(400, "invalid_request").await;
    server.get(&path).refused(401, "unauthorized").await;
}

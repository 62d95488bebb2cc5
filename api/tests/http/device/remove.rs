//! Tests of `POST /client/user-authenticators/push/remove`.

use countersign_core::possession::removal_text_at;
use countersign_core::time::UnixMillis;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use serde_json::{Value, json};

use crate::support::{Call, Device, PUSH, Server, SignIn};

const WINDOW_MS: u64 = 600_000;

fn now() -> UnixMillis {
    SystemClock.now()
}

fn removal(device: &Device, text: &str) -> Value {
    json!({ "publicKey": device.public_key(), "signature": device.sign(text) })
}

fn remove(server: &Server, body: &Value) -> Call {
    server.post(&format!("{PUSH}/remove")).tenant().json(body)
}

#[tokio::test]
async fn a_key_removes_itself_in_either_spelling_of_the_window() {
    let server = Server::start();
    for (user, whole) in [("u-1", false), ("u-2", true)] {
        let device = Device::new();
        let id = server.enroll(user, &device).await;
        let text = removal_text_at(now());
        let text = if whole { text.trim_end_matches(".0") } else { &text };
        let removed = remove(&server, &removal(&device, text)).ok().await;
        assert_eq!(removed, json!({ "removedAuthenticatorId": id }));
        server.pending(&device).refused(401, "invalid_credential").await;
        let user = server.get(&format!("/users/{user}")).secret().ok().await;
        assert_eq!(user["isEnrolled"], false);
    }
}

#[tokio::test]
async fn clocks_may_differ_by_a_window_and_not_by_more() {
    let server = Server::start();
    let device = Device::new();
    for (time, good) in [
        (now().minus_ms(3 * WINDOW_MS), false),
        (now().plus_ms(3 * WINDOW_MS), false),
        (now().minus_ms(WINDOW_MS / 2), true),
        (now().plus_ms(WINDOW_MS / 2), true),
    ] {
        server.enroll("u-1", &device).await;
        let call = remove(&server, &removal(&device, &removal_text_at(time)));
        if good {
            call.ok().await;
        } else {
            call.refused(401, "invalid_credential").await;
        }
    }
}

#[tokio::test]
async fn every_binding_of_the_key_goes() {
    let it = SignIn::start().await;
    it.server.enroll("u-2", &it.device).await;
    let body = removal(&it.device, &removal_text_at(now()));
    remove(&it.server, &body).ok().await;
    for user in ["u-1", "u-2"] {
        let listed = it.server.get(&format!("/users/{user}/authenticators")).secret().ok().await;
        assert_eq!(listed, json!([]));
    }
    assert_eq!(it.outcome().await["outcome"], "revoked");
    remove(&it.server, &body).refused(401, "invalid_credential").await;
}

#[tokio::test]
async fn a_removed_key_may_enroll_again() {
    let server = Server::start();
    let device = Device::new();
    let first = server.enroll("u-1", &device).await;
    remove(&server, &removal(&device, &removal_text_at(now()))).ok().await;
    assert_ne!(server.enroll("u-1", &device).await, first);
    server.pending(&device).ok().await;
}

#[tokio::test]
async fn nobody_else_removes_a_key() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let text = removal_text_at(now());
    let mut forged = removal(&device, &text);
    forged["signature"] = json!(Device::new().sign(&text));
    for body in [forged, removal(&device, "0.0"), removal(&device, ""), removal(&device, "1e9")] {
        remove(&server, &body).refused(401, "invalid_credential").await;
    }
    let body = removal(&device, &text);
    let elsewhere = server.post(&format!("{PUSH}/remove")).with_tenant("other").json(&body);
    elsewhere.refused(401, "invalid_credential").await;
    server.post(&format!("{PUSH}/remove")).json(&body).refused(401, "unauthorized").await;
    remove(&server, &json!({})).refused(400, "invalid_request").await;
    server.pending(&device).ok().await;
}

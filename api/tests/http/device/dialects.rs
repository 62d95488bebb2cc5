//! Tests of the encodings of both platforms, and of the paths that older SDKs call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::possession::removal_text_at;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use countersign_wire::basic;
use reqwest::Method;
use serde_json::json;

use crate::support::{Device, Dialect, PUSH, Server, SignIn};

const LEGACY: &str = "/client/user-authenticators/device";

#[tokio::test]
async fn both_dialects_go_through_a_whole_sign_in() {
    for dialect in [Dialect::Android, Dialect::Ios] {
        for approved in [true, false] {
            let it = SignIn::on(Server::start(), Device::of(dialect)).await;
            assert_eq!(it.server.signed_pending(&it.device).await["challengeId"], *it.challenge);
            assert_eq!(it.decide(approved).await["isVerified"], approved);
            assert_eq!(it.outcome().await["isVerified"], approved);
        }
    }
}

#[tokio::test]
async fn a_tenant_is_understood_in_its_three_encodings() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let path = format!("{PUSH}/challenge?{}", device.query());
    let texts =
        [basic::encode_standard("demo"), basic::encode_url("demo"), basic::encode_browser("demo")];
    for text in texts {
        for scheme in ["Basic", "basic", "BASIC"] {
            server.get(&path).header("Authorization", &format!("{scheme} {text}")).ok().await;
        }
    }
}

#[tokio::test]
async fn a_key_is_understood_in_every_encoding_of_the_query() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let once = device.public_key();
    let twice = STANDARD.encode(&once);
    let escaped = |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for key in [
        twice.clone(),
        twice.trim_end_matches('=').to_owned(),
        escaped(&twice),
        escaped(&once),
        once.replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned(),
    ] {
        server.get(&format!("{PUSH}?publicKey={key}")).tenant().ok().await;
    }
}

#[tokio::test]
async fn the_older_names_of_the_routes_serve_too() {
    let server = Server::start();
    let device = Device::new();
    let token = server.token("u-1").await;
    let query = device.query();
    let enroll = server.post(LEGACY).bearer(&token).json(&device.enrollment());
    let id = enroll.ok().await["userAuthenticatorId"].clone();
    let token = server.token("u-1").await;
    let challenge = server.challenge(&token).await;
    let get = async |path: String| server.get(&path).tenant().ok().await;
    assert_eq!(get(format!("{LEGACY}?{query}")).await["userAuthenticatorId"], id);
    assert_eq!(get(format!("{LEGACY}/challenge?{query}")).await["challengeId"], *challenge);
    let body = device.decision(&challenge, true);
    let answer = server.post(&format!("{LEGACY}/challenge")).tenant().json(&body).ok().await;
    assert_eq!(answer["isVerified"], true);
    let text = removal_text_at(SystemClock.now());
    let body = json!({ "publicKey": device.public_key(), "signature": device.sign(&text) });
    server.post(&format!("{LEGACY}/remove")).tenant().json(&body).ok().await;
}

#[tokio::test]
async fn both_mounts_serve_the_device() {
    let it = SignIn::start().await;
    for mount in ["", "/v1"] {
        let path = format!("{mount}{PUSH}/challenge?{}", it.device.query());
        let pending = it.server.call_at(Method::GET, &path).tenant().ok().await;
        assert_eq!(pending["challengeId"], *it.challenge);
    }
}

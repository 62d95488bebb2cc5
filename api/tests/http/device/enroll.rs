//! Tests of `POST /client/user-authenticators/push`.

use serde_json::{Value, json};

use crate::support::Statements as _;
use crate::support::{CREDENTIAL, Device, PUSH, Server, SignIn, assert_keys, is_iso_time};

#[tokio::test]
async fn a_first_device_needs_no_more_than_a_token_of_its_user() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let device = Device::new();
    let mut body = device.enrollment();
    body["pushToken"] = json!("apns-token");
    body["performAttestation"] = json!({ "provider": "APP_ATTEST", "token": "t", "keyId": "k" });
    let enrolled = server.post(PUSH).bearer(&token).json(&body).ok().await;
    assert_keys(&enrolled, &[&CREDENTIAL[..], &["attestation"]].concat());
    assert_eq!(enrolled["attestation"], "ignored");
    // Attestation data may have any value. The response has the field `attestation` unless the data
    // are absent.
    body["performAttestation"] = json!("anything");
    let enrolled = server.post(PUSH).bearer(&token).json(&body).ok().await;
    assert_eq!(enrolled["attestation"], "ignored");
    body["performAttestation"] = Value::Null;
    let enrolled = server.post(PUSH).bearer(&token).json(&body).ok().await;
    assert_keys(&enrolled, &CREDENTIAL);
    assert_eq!(enrolled["userId"], "u-1");
    assert_eq!(enrolled["userAuthenticatorId"].as_str().unwrap().len(), 36);
    assert!(is_iso_time(&enrolled["verifiedAt"]) && is_iso_time(&enrolled["lastVerifiedAt"]));
}

#[tokio::test]
async fn a_further_device_needs_the_scope() {
    let server = Server::start();
    server.enroll("u-1", &Device::new()).await;
    let second = Device::new();
    let plain = server.token("u-1").await;
    let refused = server.post(PUSH).bearer(&plain).json(&second.enrollment());
    refused.refused(403, "unauthorized").await;
    for scope in ["read:authenticators", "remove:authenticators update:authenticators"] {
        let tracked = server.track("u-1", json!({ "scope": scope })).await;
        let token = tracked["token"].as_str().unwrap();
        let call = server.post(PUSH).bearer(token).json(&second.enrollment());
        call.refused(403, "unauthorized").await;
    }
    assert_eq!(count(&server, "u-1").await, 1);
    let scope = json!({ "scope": "read:authenticators add:authenticators" });
    let tracked = server.track("u-1", scope).await;
    let token = tracked["token"].as_str().unwrap();
    server.post(PUSH).bearer(token).json(&second.enrollment()).ok().await;
    assert_eq!(count(&server, "u-1").await, 2);
}

#[tokio::test]
async fn the_same_key_for_the_same_user_refreshes_its_binding() {
    let server = Server::start();
    let device = Device::new();
    let first = server.enroll("u-1", &device).await;
    let mut body = device.enrollment();
    body["deviceName"] = json!("Renamed");
    // A repeated enrollment adds no authenticator, so it needs no scope. Without the scope it does
    // not change the name either.
    for (scope, name) in [("", "Pixel"), ("add:authenticators", "Renamed")] {
        let tracked = server.track("u-1", json!({ "scope": scope })).await;
        let token = tracked["token"].as_str().unwrap();
        let again = server.post(PUSH).bearer(token).json(&body).ok().await;
        assert_eq!(again["userAuthenticatorId"], *first);
        let listed = server.get("/users/u-1/authenticators").secret().ok().await;
        assert_eq!(listed.as_array().unwrap().len(), 1);
        assert_eq!(listed[0]["displayName"], name);
    }
}

#[tokio::test]
async fn one_key_serves_five_users_that_have_approved_and_not_a_sixth() {
    let server = Server::start();
    let device = Device::new();
    for user in ["u-1", "u-2", "u-3", "u-4", "u-5"] {
        server.enroll(user, &device).await;
        let id = server.challenge(&server.token(user).await).await;
        server.decide(&device, &id, true).ok().await;
    }
    let sixth = server.token("u-6").await;
    let call = server.post(PUSH).bearer(&sixth).json(&device.enrollment());
    call.refused(400, "invalid_request").await;
    assert_eq!(count(&server, "u-6").await, 0);
    // Each of the five users still has one authenticator, and may enroll the key again.
    for user in ["u-1", "u-5"] {
        server.enroll(user, &device).await;
        assert_eq!(count(&server, user).await, 1);
    }
}

/// A public key is not secret, so anybody who knows one can enroll it.
#[tokio::test]
async fn strangers_who_enroll_a_key_neither_hide_nor_block_its_owner() {
    let server = Server::start();
    let device = Device::new();
    let mine = server.enroll("u-1", &device).await;
    let approved = server.challenge(&server.token("u-1").await).await;
    server.decide(&device, &approved, true).ok().await;
    let asked = server.token("u-1").await;
    let asked = server.challenge(&asked).await;
    for n in 0..7 {
        let stranger = format!("stranger-{n}");
        server.enroll(&stranger, &device).await;
        server.challenge(&server.token(&stranger).await).await;
    }
    let read = server.pending(&device).ok().await;
    assert_eq!(read["challengeId"], *asked, "the newest is a stranger's");
    let shown = read["challenges"].as_array().unwrap();
    assert_eq!(shown.len(), 5, "no more than the places that are left");
    let query = device.query();
    let known = server.get(&format!("{PUSH}?{query}")).tenant().ok().await;
    assert_eq!(known["userAuthenticatorId"], *mine);
    // The key may also serve another user. Its device is then shown the challenges of that user.
    let second = server.enroll("u-2", &device).await;
    let asked = server.challenge(&server.token("u-2").await).await;
    let read = server.pending(&device).ok().await;
    let ids: Vec<_> = read["challenges"].as_array().unwrap().iter().collect();
    assert!(ids.iter().any(|c| c["challengeId"] == *asked && c["userAuthenticatorId"] == *second));
    server.decide(&device, &asked, true).ok().await;
    // The stranger stays enrolled, so that the server still requires a challenge from them.
    let tracked = server.track("stranger-0", json!({})).await;
    assert_eq!(tracked["isEnrolled"], true);
}

#[tokio::test]
async fn a_key_of_several_users_answers_for_the_one_that_is_asked() {
    let server = Server::start();
    let device = Device::new();
    let mine = server.enroll("u-1", &device).await;
    let theirs = server.enroll("u-2", &device).await;
    assert_ne!(mine, theirs);
    let token = server.token("u-1").await;
    let id = server.challenge(&token).await;
    let pending = server.pending(&device).ok().await;
    assert_eq!((&pending["userId"], &pending["challengeId"]), (&json!("u-1"), &json!(id)));
    assert_eq!(pending["userAuthenticatorId"], *mine);
    server.decide(&device, &id, true).ok().await;
    assert_eq!(server.outcome(&token, &id).await["outcome"], "approved");
    let listed = server.get("/users/u-1/actions?state=CHALLENGE_SUCCEEDED").secret().ok().await;
    assert_eq!(listed[0]["verifiedByAuthenticatorId"], *mine);
}

#[tokio::test]
async fn enrolling_a_key_elsewhere_takes_nothing_from_its_owner() {
    let it = SignIn::start().await;
    it.server.enroll("attacker", &it.device).await;
    it.decide(true).await;
    assert_eq!(it.outcome().await["outcome"], "approved");
    assert_eq!(count(&it.server, "u-1").await, 1);
}

#[tokio::test]
async fn both_algorithms_enroll_and_the_name_must_be_right() {
    let server = Server::start();
    for (device, name, other) in
        [(Device::new(), "es256", "ed25519"), (Device::ed25519(), "ed25519", "es256")]
    {
        let token = server.token(name).await;
        let mut body = device.enrollment();
        body["algorithm"] = json!(other);
        let call = server.post(PUSH).bearer(&token).json(&body);
        call.refused(400, "invalid_request").await;
        body["algorithm"] = json!(name);
        server.post(PUSH).bearer(&token).json(&body).ok().await;
    }
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let good = Device::new().public_key();
    // The last bytes of a P-256 key are its coordinates. A point with zero coordinates is not on
    // the curve.
    let off_curve = format!("{}{}==", &good[..36], "A".repeat(86));
    for key in ["", "x", "AAAA", &good[..60], &off_curve, &good.repeat(3)] {
        let body = json!({ "publicKey": key, "deviceName": "d", "devicePlatform": "ios" });
        let call = server.post(PUSH).bearer(&token).json(&body);
        call.refused(400, "invalid_request").await;
    }
    let mut body = json!({ "publicKey": good });
    for (field, value) in
        [("devicePlatform", json!("windows")), ("pushToken", json!("x".repeat(4097)))]
    {
        body[field] = value;
        let call = server.post(PUSH).bearer(&token).json(&body);
        call.refused(400, "invalid_request").await;
        body[field] = Value::Null;
    }
    assert_eq!(count(&server, "u-1").await, 0);
    server.post(PUSH).bearer(&token).json(&body).ok().await;
}

#[tokio::test]
async fn it_takes_a_token_and_not_a_tenant() {
    let server = Server::start();
    let body = Device::new().enrollment();
    server.post(PUSH).json(&body).refused(401, "invalid_token").await;
    server.post(PUSH).tenant().json(&body).refused(401, "invalid_token").await;
    server.post(PUSH).secret().json(&body).refused(401, "invalid_token").await;
}

async fn count(server: &Server, user: &str) -> usize {
    let listed = server.get(&format!("/users/{user}/authenticators")).secret().ok().await;
    listed.as_array().unwrap().len()
}

/// Official SDKs send no proof at enrollment. A family's shared phone can therefore reach the limit
/// of users.
#[tokio::test]
async fn an_account_too_many_is_seen_by_the_operator() {
    let server = Server::start();
    let device = Device::new();
    let enroll = async |user: &str| {
        let token = server.token(user).await;
        server.post(PUSH).bearer(&token).json(&device.enrollment()).ok().await
    };
    for user in ["u-1", "u-2", "u-3", "u-4", "u-5"] {
        assert_keys(&enroll(user).await, &CREDENTIAL);
    }
    // The first user has lost their place. The response does not say so, because anybody who knows
    // the public key can enroll it and must not learn that the key has other users.
    assert_keys(&enroll("u-6").await, &CREDENTIAL);
    let metrics = server.operator_call(reqwest::Method::GET, "/metrics").send().await.text;
    let counted = "countersign_bindings_crowded_out_total ";
    let counted = metrics.lines().find_map(|line| line.strip_prefix(counted)).unwrap();
    assert!(counted.parse::<u64>().unwrap() >= 1);
    for (user, shown) in [("u-1", false), ("u-6", true)] {
        let asked = server.challenge(&server.token(user).await).await;
        let read = server.pending(&device).ok().await;
        let ids = read["challenges"].as_array().unwrap().iter();
        assert_eq!(ids.into_iter().any(|c| c["challengeId"] == *asked), shown, "{user}");
    }
    // Enrolling this user again takes the place of another user.
    assert_keys(&enroll("u-1").await, &CREDENTIAL);
    assert_keys(&enroll("u-6").await, &CREDENTIAL);
}

#[tokio::test]
async fn the_holder_of_a_key_is_told_that_another_user_lost_the_place() {
    let server = Server::start();
    let device = Device::ed25519();
    let enroll = async |user: &str| {
        let token = server.token(user).await;
        let body = device.statement_enrollment(&token);
        server.post(PUSH).bearer(&token).json(&body).send().await
    };
    // Strangers enroll the key without a proof.
    for user in ["u-1", "u-2", "u-3", "u-4", "u-5"] {
        let token = server.token(user).await;
        server.post(PUSH).bearer(&token).json(&device.enrollment()).ok().await;
    }
    let sixth = enroll("u-6").await;
    assert_eq!(sixth.status, 200, "{}", sixth.text);
    let sixth: Value = serde_json::from_str(&sixth.text).unwrap();
    assert_eq!(sixth["crowded"], "other", "{sixth}");
}

//! Tests of `GET /users/{userId}/authenticators` and `DELETE …/{userAuthenticatorId}`.

use serde_json::json;

use crate::support::{Device, Dialect, OTHER_SECRET, Server, SignIn, assert_keys, is_iso_time};

#[tokio::test]
async fn authenticators_are_listed_with_their_documented_keys() {
    let server = Server::start();
    let android = server.enroll("u-1", &Device::new()).await;
    let ios = server.enroll("u-1", &Device::of(Dialect::Ios)).await;
    let listed = server.get("/users/u-1/authenticators").secret().ok().await;
    let item = |id: &str| {
        let found = listed.as_array().unwrap().iter().find(|i| i["userAuthenticatorId"] == id);
        found.unwrap().clone()
    };
    let keys = [
        "createdAt",
        "devicePlatform",
        "displayName",
        "lastVerifiedAt",
        "userAuthenticatorId",
        "userId",
        "verificationMethod",
        "verifiedAt",
    ];
    for (id, platform) in [(android, "ANDROID"), (ios, "IOS")] {
        let item = item(&id);
        assert_keys(&item, &keys);
        assert_eq!(item["devicePlatform"], platform);
        assert_eq!((&item["userId"], &item["displayName"]), (&json!("u-1"), &json!("Pixel")));
        assert_eq!(item["verificationMethod"], "PUSH");
        for time in ["createdAt", "verifiedAt", "lastVerifiedAt"] {
            assert!(is_iso_time(&item[time]), "{time}");
        }
    }
}

#[tokio::test]
async fn a_user_without_authenticators_has_an_empty_list() {
    let server = Server::start();
    server.enroll("u-1", &Device::new()).await;
    assert_eq!(server.get("/users/u-2/authenticators").secret().ok().await, json!([]));
    let foreign = server.get("/users/u-1/authenticators").with_secret(OTHER_SECRET);
    assert_eq!(foreign.ok().await, json!([]));
    server.get("/users/u-1/authenticators").refused(401, "unauthorized").await;
}

#[tokio::test]
async fn push_cannot_be_enrolled_by_the_backend() {
    let server = Server::start();
    for path in ["/users/u-1/authenticators", "/users/authenticators"] {
        let body = json!({ "verificationMethod": "SMS", "phoneNumber": "+1" });
        server.post(path).secret().json(&body).refused(400, "invalid_configuration").await;
    }
}

#[tokio::test]
async fn a_removed_authenticator_is_gone_and_its_challenge_revoked() {
    let it = SignIn::start().await;
    let path = format!("/users/u-1/authenticators/{}", it.authenticator);
    let deleted = it.server.delete(&path).secret().ok().await;
    assert_eq!(deleted, json!({ "success": true }));
    let outcome = it.outcome().await;
    assert_eq!((&outcome["outcome"], &outcome["isConsumed"]), (&json!("revoked"), &json!(true)));
    it.server.pending(&it.device).refused(401, "invalid_credential").await;
    it.server.delete(&path).secret().refused(404, "invalid_request").await;
}

#[tokio::test]
async fn a_challenge_stays_open_while_another_device_may_answer() {
    let server = Server::start();
    let second = Device::new();
    let other = server.enroll("u-1", &second).await;
    let it = SignIn::on(server, Device::new()).await;
    let path = format!("/users/u-1/authenticators/{}", it.authenticator);
    it.server.delete(&path).secret().ok().await;
    assert!(it.outcome().await.get("outcome").is_none());
    assert_eq!(it.server.pending(&second).ok().await["userAuthenticatorId"], *other);
    it.server.decide(&second, &it.challenge, true).ok().await;
    assert_eq!(it.outcome().await["outcome"], "approved");
}

#[tokio::test]
async fn one_that_the_user_does_not_have_is_not_found() {
    let it = SignIn::start().await;
    for (user, id) in [
        ("u-2", it.authenticator.as_str()),
        ("u-1", "00000000-0000-4000-8000-000000000000"),
        ("u-1", "nonsense"),
    ] {
        let path = format!("/users/{user}/authenticators/{id}");
        it.server.delete(&path).secret().refused(404, "invalid_request").await;
    }
    let path = format!("/users/u-1/authenticators/{}", it.authenticator);
    it.server.delete(&path).with_secret(OTHER_SECRET).refused(404, "invalid_request").await;
    it.server.delete(&path).refused(401, "unauthorized").await;
    it.server.pending(&it.device).ok().await;
}

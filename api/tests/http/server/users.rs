//! Tests of `GET`, `PATCH`, `POST` and `DELETE /users/{userId}`.

use reqwest::Method;
use serde_json::json;

use crate::support::{Device, OTHER_SECRET, PUSH, Server, SignIn, assert_keys};

#[tokio::test]
async fn an_unknown_user_is_one_that_is_not_enrolled() {
    let server = Server::start();
    let user = server.get("/users/nobody").secret().ok().await;
    let expected = json!({
        "isEnrolled": false, "emailVerified": false, "phoneNumberVerified": false,
        "enrolledVerificationMethods": [], "allowedVerificationMethods": ["PUSH"],
    });
    assert_eq!(user, expected);
}

#[tokio::test]
async fn an_enrolled_user_says_how() {
    let server = Server::start();
    server.enroll("u-1", &Device::new()).await;
    let user = server.get("/users/u-1").secret().ok().await;
    assert_eq!(user["isEnrolled"], true);
    assert_eq!(user["enrolledVerificationMethods"], json!(["PUSH"]));
    assert_eq!(user["defaultVerificationMethod"], "PUSH");
}

#[tokio::test]
async fn attributes_are_merged_by_patch_and_by_post() {
    let server = Server::start();
    let first = json!({
        "email": "a@example.com", "emailVerified": true, "phoneNumber": "+4470", "username": "ann",
        "displayName": "Ann", "locale": "en", "custom": { "tier": 1 },
    });
    let set = server.patch("/users/u-1").secret().json(&first).ok().await;
    let mut expected = first;
    expected["phoneNumberVerified"] = json!(false);
    assert_eq!(set, expected);
    // The SDKs for Java and Ruby update users with POST.
    let second = json!({ "displayName": "Anna", "custom": null, "phoneNumberVerified": true });
    let set = server.post("/users/u-1").secret().json(&second).ok().await;
    expected["displayName"] = json!("Anna");
    expected["phoneNumberVerified"] = json!(true);
    assert_eq!(set, expected);
    let user = server.get("/users/u-1").secret().ok().await;
    assert_eq!((&user["displayName"], &user["custom"]), (&json!("Anna"), &json!({ "tier": 1 })));
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind() {
    let it = SignIn::start().await;
    let deleted = it.server.delete("/users/u-1").secret().ok().await;
    assert_eq!(deleted, json!({ "success": true }));
    assert_eq!(it.server.get("/users/u-1").secret().ok().await["isEnrolled"], false);
    assert_eq!(it.server.get("/users/u-1/actions").secret().ok().await, json!([]));
    assert_eq!(it.server.get("/users/u-1/authenticators").secret().ok().await, json!([]));
    it.server.pending(&it.device).refused(401, "invalid_credential").await;
    let decide = it.server.decide(&it.device, &it.challenge, true);
    decide.refused(401, "invalid_credential").await;
    let enroll = it.server.post(PUSH).bearer(&it.token).json(&it.device.enrollment());
    enroll.refused(401, "invalid_token").await;
    // Deleting an unknown user is not an error.
    it.server.delete("/users/u-1").secret().ok().await;
}

#[tokio::test]
async fn a_tenant_has_its_own_users() {
    let server = Server::start();
    server.patch("/users/u-1").secret().json(&json!({ "email": "a@example.com" })).ok().await;
    let foreign = server.get("/users/u-1").with_secret(OTHER_SECRET).ok().await;
    assert!(foreign.get("email").is_none());
    server.delete("/users/u-1").with_secret(OTHER_SECRET).ok().await;
    assert_eq!(server.get("/users/u-1").secret().ok().await["email"], "a@example.com");
}

#[tokio::test]
async fn what_is_no_attribute_or_no_name_is_refused() {
    let server = Server::start();
    for body in [
        json!({ "email": 1 }),
        json!({ "emailVerified": "yes" }),
        json!({ "custom": [1] }),
        json!({ "displayName": "a\u{202e}b" }),
        json!({ "email": "x".repeat(257) }),
    ] {
        server.patch("/users/u-1").secret().json(&body).refused(400, "invalid_request").await;
    }
    let long = format!("/users/{}", "u".repeat(257));
    for path in ["/users/%00", "/users/a%0Ab", &long] {
        for method in [Method::GET, Method::PATCH, Method::POST, Method::DELETE] {
            server.call(method, path).secret().refused(400, "invalid_request").await;
        }
    }
    for method in [Method::GET, Method::PATCH, Method::POST, Method::DELETE] {
        server.call(method, "/users/u-1").refused(401, "unauthorized").await;
    }
}

#[tokio::test]
async fn user_ids_of_all_kinds_come_through_as_they_are() {
    let server = Server::start();
    for (n, (path, id)) in [
        ("auth0%7Ca%20b", "auth0|a b"),
        ("%C3%BC%2Fx", "ü/x"),
        ("a+b", "a+b"),
        ("a%25b", "a%b"),
        ("me@example.com", "me@example.com"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = json!({ "username": format!("n-{n}") });
        server.patch(&format!("/users/{path}")).secret().json(&name).ok().await;
        let found = server.get(&format!("/users?username=n-{n}")).secret().ok().await;
        assert_eq!(found["users"][0]["userId"], id);
    }
    assert_keys(&server.get("/users?username=n-0").secret().ok().await, &["users"]);
}

#[tokio::test]
async fn a_user_called_authenticators_is_read_changed_and_deleted_like_any_other() {
    let server = Server::start();
    let device = Device::new();
    for mount in ["/v1", ""] {
        let user =
            |method| server.call_at(method, &format!("{mount}/users/authenticators")).secret();
        server.enroll("authenticators", &device).await;
        assert_eq!(user(Method::GET).ok().await["isEnrolled"], true);
        let named = user(Method::PATCH).json(&json!({ "displayName": "A" })).ok().await;
        assert_eq!(named["displayName"], "A");
        let listed = server.get("/users/authenticators/authenticators").secret().ok().await;
        assert_eq!(listed[0]["userId"], "authenticators");
        assert_eq!(user(Method::DELETE).ok().await, json!({ "success": true }));
        assert_eq!(user(Method::GET).ok().await["isEnrolled"], false);
        // An SDK enrolls other verification methods with POST to this path.
        user(Method::POST).refused(400, "invalid_configuration").await;
        user(Method::PUT).refused(405, "invalid_request").await;
    }
}

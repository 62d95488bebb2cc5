//! Tests of `GET /client/user-authenticators`.

use serde_json::json;

use crate::support::{Device, Server, assert_keys, is_iso_time};

#[tokio::test]
async fn a_browser_sees_its_users_authenticators_without_the_user() {
    let server = Server::start();
    let id = server.enroll("u-1", &Device::new()).await;
    server.enroll("u-2", &Device::new()).await;
    let token = server.token("u-1").await;
    let listed = server.get("/client/user-authenticators").bearer(&token).ok().await;
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let keys = [
        "createdAt",
        "devicePlatform",
        "displayName",
        "lastVerifiedAt",
        "userAuthenticatorId",
        "verificationMethod",
        "verifiedAt",
    ];
    assert_keys(&listed[0], &keys);
    assert_eq!(listed[0]["userAuthenticatorId"], *id);
    assert!(is_iso_time(&listed[0]["createdAt"]));
}

#[tokio::test]
async fn a_user_without_authenticators_has_an_empty_list() {
    let server = Server::start();
    let token = server.token("u-1").await;
    let listed = server.get("/client/user-authenticators").bearer(&token).ok().await;
    assert_eq!(listed, json!([]));
}

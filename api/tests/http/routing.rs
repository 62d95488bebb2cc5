//! Tests of properties that all routes share: their prefix, and the responses to paths and methods
//! without a route.

use countersign::config::Config;
use reqwest::Method;
use serde_json::json;

use crate::support::{PUSH, Server};

/// Known routes of other verification methods, with a method of each.
pub(crate) const UNSUPPORTED: [(&str, &str); 36] = [
    ("POST", "/challenge"),
    ("POST", "/verify"),
    ("POST", "/claim"),
    ("GET", "/challenges?challengeId=c&userId=u"),
    ("POST", "/challenges?challengeId=c"),
    // Paths that the SDKs for Go and Java build.
    ("GET", "/v1/challenges?challengeId=c"),
    ("POST", "/challengeschallengeId=c-1"),
    ("POST", "/challengeschallengeId=c-1&userId=u/1"),
    ("POST", "/challengesuserId=u/1&action=signIn"),
    ("POST", "/challengesaction=signIn&userId=u-1&verificationMethod=SMS"),
    ("POST", "/sessions"),
    ("POST", "/sessions/validate"),
    ("POST", "/sessions/refresh"),
    ("POST", "/sessions/revoke"),
    ("POST", "/sessions/user/revoke"),
    ("POST", "/users/authenticators"),
    ("POST", "/users/u-1/authenticators"),
    ("GET", "/users/u-1/devices"),
    ("PATCH", "/users/u-1/devices/d-1"),
    ("POST", "/users/u-1/devices/d-1/invalidate"),
    ("GET", "/authenticators"),
    ("POST", "/client/challenge/sms"),
    ("POST", "/client/challenge/email-otp"),
    ("POST", "/client/challenge/qr-code"),
    ("POST", "/client/challenge/web"),
    ("POST", "/client/verify/totp"),
    ("POST", "/client/verify/passkey"),
    ("POST", "/client/verify/in-app"),
    ("POST", "/client/verify/device"),
    ("POST", "/client/verify/email-magic-link/finalize"),
    ("POST", "/client/user-authenticators/totp"),
    ("POST", "/client/user-authenticators/passkey/registration-options/web"),
    ("GET", "/client/user-authenticators/qr-code"),
    ("POST", "/client/user-authenticators/qr-code/challenge/claim"),
    ("POST", "/client/user-authenticators/device/challenge/claim"),
    ("GET", "/ws-v1-challenge"),
];

/// Every route of this server with its methods.
const ROUTES: [(&str, &[&str]); 25] = [
    ("/users/u-1/actions/signIn", &["POST"]),
    ("/users/u-1/actions/signIn/k-1", &["GET", "PATCH"]),
    ("/users/u-1/actions", &["GET"]),
    ("/validate", &["POST"]),
    ("/users/u-1/authenticators", &["GET", "POST"]),
    ("/users/u-1/authenticators/a-1", &["DELETE"]),
    ("/users/u-1", &["GET", "PATCH", "POST", "DELETE"]),
    ("/users", &["GET"]),
    ("/client/challenge/push", &["POST"]),
    ("/client/verify/push", &["POST"]),
    ("/client/cancel/push", &["POST"]),
    ("/client/wait/push", &["POST"]),
    ("/client/leave/push", &["POST"]),
    ("/client/user-authenticators", &["GET"]),
    ("/client/user-authenticators/remove", &["POST"]),
    ("/client/challenge", &["POST"]),
    ("/client/user-authenticators/push", &["POST", "GET", "PATCH"]),
    ("/client/user-authenticators/push/challenge/sign", &["POST"]),
    ("/client/user-authenticators/push/challenge", &["GET", "POST"]),
    ("/client/user-authenticators/push/sign", &["POST"]),
    ("/client/user-authenticators/push/remove", &["POST"]),
    ("/client/user-authenticators/push/ticket", &["POST"]),
    ("/client/user-authenticators/push/ticket/open", &["POST"]),
    ("/client/user-authenticators/device", &["POST", "GET", "PATCH"]),
    ("/client/user-authenticators/device/challenge", &["GET", "POST"]),
];

#[tokio::test]
async fn the_known_routes_of_other_methods_say_that_this_is_about_push() {
    let server = Server::start();
    for (method, path) in UNSUPPORTED {
        for mount in ["/v1", ""] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let call = server.call_at(method, &format!("{mount}{path}")).secret();
            let answer = call.json(&json!({ "verificationMethod": "SMS" })).send().await;
            answer.refused(400, "invalid_configuration");
        }
    }
}

#[tokio::test]
async fn an_unknown_route_is_not_found() {
    let server = Server::start();
    for path in ["/v1", "/v1/", "/v2/users/u-1", "/v1/user/u-1", "/metrics", "/health/live"] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            server.call_at(method, path).refused(404, "invalid_request").await;
        }
    }
    let deep = format!("{PUSH}/challenge/sign/more");
    server.post(&format!("/nothing{deep}")).tenant().refused(404, "invalid_request").await;
}

#[tokio::test]
async fn a_route_refuses_the_methods_that_it_does_not_have() {
    let server = Server::start();
    for (path, methods) in ROUTES {
        for method in ["GET", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "PURGE"] {
            let call = |mount: &str| {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                server.call_at(method, &format!("{mount}{path}")).secret()
            };
            let has = methods.contains(&method);
            for mount in ["/v1", ""] {
                if has {
                    assert_ne!(call(mount).send().await.status, 405, "{method} {path}");
                } else {
                    call(mount).refused(405, "invalid_request").await;
                }
            }
        }
    }
}

#[tokio::test]
async fn an_answer_is_for_its_caller_alone() {
    let server = Server::start();
    for call in
        [server.get("/users/u-1").secret(), server.get("/users/u-1"), server.get("/nothing")]
    {
        let answer = call.send().await;
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
}

#[test]
fn a_public_url_does_not_begin_with_the_name_of_a_route() {
    let load = |path: &str| {
        let url = format!("https://push.example{path}");
        Config::load(None, [("COUNTERSIGN__SERVER__PUBLIC_URL".to_owned(), url)].into_iter())
    };
    let routes = ROUTES.iter().map(|(path, _)| *path);
    let pages = ["/ui", "/phone/", "/demo/backend/pay", "/brand/demo", "/sdk/countersign.js"];
    let paths = routes.chain(UNSUPPORTED.iter().map(|(_, path)| *path)).chain(pages).chain([
        "/v1",
        "/shared/base.css",
        "/vendor/qr/qr.js",
        "//users",
        "/us%65rs/a",
    ]);
    // Paths with `=` are left out. They stand for an SDK that leaves out the question mark, so that
    // its whole query becomes a path segment.
    for path in paths.filter(|path| !path.contains('=')) {
        let refusal = load(path).expect_err(path).to_string();
        assert!(refusal.starts_with("server.public_url"), "{path}: {refusal}");
    }
    for path in ["", "/", "/auth", "/auth/", "/auth/v1", "/auth/users", "/usersx", "/Users"] {
        assert!(load(path).is_ok(), "{path}");
    }
}

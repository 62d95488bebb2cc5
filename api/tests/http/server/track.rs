//! Tests of `POST /users/{userId}/actions/{action}`.

use serde_json::{Value, json};

use crate::support::{Device, NEXT_SECRET, Server, Setup, assert_keys};

const KEYS: [&str; 8] = [
    "allowedVerificationMethods",
    "enrolledVerificationMethods",
    "idempotencyKey",
    "isEnrolled",
    "ruleIds",
    "state",
    "token",
    "url",
];

#[tokio::test]
async fn a_user_without_authenticator_is_allowed_and_not_enrolled() {
    let server = Server::start();
    let body = server.track("u-1", json!({})).await;
    assert_keys(&body, &KEYS);
    assert_eq!(body["state"], "ALLOW");
    assert_eq!(body["isEnrolled"], false);
    assert_eq!(body["enrolledVerificationMethods"], json!([]));
    assert_eq!(body["allowedVerificationMethods"], json!(["PUSH"]));
    assert_eq!(body["ruleIds"], json!([]));
    assert!(body["idempotencyKey"].as_str().is_some_and(|key| key.len() == 36));
}

#[tokio::test]
async fn an_enrolled_user_is_challenged() {
    let server = Server::start();
    server.enroll("u-1", &Device::new()).await;
    let body = server.track("u-1", json!({})).await;
    assert_keys(&body, &[&KEYS[..], &["defaultVerificationMethod"]].concat());
    assert_eq!(body["state"], "CHALLENGE_REQUIRED");
    assert_eq!(body["isEnrolled"], true);
    assert_eq!(body["enrolledVerificationMethods"], json!(["PUSH"]));
    assert_eq!(body["defaultVerificationMethod"], "PUSH");
}

#[tokio::test]
async fn a_user_without_authenticator_is_blocked_where_the_tenant_says_so() {
    let server = Setup::default().set("tenants.0.push.unenrolled", "block").start();
    assert_eq!(server.track("u-1", json!({})).await["state"], "BLOCK");
}

#[tokio::test]
async fn the_page_is_absolute_and_has_the_token_in_its_query() {
    let server = Server::start();
    let body = server.track("u-1", json!({})).await;
    let (url, token) = (body["url"].as_str().unwrap(), body["token"].as_str().unwrap());
    assert_eq!(url, format!("http://{}/ui?token={token}", server.address));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    assert!(token.chars().all(plain), "a token can stand anywhere: {token}");
}

#[tokio::test]
async fn the_same_key_gives_the_stored_action_and_a_fresh_token() {
    let server = Server::start();
    let body = json!({ "idempotencyKey": "k-1", "userAgent": "first" });
    let first = server.track("u-1", body).await;
    server.enroll("u-1", &Device::new()).await;
    let again =
        server.track("u-1", json!({ "idempotencyKey": "k-1", "userAgent": "second" })).await;
    assert_eq!(again["state"], first["state"], "what was stored is answered");
    assert_eq!(again["idempotencyKey"], "k-1");
    assert_eq!(again["isEnrolled"], true);
    assert_ne!(again["token"], first["token"]);
    let listed = server.get("/users/u-1/actions").secret().ok().await;
    let of_key = |a: &&Value| a["idempotencyKey"] == "k-1";
    let stored: Vec<_> = listed.as_array().unwrap().iter().filter(of_key).collect();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0]["userAgent"], "first");
}

#[tokio::test]
async fn a_key_belongs_to_its_user_and_its_action() {
    let server = Server::start();
    let body = json!({ "idempotencyKey": "k-1" });
    server.track("u-1", body.clone()).await;
    server.enroll("u-1", &Device::new()).await;
    server.track("u-2", body.clone()).await;
    let other_code = server.post("/users/u-1/actions/pay").secret().json(&body).ok().await;
    assert_eq!(other_code["state"], "CHALLENGE_REQUIRED", "an action of its own");
    let other_tenant = server.post("/users/u-1/actions/signIn");
    let other_tenant = other_tenant.with_secret("the-secret-of-other").json(&body).ok().await;
    assert_eq!(other_tenant["isEnrolled"], false, "a user of its own");
}

#[tokio::test]
async fn what_it_says_about_the_user_is_kept() {
    let server = Server::start();
    let said = json!({ "email": "a@example.com", "phoneNumber": "+4470", "username": "ann" });
    server.track("u-1", said).await;
    let user = server.get("/users/u-1").secret().ok().await;
    assert_eq!(user["email"], "a@example.com");
    assert_eq!(user["phoneNumber"], "+4470");
    assert_eq!(user["username"], "ann");
}

#[tokio::test]
async fn every_active_secret_and_both_mounts_serve() {
    let server = Server::start();
    for path in ["/v1/users/u-1/actions/signIn", "/users/u-1/actions/signIn"] {
        let call = server.call_at(reqwest::Method::POST, path);
        call.with_secret(NEXT_SECRET).ok().await;
    }
}

#[tokio::test]
async fn a_caller_without_a_known_secret_is_refused() {
    let server = Server::start();
    let path = "/users/u-1/actions/signIn";
    server.post(path).refused(401, "unauthorized").await;
    for header in ["Basic", "Basic !", "Bearer x", "Basic ZGVtbzo=", "Basic ", "nonsense"] {
        server.post(path).header("Authorization", header).refused(401, "unauthorized").await;
    }
    for secret in ["demo", "first-secret-of-dem", "first-secret-of-demo2", ""] {
        server.post(path).with_secret(secret).refused(401, "unauthorized").await;
    }
    let user = server.get("/users/u-1/actions").secret().ok().await;
    assert_eq!(user, json!([]), "nothing was tracked");
}

#[tokio::test]
async fn what_is_no_name_is_refused() {
    let server = Server::start();
    for action in ["a.b", "a%20b", &"a".repeat(65), "%C3%BC"] {
        let call = server.post(&format!("/users/u-1/actions/{action}")).secret();
        call.refused(400, "invalid_request").await;
    }
    for body in [
        json!({ "idempotencyKey": "" }),
        json!({ "idempotencyKey": "k".repeat(129) }),
        json!({ "idempotencyKey": "é" }),
        json!({ "scope": "add:everything" }),
        json!({ "email": "x".repeat(257) }),
    ] {
        let call = server.post("/users/u-1/actions/signIn").secret().json(&body);
        call.refused(400, "invalid_request").await;
    }
}

#[tokio::test]
async fn a_page_returns_to_places_alone() {
    let server = Server::start();
    let track = |url: &str| {
        let body = json!({ "redirectUrl": url });
        server.post("/users/u-1/actions/signIn").secret().json(&body)
    };
    for place in ["https://shop.example/a?b=c", "http://localhost:3000", "shop-app://signed-in"] {
        track(place).ok().await;
    }
    for nowhere in
        ["javascript:alert(1)", "JavaScript:alert(1)", "intent://a#Intent;end", "/back", "//a", ""]
    {
        let answer = track(nowhere).send().await;
        // An empty text counts as an absent one.
        if nowhere.is_empty() {
            answer.ok();
        } else {
            answer.refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn the_quirks_of_the_sdks_are_understood() {
    let server = Server::start();
    let path = "/users/u-1/actions/signIn";
    // PHP sends no body although it declares JSON. .NET and Go send absent fields as null or false.
    server.post(path).secret().header("Content-Type", "application/json").ok().await;
    server.post(path).secret().ok().await;
    let go = json!({ "redirectToSettings": null, "custom": null, "email": null, "more": [1] });
    server.post(path).secret().json(&go).ok().await;
    server.post(path).secret().json(&json!({ "redirectToSettings": false })).ok().await;
    let typed =
        server.post(path).secret().header("Content-Type", "Application/JSON ; charset=utf-8");
    typed.body("{}").ok().await;
}

#[tokio::test]
async fn the_same_key_with_another_custom_is_refused_before_and_after_an_approval() {
    let server = Server::start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let track = |custom: &str| {
        let body = format!("{{\"idempotencyKey\":\"order-1\",\"custom\":{custom}}}");
        let call = server.post("/users/u-1/actions/pay").secret();
        call.header("Content-Type", "application/json").body(body)
    };
    let ten = r#"{"payee":"Bob","minor":1000}"#;
    let first = track(ten).ok().await;
    let token = first["token"].as_str().unwrap();
    for approved in [false, true] {
        if approved {
            let challenge = server.challenge(token).await;
            server.decide(&device, &challenge, true).ok().await;
        }
        for other in [
            r#"{"payee":"Bob","minor":99999900}"#,
            r#"{"payee":"Bob"}"#,
            r#"{"payee":"Bob","minor":1000,"more":null}"#,
            "{}",
        ] {
            let refusal = track(other).refused(409, "invalid_request").await;
            let said = refusal["errorDescription"].as_str().unwrap();
            assert!(said.starts_with("idempotencyKey: "), "{said}");
            assert!(refusal.get("challengeId").is_none(), "no challenge is in the way");
        }
        // Custom data with another key order or other escapes count as the same. Absent custom data
        // are not compared.
        for same in [ten, " { \"minor\" : 1000, \"pay\\u0065e\" : \"B\\u006fb\" }", "null"] {
            let again = track(same).ok().await;
            let state = if approved { "CHALLENGE_SUCCEEDED" } else { "CHALLENGE_REQUIRED" };
            assert_eq!(again["state"], state);
        }
    }
    assert_eq!(server.validate(token).ok().await["isValid"], true);
}

#[tokio::test]
async fn an_action_without_custom_is_not_given_one_by_its_key() {
    let server = Server::start();
    let track = |body: Value| server.post("/users/u-1/actions/pay").secret().json(&body);
    track(json!({ "idempotencyKey": "order-1" })).ok().await;
    track(json!({ "idempotencyKey": "order-1", "custom": {} })).ok().await;
    let other = track(json!({ "idempotencyKey": "order-1", "custom": { "minor": 1 } }));
    other.refused(409, "invalid_request").await;
    // With another idempotency key, the request tracks another order.
    track(json!({ "idempotencyKey": "order-2", "custom": { "minor": 1 } })).ok().await;
}

#[tokio::test]
async fn a_name_that_clients_take_out_of_a_path_is_refused() {
    let server = Server::start();
    for user in [".", ".."] {
        for (method, path) in [("POST", "/actions/signIn"), ("PATCH", ""), ("POST", "")] {
            // The request is written byte by byte, because the HTTP client of these tests would
            // remove the dots from the path.
            let answer = server.raw(&format!("{method} /v1/users/{user}{path}"), "", b"").await;
            answer.refused(400, "invalid_request");
            assert!(answer.text.contains("userId: must not be . or .."), "{}", answer.text);
        }
    }
    for key in [".", ".."] {
        let body = json!({ "idempotencyKey": key });
        let call = server.post("/users/u-1/actions/signIn").secret().json(&body);
        let refusal = call.refused(400, "invalid_request").await;
        assert_eq!(refusal["errorDescription"], "idempotencyKey: must not be . or ..");
    }
    for name in ["...", ".a", "a..", " ."] {
        let body = json!({ "idempotencyKey": name });
        let path = format!("/users/{}/actions/signIn", name.replace(' ', "%20"));
        server.post(&path).secret().json(&body).ok().await;
    }
}

/// The parser would read the first two numbers as the same double, so that the second request would
/// count as a repetition of the first.
#[tokio::test]
async fn a_number_that_would_change_is_refused_by_its_name() {
    let server = Server::start();
    for number in ["100000000000000000001", "100000000000000000002", "0.12345678901234567891"] {
        let body = format!(r#"{{"userId":"u-1","custom":{{"lines":[{{"points":{number}}}]}}}}"#);
        for call in [server.post("/users/u-1/actions/pay"), server.patch("/users/u-1")] {
            let call = call.secret().header("Content-Type", "application/json").body(body.clone());
            let refused = call.send().await;
            assert_eq!(refused.status, 400, "{}", refused.text);
            let refused: Value = serde_json::from_str(&refused.text).unwrap();
            assert_eq!(refused["reason"], "field_invalid", "{refused}");
            let told = refused["errorDescription"].as_str().unwrap();
            assert!(told.starts_with("custom.lines[0].points: "), "{told}");
        }
    }
    let kept = server.track("u-1", json!({ "custom": { "points": 18446744073709551615_u64 } }));
    assert!(kept.await["token"].is_string());
}

//! Tests of the Server API with other clients: snake case, empty lists for empty objects, byte
//! order marks, and addresses with ports. They also test the warnings about fields that the server
//! does not read.

use serde_json::{Value, json};

use crate::bad_bodies::{call, routes};
use crate::support::{Server, SignIn};

/// Converts a camel-case name to snake case: `userId` becomes `user_id`.
fn snake_case(name: &str) -> String {
    let spelt = |c: char| match c.is_ascii_uppercase() {
        true => format!("_{}", c.to_ascii_lowercase()),
        false => c.to_string(),
    };
    name.chars().map(spelt).collect()
}

fn respelt(body: &Value) -> Value {
    let members = body.as_object().unwrap().iter();
    members.map(|(name, value)| (snake_case(name), value.clone())).collect()
}

#[tokio::test]
async fn snake_case_is_as_good_as_camel_case_on_the_server_api() {
    let it = SignIn::start().await;
    for (who, method, path, good) in routes(&it).into_iter().filter(|(who, ..)| *who == "secret") {
        let camel = call(&it, who, &method, &path).json(&good).ok().await;
        let snake = call(&it, who, &method, &path).json(&respelt(&good)).ok().await;
        assert!(snake.get("warnings").is_none(), "{method} {path} {snake}");
        for (key, value) in camel.as_object().unwrap() {
            let differs = ["token", "url", "stateUpdatedAt"].contains(&key.as_str());
            assert!(differs || snake[key] == *value, "{method} {path} {key}: {snake}");
        }
    }
    let user = it.server.get("/users?phone_number=%2B1").secret().ok().await;
    assert_eq!(user["users"][0]["userId"], "u-9");
    let query =
        "/users?email=a%40x&phone_number=nobody&phoneNumber=%2B1&last_evaluated_user_id=u-8";
    assert_eq!(it.server.get(query).secret().ok().await["users"][0]["userId"], "u-9");
    let later = "/users/u-9/actions?from_date=2999-01-01T00%3A00%3A00Z";
    assert_eq!(it.server.get(later).secret().ok().await, json!([]));
}

#[tokio::test]
async fn a_token_of_another_user_is_not_valid_in_either_spelling() {
    let it = SignIn::start().await;
    it.decide(true).await;
    let valid = |body: Value| {
        let mut body = body;
        body["token"] = json!(it.token);
        it.server.post("/validate").secret().json(&body).ok()
    };
    for (body, expected) in [
        (json!({ "user_id": "u-1" }), true),
        (json!({ "user_id": "u-2" }), false),
        (json!({ "userId": "u-1", "user_id": "u-2" }), true),
        (json!({ "userId": "u-2", "user_id": "u-1" }), false),
        (json!({ "userId": null, "user_id": "u-2" }), false),
    ] {
        assert_eq!(valid(body.clone()).await["isValid"], expected, "{body}");
    }
}

#[tokio::test]
async fn only_the_server_api_takes_snake_case() {
    let it = SignIn::start().await;
    for (who, method, path, good) in routes(&it).into_iter().filter(|(who, ..)| *who != "secret") {
        let snake = respelt(&good);
        let takes_none = ["/client/challenge", "/client/challenge/push", "/client/leave/push"];
        if snake == good || takes_none.iter().any(|taken| path.ends_with(taken)) {
            continue;
        }
        let answer = call(&it, who, &method, &path).json(&snake).send().await;
        answer.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn what_is_in_custom_is_kept_as_it_was_sent() {
    let server = Server::start();
    let custom = json!({ "user_id": 1, "userId": 2, "a": { "b_c": [{ "d_e": 3 }] } });
    let body = json!({ "display_name": "Ann", "custom": custom });
    let user = server.patch("/users/u-1").secret().json(&body).ok().await;
    assert_eq!((&user["custom"], &user["displayName"]), (&custom, &json!("Ann")));
    assert!(user.get("warnings").is_none(), "{user}");
}

#[tokio::test]
async fn an_empty_list_is_an_empty_object_where_php_has_one() {
    let server = Server::start();
    server.track("u-1", json!({ "custom": [] })).await;
    let user = server.patch("/users/u-1").secret().json(&json!({ "custom": [] })).ok().await;
    assert_eq!(user["custom"], json!({}));
    for custom in [json!([1]), json!([[]]), json!(""), json!(false)] {
        let body = json!({ "custom": custom });
        server.patch("/users/u-1").secret().json(&body).refused(400, "invalid_request").await;
        let track = server.post("/users/u-1/actions/signIn").secret().json(&body);
        track.refused(400, "invalid_request").await;
    }
}

#[tokio::test]
async fn a_field_that_nobody_reads_is_named_in_the_answer() {
    let it = SignIn::start().await;
    for (who, method, path, good) in routes(&it).into_iter().filter(|(who, ..)| *who == "secret") {
        let mut body = good;
        body["emial"] = json!("somebody's");
        body["idempotency-key"] = json!("k");
        let answer = call(&it, who, &method, &path).json(&body).ok().await;
        let warnings = answer["warnings"].as_array().expect("a list");
        let named = |name: &str| {
            let text = format!("{name}: is not a field of this call");
            warnings.iter().any(|warning| *warning == text)
        };
        assert!(named("emial") && named("idempotency-key"), "{method} {path} {answer}");
        assert_eq!(warnings.len(), 2);
        assert!(!answer.to_string().contains("somebody's"), "a value is not repeated");
    }
    // The server does not read these fields of the contract, and does not warn about them.
    let body = json!({ "challengeId": "c", "custom_domain": "x", "crypto": null });
    assert!(it.server.track("u-1", body).await.get("warnings").is_none());
    // Requests of devices and browsers get no warnings, because their SDKs send extra fields.
    let body = json!({ "challengeId": it.challenge, "more": 1 });
    let verify = it.server.post("/client/verify/push").bearer(&it.token).json(&body);
    assert!(verify.ok().await.get("warnings").is_none());
}

#[tokio::test]
async fn a_byte_order_mark_is_no_part_of_a_body() {
    let it = SignIn::start().await;
    for (who, method, path, good) in routes(&it).into_iter().filter(|(who, ..)| *who == "secret") {
        let call = call(&it, who, &method, &path).header("Content-Type", "application/json");
        call.body(format!("\u{feff}{good}")).ok().await;
    }
    let decision = it.device.decision(&it.challenge, true);
    let call = it.server.post("/client/user-authenticators/push/challenge").tenant();
    let call = call.header("Content-Type", "application/json");
    call.body(format!("\u{feff}{decision}")).ok().await;
}

#[tokio::test]
async fn an_address_is_shown_without_its_port_and_a_chain_is_left_out() {
    let server = Server::start();
    let known = async |user: &str, address: &str| {
        let tracked = server.track(user, json!({ "ipAddress": address })).await;
        let actions = server.get(&format!("/users/{user}/actions")).secret().ok().await;
        (tracked["warnings"].clone(), actions[0]["ipAddress"].clone())
    };
    for (n, (sent, shown)) in [
        ("203.0.113.7:51234", "203.0.113.7"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8::1", "2001:db8::1"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(known(&format!("u-{n}"), sent).await, (Value::Null, json!(shown)), "{sent}");
    }
    for (n, sent) in
        ["203.0.113.7, 10.0.0.1", "unknown", "x\u{202e}", &"1".repeat(4000)].into_iter().enumerate()
    {
        let (warnings, shown) = known(&format!("v-{n}"), sent).await;
        assert_eq!(warnings, json!(["ipAddress: is not one address, and was left out"]));
        assert_eq!(shown, Value::Null, "{sent:.20}");
    }
}

#[tokio::test]
async fn an_address_or_a_name_is_taken_away_by_null_and_by_nothing_else() {
    let server = Server::start();
    let all = json!({
        "email": "A@x", "emailVerified": true, "phoneNumber": "+1", "phoneNumberVerified": true,
        "username": "ann", "displayName": "Ann", "locale": "en", "custom": { "a": 1 },
    });
    for (method, empty) in
        [("PATCH", json!(null)), ("POST", json!("")), ("PATCH", json!("")), ("POST", json!(null))]
    {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        server.patch("/users/u-1").secret().json(&all).ok().await;
        // An empty field of an action does not change the user.
        let track = json!({ "email": empty, "phoneNumber": empty, "username": empty });
        server.track("u-1", track).await;
        let user = server.get("/users/u-1").secret().ok().await;
        assert_eq!((&user["email"], &user["username"]), (&json!("A@x"), &json!("ann")));
        let clear = json!({
            "email": empty, "phone_number": empty, "username": empty, "displayName": empty,
            "locale": empty,
        });
        let left = server.call(method, "/users/u-1").secret().json(&clear).ok().await;
        let expected = json!({
            "emailVerified": false, "phoneNumberVerified": false, "locale": "en",
            "custom": { "a": 1 },
        });
        assert_eq!(left, expected, "{empty}");
        let found = server.get("/users?email=a%40x").secret().ok().await;
        assert_eq!(found, json!({ "users": [] }), "nor is the user found by it");
    }
}

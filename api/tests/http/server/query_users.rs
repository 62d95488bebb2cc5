//! Tests of `GET /users`.

use serde_json::{Value, json};

use crate::support::{OTHER_SECRET, Server, assert_keys};

fn ids(page: &Value) -> Vec<&str> {
    page["users"].as_array().unwrap().iter().map(|u| u["userId"].as_str().unwrap()).collect()
}

async fn with_users() -> Server {
    let server = Server::start();
    for (id, email, phone) in [("u-1", "a@x", "+1"), ("u-2", "a@x", "+2"), ("u-3", "c@x", "+1")] {
        let body = json!({ "email": email, "phoneNumber": phone, "username": id.to_uppercase() });
        server.patch(&format!("/users/{id}")).secret().json(&body).ok().await;
    }
    server
}

#[tokio::test]
async fn users_are_found_by_their_attributes() {
    let server = with_users().await;
    for (query, expected) in [
        ("email=a%40x", vec!["u-1", "u-2"]),
        ("phoneNumber=%2B1", vec!["u-1", "u-3"]),
        ("username=U-2", vec!["u-2"]),
        ("email=a%40x&phoneNumber=%2B1", vec!["u-1"]),
        ("email=nobody%40x", vec![]),
        ("email=A%40X", vec!["u-1", "u-2"]),
        ("username=u-2", vec![]),
    ] {
        let page = server.get(&format!("/users?{query}")).secret().ok().await;
        assert_eq!(ids(&page), expected, "{query}");
        assert!(page.get("lastEvaluatedUserId").is_none());
    }
    let page = server.get("/users?username=U-1").secret().ok().await;
    let keys =
        ["email", "emailVerified", "phoneNumber", "phoneNumberVerified", "userId", "username"];
    assert_keys(&page["users"][0], &keys);
}

#[tokio::test]
async fn a_full_page_says_where_the_next_begins() {
    let server = with_users().await;
    let page = server.get("/users?email=a%40x&limit=1").secret().ok().await;
    assert_eq!((ids(&page), &page["lastEvaluatedUserId"]), (vec!["u-1"], &json!("u-1")));
    let page = server.get("/users?email=a%40x&limit=5&lastEvaluatedUserId=u-1").secret().ok().await;
    assert_eq!(ids(&page), ["u-2"]);
    assert!(page.get("lastEvaluatedUserId").is_none());
}

#[tokio::test]
async fn a_tenant_finds_its_own_users_only() {
    let server = with_users().await;
    let page = server.get("/users?email=a%40x").with_secret(OTHER_SECRET).ok().await;
    assert_eq!(page, json!({ "users": [] }));
}

#[tokio::test]
async fn a_query_without_an_attribute_or_with_a_bad_limit_is_refused() {
    let server = Server::start();
    for query in ["", "?limit=5", "?email=", "?email=a&limit=0", "?email=a&limit=x", "?email=%0A"] {
        server.get(&format!("/users{query}")).secret().refused(400, "invalid_request").await;
    }
    server.get("/users?email=a").refused(401, "unauthorized").await;
}

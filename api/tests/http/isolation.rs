//! Tests of isolation between callers. The server sends the same bytes for an unknown object and
//! for one that belongs to another user, so that a caller without rights learns nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Call, Device, OTHER_SECRET, PUSH, Server, SignIn};

const NO_CHALLENGE: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const NO_AUTHENTICATOR: &str = "00000000-0000-4000-8000-000000000000";

/// Returns everything of a response that a caller can see, except the date.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| *name != "date")
        .map(|(name, value)| (name.to_string(), format!("{value:?}")))
        .collect();
    headers.sort();
    (answer.status, headers, answer.text.clone())
}

async fn assert_same(calls: impl IntoIterator<Item = Call>) {
    let mut first = None;
    for call in calls {
        let answer = call.send().await;
        assert!(answer.status < 500);
        let this = seen(&answer);
        assert_eq!(*first.get_or_insert_with(|| this.clone()), this);
    }
}

#[tokio::test]
async fn a_foreign_challenge_is_like_none_to_a_browser() {
    let it = SignIn::start().await;
    let ended = SignIn::on(Server::start(), Device::new()).await;
    ended.decide(true).await;
    for it in [&it, &ended] {
        let stranger = it.server.token("u-2").await;
        let elsewhere =
            it.server.post("/users/u-1/actions/signIn").with_secret(OTHER_SECRET).ok().await;
        for token in [stranger.as_str(), elsewhere["token"].as_str().unwrap()] {
            for path in ["/client/verify/push", "/client/cancel/push", "/client/leave/push"] {
                let call = |id: &str| {
                    let body = json!({ "challengeId": id });
                    it.server.post(path).bearer(token).wait(30).json(&body)
                };
                assert_same([call(&it.challenge), call(NO_CHALLENGE)]).await;
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_challenge_is_like_none_to_a_device() {
    for ended in [false, true] {
        let it = SignIn::start().await;
        if ended {
            it.decide(true).await;
        }
        let theirs = Device::new();
        it.server.enroll("u-2", &theirs).await;
        for approved in [true, false] {
            let call = |id: &str| it.server.decide(&theirs, id, approved);
            assert_same([call(&it.challenge), call(NO_CHALLENGE)]).await;
            // The result of the signature check does not depend on whether the challenge exists
            // either.
            let forged = |id: &str| {
                let mut body = theirs.decision(id, approved);
                body["signature"] = theirs.sign("another text").into();
                it.server.answer(&theirs, &body)
            };
            assert_same([forged(&it.challenge), forged(NO_CHALLENGE)]).await;
        }
    }
}

#[tokio::test]
async fn a_foreign_authenticator_is_like_none() {
    let it = SignIn::start().await;
    it.server.enroll("u-2", &Device::new()).await;
    let target = |id: &str| {
        let body = json!({ "userAuthenticatorId": id });
        let token = it.token.clone();
        it.server.post("/client/challenge/push").bearer(&token).json(&body)
    };
    let listed = it.server.get("/users/u-2/authenticators").secret().ok().await;
    let theirs = listed[0]["userAuthenticatorId"].as_str().unwrap();
    assert_same([target(theirs), target(NO_AUTHENTICATOR)]).await;
    let delete = |id: &str| {
        it.server.delete(&format!("/users/u-1/authenticators/{id}")).with_secret(OTHER_SECRET)
    };
    assert_same([delete(&it.authenticator), delete(NO_AUTHENTICATOR)]).await;
    let delete = |id: &str| it.server.delete(&format!("/users/u-3/authenticators/{id}")).secret();
    assert_same([delete(&it.authenticator), delete(theirs), delete(NO_AUTHENTICATOR)]).await;
}

#[tokio::test]
async fn a_foreign_key_is_like_none() {
    let it = SignIn::start().await;
    let unknown = Device::new();
    for (method, path) in [
        (Method::GET, ""),
        (Method::POST, "/challenge/sign"),
        (Method::GET, "/challenge"),
        (Method::POST, "/sign"),
    ] {
        let call = |device: &Device| {
            let path = format!("{PUSH}{path}?{}", device.query());
            it.server.call(method.clone(), &path).with_tenant("other")
        };
        assert_same([call(&it.device), call(&unknown)]).await;
    }
    for path in ["/challenge", "/remove"] {
        let call = |device: &Device| {
            let body = device.decision(&it.challenge, true);
            it.server.post(&format!("{PUSH}{path}")).with_tenant("other").json(&body)
        };
        assert_same([call(&it.device), call(&unknown)]).await;
    }
}

#[tokio::test]
async fn a_foreign_user_is_like_none_to_another_tenant() {
    let it = SignIn::start().await;
    let key = json!({ "idempotencyKey": "k-1", "email": "a@example.com" });
    it.server.track("u-1", key).await;
    let body = json!({ "state": "BLOCK" });
    for (method, path) in [
        (Method::GET, "/users/USER"),
        (Method::GET, "/users/USER/actions"),
        (Method::GET, "/users/USER/authenticators"),
        (Method::GET, "/users/USER/actions/signIn/k-1"),
        (Method::PATCH, "/users/USER/actions/signIn/k-1"),
        (Method::DELETE, "/users/USER"),
    ] {
        let call = |user: &str| {
            let call = it.server.call(method.clone(), &path.replace("USER", user));
            let call = call.with_secret(OTHER_SECRET);
            if method == Method::PATCH { call.json(&body) } else { call }
        };
        assert_same([call("u-1"), call("nobody")]).await;
    }
    let find =
        |email: &str| it.server.get(&format!("/users?email={email}")).with_secret(OTHER_SECRET);
    assert_same([find("a%40example.com"), find("b%40example.com")]).await;
}

#[tokio::test]
async fn a_wrong_secret_learns_nothing_of_what_is_behind_it() {
    let it = SignIn::start().await;
    let call = |path: &str| it.server.get(path).with_secret("a-secret-of-nobody");
    assert_same([call("/users/u-1"), call("/users/nobody")]).await;
    // A caller with an unknown secret gets the error about the secret, even if the request has
    // other errors.
    let path = "/users/u-1/actions/a.b";
    let bad = it.server.post(path).with_secret("a-secret-of-nobody").json(&Value::Null);
    bad.refused(401, "unauthorized").await;
}

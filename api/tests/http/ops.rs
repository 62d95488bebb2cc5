//! Tests of the operators' listener: metrics and health.

use reqwest::Method;
use serde_json::json;

use crate::support::{Device, Server, SignIn};

#[tokio::test]
async fn a_lifecycle_leaves_the_documented_metrics_and_no_id() {
    let it = SignIn::on(Server::start(), Device::new()).await;
    it.server.signed_pending(&it.device).await;
    it.decide(true).await;
    it.outcome().await;
    let metrics = it.server.operator_call(Method::GET, "/metrics").send().await;
    assert_eq!(metrics.status, 200);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4"));
    for line in [
        "countersign_actions_tracked_total{enrolled=\"true\"} ",
        "countersign_actors{kind=\"account\"} ",
        "countersign_actors{kind=\"challenge\"} ",
        "countersign_actors{kind=\"device\"} ",
        "countersign_challenge_seconds_count{outcome=\"approved\"} ",
        "countersign_challenges_issued_total ",
        "countersign_challenges_seen_total ",
        "countersign_decisions_verified_total ",
        "countersign_outcomes_total{outcome=\"approved\"} ",
        "countersign_verify_queue ",
        "countersign_verify_seconds_count{",
        "countersign_http_seconds_count{route=\"/v1/users/{user}/actions/{action}\",\
         method=\"POST\",status=\"200\"} ",
    ] {
        assert!(metrics.text.lines().any(|l| l.starts_with(line)), "{line}\n{}", metrics.text);
    }
    let key = it.device.public_key();
    for id in [&it.challenge, &it.authenticator, &it.token, &key, &key[40..80].to_owned()] {
        assert!(!metrics.text.contains(id.as_str()), "an id is no label");
    }
    assert!(!metrics.text.contains("u-1"), "a user is no label");
}

#[tokio::test]
async fn an_unknown_method_or_route_makes_no_label_of_its_own() {
    let server = Server::start();
    let odd = Method::from_bytes(b"ODDMETHOD").unwrap();
    server.call(odd, "/odd-route-of-a-scanner").refused(404, "invalid_request").await;
    let metrics = server.operator_call(Method::GET, "/metrics").send().await.text;
    assert!(!metrics.contains("ODDMETHOD") && !metrics.contains("odd-route"), "{metrics}");
}

#[tokio::test]
async fn a_running_server_is_live_and_ready() {
    let server = Server::start();
    let live = server.operator_call(Method::GET, "/health/live").ok().await;
    assert_eq!(live, json!({ "status": "live" }));
    let ready = server.operator_call(Method::GET, "/health/ready").ok().await;
    assert_eq!(ready, json!({ "status": "ready" }));
}

#[tokio::test]
async fn the_operators_listener_serves_nothing_else() {
    let server = Server::start();
    for path in ["/", "/v1/users/u-1", "/users/u-1"] {
        let call = server.operator_call(Method::GET, path).secret();
        call.refused(404, "invalid_request").await;
    }
}

#[tokio::test]
async fn an_operators_commands_need_the_key_of_this_start() {
    let server = Server::start();
    let account = "/operator/accounts/demo/u-1";
    let device = format!("{account}/devices/01010101-0101-4101-8101-010101010101");
    for (method, path) in [
        (Method::GET, account.to_owned()),
        (Method::POST, format!("{account}/release-hold")),
        (Method::DELETE, device),
    ] {
        let bare = server.operator_call(method.clone(), &path);
        bare.refused(401, "unauthorized").await;
        let other = server.operator_call(method.clone(), &path).bearer("another-key");
        other.refused(401, "unauthorized").await;
        let key = server.operator_key.expose().to_owned();
        let known = server.operator_call(method, &path).bearer(&key);
        known.refused(404, "invalid_request").await;
    }
    // The public listener does not have these routes.
    server.get(account).bearer(server.operator_key.expose()).refused(404, "invalid_request").await;
}

#[tokio::test]
async fn an_operator_sees_an_account_and_nothing_secret_of_it() {
    let it = SignIn::on(Server::start(), Device::new()).await;
    let call = it.server.operator_call(Method::GET, "/operator/accounts/demo/u-1");
    let shown = call.bearer(it.server.operator_key.expose()).ok().await;
    assert_eq!(shown["userId"], "u-1");
    assert_eq!(shown["counters"]["prompts"], 1);
    assert_eq!(shown["openChallenges"][0]["challengeId"], it.challenge.as_str());
    assert_eq!(shown["devices"][0]["userAuthenticatorId"], it.authenticator.as_str());
    assert!(!shown.to_string().contains(&it.device.public_key()[40..80]));
}

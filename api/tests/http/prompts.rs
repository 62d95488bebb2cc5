//! Tests of the limit on prompts for one user: status 429, with the time after which to retry.

use serde_json::json;

use crate::support::{Device, Hook, Setup, SignIn};

const PATH: &str = "/client/challenge/push";

#[tokio::test]
async fn the_sixth_challenge_without_an_approval_is_refused_with_the_time_to_come_again() {
    let it = SignIn::start().await;
    for _ in 2..=5 {
        it.server.challenge(&it.server.token("u-1").await).await;
    }
    let open = it.server.pending(&it.device).ok().await;
    let token = it.server.token("u-1").await;
    let refused = it.server.post(PATH).bearer(&token).send().await;
    let said = refused.refused(429, "too_many_requests");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((840..=900).contains(&seconds), "{seconds}");
    assert_eq!(said["errorDescription"], format!("the user is not asked for {seconds} s"));
    assert_eq!(it.server.pending(&it.device).ok().await, open, "what is open stays open");
    let id = open["challengeId"].as_str().unwrap();
    it.server.decide(&it.device, id, true).ok().await;
    it.server.challenge(&it.server.token("u-1").await).await;
}

#[tokio::test]
async fn another_user_is_asked_all_the_same() {
    let it = SignIn::start().await;
    for _ in 2..=5 {
        it.server.challenge(&it.token).await;
    }
    it.server.post(PATH).bearer(&it.token).refused(429, "too_many_requests").await;
    it.server.enroll("u-2", &Device::new()).await;
    it.server.challenge(&it.server.token("u-2").await).await;
}

#[tokio::test]
async fn after_a_denial_nobody_is_asked_for_half_a_minute() {
    let usual = Setup::default().set("tenants.0.push.denial_wait_seconds", "30");
    let it = SignIn::on(usual.start(), Device::new()).await;
    it.decide(false).await;
    let refused = it.server.post(PATH).bearer(&it.token).send().await;
    let said = refused.refused(429, "too_many_requests");
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds), "{seconds}");
    assert_eq!(said["errorDescription"], format!("the user is not asked for {seconds} s"));
}

#[tokio::test]
async fn a_challenge_is_notified_once() {
    let mut hook = Hook::listen().await;
    let server = Setup::told_by(&hook).start();
    server.enroll("u-1", &Device::new()).await;
    let token = server.token("u-1").await;
    for _ in 0..5 {
        hook.answer(200);
        let started = server.post(PATH).bearer(&token).json(&json!({})).ok().await;
        let call = hook.called().await;
        assert!(call.body.contains(started["challengeId"].as_str().unwrap()), "{call:?}");
    }
    server.post(PATH).bearer(&token).refused(429, "too_many_requests").await;
    assert!(hook.is_quiet(), "the refused one is not notified");
}

/// Configures a webhook at an address on which no server listens.
fn nowhere() -> Setup {
    Setup::default()
        .set("tenants.0.push.webhook_url", "http://127.0.0.1:1/hook")
        .set("tenants.0.push.webhook_allow_hosts", "127.0.0.1")
        .set("tenants.0.push.notifications_per_challenge_max", "1")
}

#[tokio::test]
async fn a_webhook_that_reaches_nobody_takes_no_prompt_and_shows_nothing() {
    let server = nowhere().start();
    let device = Device::new();
    server.enroll("u-1", &device).await;
    let token = server.token("u-1").await;
    let polling = server.pending(&device).wait(2).send();
    let asking = async {
        for _ in 0..6 {
            let call = server.post(PATH).bearer(&token).json(&json!({}));
            call.refused(400, "invalid_configuration").await;
        }
    };
    let (polled, ()) = tokio::join!(polling, asking);
    assert!(polled.ok().get("challengeId").is_none(), "it was offered to nobody");
}

#[tokio::test]
async fn a_webhook_that_answers_with_an_error_takes_a_prompt() {
    let hook = Hook::listen().await;
    let server = Setup::told_by(&hook).start();
    server.enroll("u-1", &Device::new()).await;
    let token = server.token("u-1").await;
    for _ in 0..5 {
        hook.answer(500);
        let call = server.post(PATH).bearer(&token).json(&json!({}));
        call.refused(400, "invalid_configuration").await;
    }
    server.post(PATH).bearer(&token).refused(429, "too_many_requests").await;
}

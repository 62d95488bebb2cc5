//! Tests of `POST /client/leave/push`.

use std::time::Duration;

use countersign_testkit::until;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::support::{Call, Device, Hook, Setup, SignIn};

/// Time after which the server has cancelled the challenge of a page that was left and has not
/// polled since.
const LEFT: Duration = Duration::from_secs(7);

/// Waits until the challenge is cancelled.
async fn cancelled(it: &SignIn) {
    let is_cancelled = async || (it.outcome().await["outcome"] == "cancelled").then_some(());
    let soon = timeout(LEFT, until("it is taken back", is_cancelled)).await;
    assert!(soon.is_ok(), "not within {LEFT:?}");
}

fn leave(it: &SignIn, token: &str, challenge: &str) -> Call {
    let body = json!({ "challengeId": challenge });
    it.server.post("/client/leave/push").bearer(token).json(&body)
}

/// Reports that the page was left, without naming a challenge. The server cancels the open
/// challenge of the token's action.
fn leave_all(it: &SignIn, token: &str) -> Call {
    it.server.post("/client/leave/push").bearer(token).json(&json!({}))
}

#[tokio::test]
async fn a_challenge_whose_page_was_left_is_taken_back() {
    let it = SignIn::start().await;
    assert_eq!(leave(&it, &it.token, &it.challenge).ok().await, json!({}));
    assert!(it.outcome().await.get("outcome").is_none(), "the page may be loaded again");
    cancelled(&it).await;
    it.server.decide(&it.device, &it.challenge, true).refused(400, "invalid_request").await;
    let told = leave(&it, &it.token, &it.challenge).ok().await;
    assert_eq!(told, json!({ "outcome": "cancelled" }));
}

#[tokio::test]
async fn a_challenge_whose_page_waits_again_stays_open() {
    let it = SignIn::start().await;
    leave(&it, &it.token, &it.challenge).ok().await;
    let again = it.server.verify(&it.token, &it.challenge).wait(30).send();
    let decided = async {
        sleep(LEFT).await;
        it.decide(true).await
    };
    let (again, decided) = tokio::join!(again, decided);
    assert_eq!(decided["isVerified"], true);
    assert_eq!(again.ok()["outcome"], "approved");
}

#[tokio::test]
async fn a_challenge_that_is_answered_after_its_page_was_left_keeps_its_end() {
    let it = SignIn::start().await;
    leave(&it, &it.token, &it.challenge).ok().await;
    it.decide(true).await;
    sleep(LEFT).await;
    assert_eq!(it.outcome().await["outcome"], "approved");
    assert_eq!(it.server.validate(&it.token).ok().await["isValid"], true);
}

#[tokio::test]
async fn only_the_token_of_its_action_leaves_it() {
    let it = SignIn::start().await;
    let stranger = it.server.token("u-2").await;
    let instance = it.server.token("u-1").await;
    for token in [stranger, instance] {
        leave(&it, &token, &it.challenge).refused(400, "invalid_request").await;
    }
    leave(&it, &it.token, &"a".repeat(32)).refused(400, "invalid_request").await;
    sleep(LEFT).await;
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");
}

#[tokio::test]
async fn pages_that_were_left_take_no_more_places_than_polls_may() {
    // Half of the eight permits are for polls, and a tenant gets half of those: two.
    let server = Setup::default().set("server.requests_in_flight_max", "8").start();
    let it = SignIn::on(server, Device::new()).await;
    leave(&it, &it.token, &it.challenge).ok().await;
    leave_all(&it, &it.server.token("u-2").await).ok().await;
    let refused = leave_all(&it, &it.server.token("u-3").await);
    refused.refused(503, "temporarily_unavailable").await;
    // The page may repeat its call. A repetition takes no further permit.
    for _ in 0..8 {
        assert_eq!(leave(&it, &it.token, &it.challenge).ok().await, json!({}));
    }
    cancelled(&it).await;
    for user in ["u-2", "u-3"] {
        let token = it.server.token(user).await;
        until("its place is given back", async || {
            (leave_all(&it, &token).send().await.status == 200).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_page_that_is_left_again_has_the_whole_time_to_come_back() {
    let it = SignIn::start().await;
    leave(&it, &it.token, &it.challenge).ok().await;
    // The page was loaded again twice. Each load begins a new period of five seconds, of which the
    // sleep uses three.
    sleep(Duration::from_secs(3)).await;
    leave(&it, &it.token, &it.challenge).ok().await;
    sleep(Duration::from_secs(3)).await;
    assert!(it.outcome().await.get("outcome").is_none(), "three seconds are not five");
    cancelled(&it).await;
}

#[tokio::test]
async fn a_page_that_is_left_before_it_knows_its_challenge_takes_it_back() {
    let mut hook = Hook::listen().await;
    let server = Setup::told_by(&hook).start();
    let phone = Device::new();
    server.enroll("u-1", &phone).await;
    let token = server.token("u-1").await;
    // The webhook has not responded yet, so the browser has no response to its start of the
    // challenge.
    let start = server.post("/client/challenge/push").bearer(&token).json(&json!({})).send();
    let told = async {
        hook.called().await;
        let left = server.post("/client/leave/push").bearer(&token).json(&json!({}));
        assert_eq!(left.ok().await, json!({}));
        hook.answer(200);
    };
    let (started, ()) = tokio::join!(start, told);
    let challenge = started.ok()["challengeId"].as_str().unwrap().to_owned();
    until("it is taken back", async || {
        (server.outcome(&token, &challenge).await["outcome"] == "cancelled").then_some(())
    })
    .await;
    server.decide(&phone, &challenge, true).refused(400, "invalid_request").await;
}

#[tokio::test]
async fn what_is_open_is_that_of_the_tokens_own_action() {
    let it = SignIn::start().await;
    let stranger = it.server.token("u-2").await;
    let instance = it.server.token("u-1").await;
    for token in [stranger, instance] {
        assert_eq!(leave_all(&it, &token).ok().await, json!({}));
    }
    sleep(LEFT).await;
    assert!(it.outcome().await.get("outcome").is_none(), "it is still open");
    // A waiting poll keeps the challenge open, because the page has come back.
    leave_all(&it, &it.token).ok().await;
    let again = it.server.verify(&it.token, &it.challenge).wait(30).send();
    let decided = async {
        sleep(LEFT).await;
        it.decide(true).await
    };
    let (again, _) = tokio::join!(again, decided);
    assert_eq!(again.ok()["outcome"], "approved");
}

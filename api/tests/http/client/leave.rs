//! `POST /client/leave/push`.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::support::{Call, Setup, SignIn};

/// Longer than a page that is loaded again may take until it polls.
const LEFT: Duration = Duration::from_secs(7);

fn leave(it: &SignIn, token: &str, challenge: &str) -> Call {
    let body = json!({ "challengeId": challenge });
    it.server.post("/client/leave/push").bearer(token).json(&body)
}

#[tokio::test]
async fn a_challenge_whose_page_was_left_is_taken_back() {
    let it = SignIn::start().await;
    assert_eq!(leave(&it, &it.token, &it.challenge).ok().await, json!({}));
    assert!(it.outcome().await.get("outcome").is_none(), "the page may be loaded again");
    sleep(LEFT).await;
    assert_eq!(it.outcome().await["outcome"], "cancelled");
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
    // Half of eight places are for polls, and half of those for one tenant's.
    let server = Setup::default().set("server.requests_in_flight_max", "8").start();
    let it = SignIn::on(server, crate::support::Device::new()).await;
    for _ in 0..2 {
        leave(&it, &it.token, &it.challenge).ok().await;
    }
    let refused = leave(&it, &it.token, &it.challenge);
    refused.refused(503, "temporarily_unavailable").await;
    sleep(LEFT).await;
    assert_eq!(it.outcome().await["outcome"], "cancelled");
}

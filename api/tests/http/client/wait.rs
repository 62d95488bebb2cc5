//! Tests of `POST /client/wait/push`.

use serde_json::{Value, json};
use tokio::time::timeout;

use crate::long_poll::{SOON, park, told};
use crate::support::{Call, Device, Server, Setup, SignIn};

fn wait(server: &Server, waits: &[(&str, &str)]) -> Call {
    let each = waits.iter().map(|(token, id)| json!({ "token": token, "challengeId": id }));
    server.post("/client/wait/push").json(&json!({ "waits": each.collect::<Vec<_>>() }))
}

/// Enrolls a phone for another user and starts a challenge. Returns the device, the token and the
/// challenge's id.
async fn another(server: &Server, user: &str) -> (Device, String, String) {
    let device = Device::new();
    server.enroll(user, &device).await;
    let token = server.token(user).await;
    let challenge = server.challenge(&token).await;
    (device, token, challenge)
}

#[tokio::test]
async fn one_poll_hears_of_whichever_challenge_ends() {
    let it = SignIn::start().await;
    let (device, token, challenge) = another(&it.server, "u-2").await;
    let waits = [(&*it.token, &*it.challenge), (&*token, &*challenge)];
    assert_eq!(wait(&it.server, &waits).ok().await, json!({ "answers": [] }));
    let held = wait(&it.server, &waits).wait(30).send();
    let decided = async { it.server.decide(&device, &challenge, true).ok().await };
    let (held, _) = tokio::join!(held, decided);
    assert_eq!(held.header("preference-applied"), Some("wait=30"));
    let answers = held.ok()["answers"].clone();
    assert_eq!(answers.as_array().unwrap().len(), 1, "{answers}");
    assert_eq!(answers[0]["challengeId"], *challenge);
    assert_eq!(answers[0]["outcome"], "approved");
    let verified = it.server.outcome(&token, &challenge).await;
    for name in ["isVerified", "isConsumed", "expiresAt"] {
        assert_eq!(answers[0][name], verified[name], "{name}");
    }
    let earned = answers[0]["accessToken"].as_str().unwrap();
    assert_eq!(it.server.validate(earned).ok().await["userId"], "u-2");
}

#[tokio::test]
async fn without_a_wait_all_that_have_ended_are_told() {
    let it = SignIn::start().await;
    let (device, token, challenge) = another(&it.server, "u-2").await;
    it.server.decide(&device, &challenge, false).ok().await;
    it.decide(true).await;
    let waits = [(&*it.token, &*it.challenge), (&*token, &*challenge)];
    let answers = wait(&it.server, &waits).ok().await["answers"].clone();
    let mut outcomes: Vec<_> = answers.as_array().unwrap().iter().map(|a| &a["outcome"]).collect();
    outcomes.sort_by_key(|o| o.to_string());
    assert_eq!(outcomes, [&json!("approved"), &json!("denied")]);
}

#[tokio::test]
async fn each_challenge_needs_the_token_of_its_own_action() {
    let it = SignIn::start().await;
    let (_, theirs, challenge) = another(&it.server, "u-2").await;
    let forged = "a.b.c";
    let waits = [(&*it.token, &*challenge), (forged, &*it.challenge), (&*theirs, "x y")];
    let call = wait(&it.server, &waits).wait(30);
    let answers = call.ok().await["answers"].clone();
    let mut codes: Vec<_> = answers.as_array().unwrap().iter().map(code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["invalid_request", "invalid_request", "invalid_token"]);
    let all = answers.to_string();
    assert!(!all.contains("u-2") && !all.contains("outcome"), "{all}");
}

fn code(answer: &Value) -> &str {
    answer["errorCode"].as_str().unwrap()
}

#[tokio::test]
async fn a_poll_waits_for_something_and_not_for_too_much() {
    let it = SignIn::start().await;
    let ids: Vec<_> = (0..9).map(|n| format!("{n:032}")).collect();
    let waits: Vec<_> = ids.iter().map(|id| (&*it.token, &**id)).collect();
    let answers = wait(&it.server, &waits[..8]).ok().await["answers"].clone();
    assert_eq!(answers.as_array().unwrap().len(), 8, "each is refused by itself: {answers}");
    for waits in [&[][..], &waits] {
        wait(&it.server, waits).refused(400, "invalid_request").await;
    }
    it.server.post("/client/wait/push").json(&json!({})).refused(400, "invalid_request").await;
}

#[tokio::test]
async fn a_challenge_is_waited_for_once() {
    let it = SignIn::start().await;
    let (_, token, challenge) = another(&it.server, "u-2").await;
    let [one, other] = [(&*it.token, &*it.challenge), (&*token, &*challenge)];
    for waits in [&[one, one][..], &[one, other, one], &[one, (&token, &it.challenge)]] {
        wait(&it.server, waits).wait(30).refused(400, "invalid_request").await;
    }
    wait(&it.server, &[one, other]).ok().await;
}

#[tokio::test]
async fn a_poll_takes_one_place_to_wait_however_many_challenges_it_names() {
    // Half of the twelve permits are for polls, and a tenant gets half of those: three.
    let server = Setup::default().set("server.requests_in_flight_max", "12").start();
    let it = SignIn::on(server, Device::new()).await;
    let (_, second, second_challenge) = another(&it.server, "u-2").await;
    let (_, third, third_challenge) = another(&it.server, "u-3").await;
    let waits = [
        (&*it.token, &*it.challenge),
        (&*second, &*second_challenge),
        (&*third, &*third_challenge),
    ];
    // Three polls take the tenant's three permits, so a fourth cannot wait.
    let (early, parked) = park(3, || wait(&it.server, &waits)).await;
    assert_eq!(early.header("retry-after"), Some("1"));
    assert_eq!(early.ok(), json!({ "answers": [] }));
    it.decide(true).await;
    for answer in told(parked).await {
        assert_eq!(answer.header("retry-after"), None);
        assert_eq!(answer.ok()["answers"][0]["outcome"], "approved");
    }
    // The three permits are free again.
    let (early, parked) = park(3, || wait(&it.server, &waits[1..])).await;
    assert_eq!(early.header("retry-after"), Some("1"));
    it.server.cancel(&third, &third_challenge).ok().await;
    assert_eq!(told(parked).await.len(), 3);
}

#[tokio::test]
async fn crowded_polls_of_one_user_leave_their_tenants_places_to_others() {
    // Half of the 24 permits are for polls, and a tenant gets half of those: six.
    let server = Setup::default().set("server.requests_in_flight_max", "24").start();
    let it = SignIn::on(server, Device::new()).await;
    let pay = it.server.post("/users/u-1/actions/pay").secret().ok().await;
    let pay = pay["token"].as_str().unwrap();
    let payment = it.server.challenge(pay).await;
    let waits = [(&*it.token, &*it.challenge), (pay, &*payment)];
    // At most four polls may wait for one challenge. Each of them takes one permit. The further
    // polls return their permits at once.
    let (early, theirs) = park(4, || wait(&it.server, &waits)).await;
    assert_eq!(early.header("retry-after"), Some("1"));
    let (_, token, challenge) = another(&it.server, "u-2").await;
    let other = tokio::spawn(it.server.verify(&token, &challenge).wait(30).send());
    for _ in 0..8 {
        let crowded = wait(&it.server, &waits).wait(30).send();
        let crowded = timeout(SOON, crowded).await.expect("it cannot wait");
        assert_eq!(crowded.header("retry-after"), Some("1"));
    }
    it.server.cancel(&token, &challenge).ok().await;
    let other = timeout(SOON, other).await.expect("it was told").unwrap();
    assert_eq!(other.header("retry-after"), None, "it waited");
    assert_eq!(other.ok()["outcome"], "cancelled");
    it.decide(true).await;
    for answer in told(theirs).await {
        assert_eq!(answer.ok()["answers"][0]["outcome"], "approved");
    }
}

//! Tests of the default limits with the official apps. The clock is advanced by hand.

use std::sync::Arc;

use countersign_testkit::clock::ManualClock;

use crate::support::{Device, Dialect, Setup, SignIn};

const PATH: &str = "/client/challenge/push";

/// Starts a challenge for a phone of this platform. Returns it with the clock of its server.
async fn asked(dialect: Dialect) -> (SignIn, Arc<ManualClock>) {
    let clock = ManualClock::running();
    let setup = Setup::default().unset("tenants.0.push.denial_wait_seconds");
    (SignIn::on(setup.start_at(clock.clone()), Device::of(dialect)).await, clock)
}

/// Starts a further challenge, which the server must refuse. Returns the seconds in `Retry-After`.
async fn refused(it: &SignIn) -> u64 {
    let refused = it.server.post(PATH).bearer(&it.token).send().await;
    refused.refused(429, "too_many_requests");
    refused.header("retry-after").unwrap().parse().unwrap()
}

#[tokio::test]
async fn after_a_denial_nobody_is_asked_for_half_a_minute_and_then_somebody_is() {
    for dialect in [Dialect::Android, Dialect::Ios] {
        let (mut it, clock) = asked(dialect).await;
        assert_eq!(it.decide(false).await["isVerified"], false);
        let seconds = refused(&it).await;
        assert!((25..=30).contains(&seconds), "{seconds}");
        clock.pass(1000 * seconds);
        it.challenge = it.server.challenge(&it.token).await;
        assert_eq!(it.decide(true).await["isVerified"], true);
        assert_eq!(it.outcome().await["isVerified"], true);
    }
}

#[tokio::test]
async fn the_second_denial_doubles_the_wait_and_an_approval_forgets_both() {
    let (mut it, clock) = asked(Dialect::Ios).await;
    it.decide(false).await;
    clock.pass(1000 * refused(&it).await);
    it.challenge = it.server.challenge(&it.token).await;
    it.decide(false).await;
    let seconds = refused(&it).await;
    assert!((55..=60).contains(&seconds), "{seconds}");
    clock.pass(1000 * seconds);
    it.challenge = it.server.challenge(&it.token).await;
    it.decide(true).await;
    it.token = it.server.token("u-1").await;
    it.challenge = it.server.challenge(&it.token).await;
    it.decide(false).await;
    let seconds = refused(&it).await;
    assert!((25..=30).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn the_sixth_prompt_in_a_quarter_of_an_hour_waits_until_the_first_is_as_old() {
    let (mut it, clock) = asked(Dialect::Android).await;
    for _ in 2..=5 {
        clock.pass(1000 * 60);
        it.challenge = it.server.challenge(&it.token).await;
    }
    let seconds = refused(&it).await;
    assert!((655..=660).contains(&seconds), "{seconds}");
    clock.pass(1000 * seconds);
    it.token = it.server.token("u-1").await;
    it.challenge = it.server.challenge(&it.token).await;
    assert_eq!(it.decide(true).await["isVerified"], true);
}

//! Tests of event calls: their content, and one call for each attempt. The outbox decides on
//! further attempts.

use std::sync::Arc;

use countersign_core::challenge::{Challenge, Ended};
use countersign_core::event::Event;
use countersign_core::id::{AuthenticatorId, TenantId};
use countersign_core::outcome::Outcome;
use countersign_engine::delivery::{Webhook, WebhookSettings};
use countersign_engine::ports::Delivery;
use countersign_testkit::clock::{Apart, ManualClock};

use crate::support::{Behaviour, NOW, Server, issued, settings, status};

fn reported() -> Event {
    let ended = Ended {
        outcome: Outcome::Reported,
        at: NOW,
        by: Some(AuthenticatorId::from_entropy([7; 16])),
        signature: Some(vec![1]),
    };
    Event::of_end(&Challenge {
        ended: Some(ended),
        ..Challenge::clone(&issued(None, None).challenge)
    })
    .unwrap()
}

fn webhook(server: &Server) -> Webhook {
    Webhook::new(settings(&server.url(), &["127.0.0.1"])).unwrap()
}

#[tokio::test]
async fn a_report_is_told_with_exactly_the_documented_fields() {
    let server = Server::start(status(200)).await;
    webhook(&server).tell(&reported()).await.unwrap();
    let requests = server.requests();
    let [request] = &*requests else { panic!("one request: {requests:?}") };
    let expected = concat!(
        r#"{"version":1,"id":"20550fa9-86ed-8034-81b2-92c8a423af56","#,
        r#""source":"https://countersign.example","time":"2025-01-01T00:00:00.123Z","#,
        r#""tenantId":"t-1","type":"push.reported","#,
        r#""data":{"challengeId":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","userId":"u-\"1\"","#,
        r#""idempotencyKey":"k-1","actionCode":"signIn","#,
        r#""userAuthenticatorId":"07070707-0707-4707-8707-070707070707"}}"#
    );
    assert_eq!(request.body, expected);
    assert!(request.header("x-signature-v2").starts_with("t=1735689600,v2="));
}

#[tokio::test]
async fn an_event_that_is_not_accepted_is_told_by_one_call_that_says_so() {
    for behaviour in [status(500), status(302), Behaviour::Close] {
        let server = Server::start(behaviour).await;
        assert!(webhook(&server).tell(&reported()).await.is_err());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn an_event_told_again_has_the_same_body_and_a_signature_of_its_moment() {
    let server = Server::start(status(200)).await;
    let clock = ManualClock::at(NOW);
    let settings =
        WebhookSettings { clock: clock.clone(), ..settings(&server.url(), &["127.0.0.1"]) };
    let webhook = Webhook::new(settings).unwrap();
    for _ in 0..3 {
        webhook.tell(&reported()).await.unwrap();
        clock.pass(30_000);
    }
    let requests = server.requests();
    assert!(requests.iter().all(|request| request.body == requests[0].body));
    let times: Vec<_> = requests
        .iter()
        .map(|request| request.header("x-signature-v2").split(',').next().unwrap().to_owned())
        .collect();
    assert_eq!(times, ["t=1735689600", "t=1735689630", "t=1735689660"]);
}

#[tokio::test]
async fn times_of_a_webhook_follow_the_wall_clock() {
    const HOURS: u64 = 5 * 3_600_000;
    for (wall, seconds, time) in [
        (NOW.plus_ms(HOURS), 1_735_707_600, "2025-01-01T05:00:00.123Z"),
        (NOW.minus_ms(HOURS), 1_735_671_600, "2024-12-31T19:00:00.123Z"),
    ] {
        let server = Server::start(status(200)).await;
        let clock = Arc::new(Apart { now: NOW, wall });
        let settings = WebhookSettings { clock, ..settings(&server.url(), &["127.0.0.1"]) };
        Webhook::new(settings).unwrap().tell(&reported()).await.unwrap();
        let requests = server.requests();
        let request = &requests[0];
        assert!(request.header("x-signature-v2").starts_with(&format!("t={seconds},")));
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["time"], time);
    }
}

#[tokio::test]
async fn another_tenants_event_is_not_told() {
    let server = Server::start(status(200)).await;
    let mut foreign = reported();
    foreign.account.tenant = TenantId::parse("t-2").unwrap();
    assert!(webhook(&server).tell(&foreign).await.is_err());
    assert_eq!(server.connections(), 0);
}

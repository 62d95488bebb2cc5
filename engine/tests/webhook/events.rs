//! Events: what they say, and how often they are told.

use std::time::Duration;

use countersign_core::challenge::{Challenge, Ended, Outcome};
use countersign_core::id::{AuthenticatorId, TenantId};
use countersign_engine::delivery::{EVENT_RETRY_MS, Webhook};
use countersign_engine::ports::Delivery;
use countersign_engine::ports::delivery::Event;

use crate::support::{Behaviour, NOW, Server, issued, settings, status};

fn reported() -> Challenge {
    let ended = Ended {
        outcome: Outcome::Reported,
        at: NOW,
        by: Some(AuthenticatorId::from_entropy([7; 16])),
        signature: Some(vec![1]),
    };
    Challenge { ended: Some(ended), ..issued(None, None).challenge }
}

fn webhook(server: &Server) -> Webhook {
    let webhook = Webhook::new(settings(&server.url(), &["127.0.0.1"])).unwrap();
    webhook.with_event_retry(Duration::ZERO)
}

#[tokio::test]
async fn a_report_is_told_with_exactly_the_documented_fields() {
    let server = Server::start(status(200)).await;
    webhook(&server).tell(&Event::Reported(reported())).await;
    let requests = server.requests();
    let [request] = &*requests else { panic!("one request: {requests:?}") };
    let expected = concat!(
        r#"{"version":1,"id":"07070707-0707-4707-8707-070707070707","#,
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
async fn an_event_that_is_not_accepted_is_told_three_times_with_the_same_id() {
    for behaviour in [status(500), status(302), Behaviour::Close] {
        let server = Server::start(behaviour).await;
        webhook(&server).tell(&Event::Reported(reported())).await;
        let requests = server.requests();
        assert_eq!(requests.len(), 3);
        assert!(requests.iter().all(|request| request.body == requests[0].body));
    }
}

#[test]
fn calls_about_an_event_are_half_a_minute_apart() {
    assert_eq!(EVENT_RETRY_MS, 30_000);
}

#[tokio::test]
async fn another_tenants_event_is_not_told() {
    let server = Server::start(status(200)).await;
    let mut foreign = reported();
    foreign.account.tenant = TenantId::parse("t-2").unwrap();
    webhook(&server).tell(&Event::Reported(foreign)).await;
    assert_eq!(server.connections(), 0);
}

//! Tests of the moment at which a challenge is offered: after the connection is made, and before
//! the notification is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use countersign_engine::delivery::{Lookup, Webhook};
use countersign_engine::ports::Delivery;
use countersign_engine::ports::delivery::{NotOffered, Offering};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::{Behaviour, Server, issued, lookup, offered, settings, status};

/// Makes an offering with a flag that is set when the offering begins.
fn watched() -> (Offering, Arc<AtomicBool>) {
    let begun = Arc::new(AtomicBool::new(false));
    let begin = begun.clone();
    let offering = async move {
        begin.store(true, Ordering::SeqCst);
        Ok(())
    };
    (Box::pin(offering), begun)
}

/// Makes a call. Returns whether it offered the challenge, and its result.
async fn offers(webhook: &Webhook) -> (bool, Result<(), String>) {
    let (offering, begun) = watched();
    let answer = webhook.deliver(&issued(None, None), offering).await;
    (begun.load(Ordering::SeqCst), answer.map(drop).map_err(|error| error.to_string()))
}

fn webhook(server: &Server) -> Webhook {
    Webhook::new(settings(&server.url(), &["127.0.0.1"])).unwrap()
}

#[tokio::test]
async fn what_reaches_nobody_is_not_offered() {
    let refuses = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let allow = |url: &str| settings(url, &["127.0.0.1", "hook.test"]);
    let nowhere: Lookup = Arc::new(|_| Box::pin(async { Ok(Vec::new()) }));
    let plain = Server::start(Behaviour::Greet("220 this is no TLS\r\n")).await;
    let silent = Server::start(Behaviour::Hang).await;
    let https = |server: &Server| format!("https://127.0.0.1:{}/", server.port);
    let cases = [
        ("refused", Webhook::new(allow(&format!("http://{refuses}/"))).unwrap()),
        ("unresolved", Webhook::with_lookup(allow("https://hook.test/"), nowhere).unwrap()),
        ("no TLS", Webhook::new(allow(&https(&plain))).unwrap()),
        ("no end of TLS", Webhook::new(allow(&https(&silent))).unwrap()),
        (
            "not to be called",
            Webhook::with_lookup(settings("https://hook.test/", &[]), lookup(&["10.0.0.1"]))
                .unwrap(),
        ),
    ];
    for (case, webhook) in cases {
        let webhook = webhook.with_deadline(Duration::from_millis(500));
        let (begun, answer) = offers(&webhook).await;
        assert!(!begun && answer.is_err(), "{case}: {answer:?}");
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_offered() {
    for behaviour in [status(200), status(500), status(503), Behaviour::Close, Behaviour::Hang] {
        let server = Server::start(behaviour).await;
        let (begun, _) = offers(&webhook(&server).with_deadline(Duration::from_millis(500))).await;
        assert!(begun);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_said_before_it_is_offered() {
    let server = Server::start(status(200)).await;
    let (pass, passed) = oneshot::channel();
    let (begin, begun) = oneshot::channel();
    let offering = async move {
        begin.send(()).unwrap();
        passed.await.unwrap()
    };
    let webhook = webhook(&server);
    let told = webhook.deliver(&issued(None, None), Box::pin(offering));
    let passing = async {
        begun.await.unwrap();
        assert!(server.requests().is_empty(), "it is not told of yet");
        pass.send(Ok(())).unwrap();
    };
    let (answer, ()) = tokio::join!(told, passing);
    answer.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_offered_is_not_told_and_not_repeated() {
    let server = Server::start(status(200)).await;
    let webhook = webhook(&server);
    let refused = webhook.deliver(&issued(None, None), Box::pin(async { Err(NotOffered) })).await;
    let error = refused.unwrap_err();
    assert_eq!(error.reason, "the challenge ended before the webhook was told of it");
    assert!(!error.passing);
    assert!(server.requests().is_empty());
    // The next call is sent, on a new connection.
    webhook.deliver(&issued(None, None), offered()).await.unwrap();
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn by_a_connection_that_is_used_again_each_is_offered() {
    let server = Server::start(status(200)).await;
    let webhook = webhook(&server);
    for _ in 0..3 {
        assert_eq!(offers(&webhook).await, (true, Ok(())));
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 3));
}

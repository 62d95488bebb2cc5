//! Tests of endless responses: the webhook stops reading early, and closes the connection.

use std::net::Ipv4Addr;
use std::time::Duration;

use countersign_engine::delivery::Webhook;
use countersign_engine::ports::Delivery;
use countersign_testkit::hook::Request;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::support::{Behaviour, Server, issued, offered, settings};

/// Longest time until an endpoint notices that its connection is closed.
const SOON: Duration = Duration::from_secs(20);
/// Number of pieces after which an endpoint stops if the webhook does not close the connection.
const PIECES_MAX: usize = 200_000;
/// Largest number of interim responses that an endpoint can send before its connection is closed.
/// Some are still under way when the webhook stops reading.
const INTERIM_SENT_MAX: usize = 1_000;
/// Pause between two small pieces, because the system needs a moment to pass each piece on.
const PAUSE: Duration = Duration::from_millis(1);
const SMALL_BYTES: usize = 100;
/// Largest number of bytes that an endpoint can send before its connection is closed: those that
/// the webhook reads, and those that the system buffers.
const BYTES_SENT_MAX: usize = 8 << 20;
const TOO_LONG: &str = "the webhook's answer is longer than an answer may be";

/// Starts an endpoint whose response begins with `first` and then repeats `again`. It returns the
/// number of repetitions that it could send.
async fn endless(first: &'static str, again: String) -> (u16, JoinHandle<usize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        Request::read(&mut stream).await.unwrap();
        stream.write_all(first.as_bytes()).await.unwrap();
        for sent in 0..PIECES_MAX {
            if stream.write_all(again.as_bytes()).await.is_err() {
                return sent;
            }
            // Lets the client run after each piece.
            match again.len() {
                ..SMALL_BYTES => tokio::time::sleep(PAUSE).await,
                SMALL_BYTES.. => tokio::task::yield_now().await,
            }
        }
        PIECES_MAX
    });
    (port, serving)
}

fn webhook(port: u16) -> Webhook {
    Webhook::new(settings(&format!("http://127.0.0.1:{port}/"), &["127.0.0.1"])).unwrap()
}

/// Makes a call. Returns its result, and the number of pieces that the endpoint could send.
async fn called(first: &'static str, again: impl Into<String>) -> (Result<(), String>, usize) {
    let (port, serving) = endless(first, again.into()).await;
    let webhook = webhook(port);
    let answer = webhook.deliver(&issued(None, None), offered()).await;
    if let Err(error) = &answer {
        assert!(!error.passing, "another call would meet the same: {error}");
    }
    let sent = timeout(SOON, serving).await.expect("its connection is closed").unwrap();
    (answer.map(drop).map_err(|error| error.to_string()), sent)
}

#[tokio::test]
async fn a_stream_of_interim_answers_is_given_up_after_a_few() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    ] {
        let (answer, sent) = called("", interim).await;
        assert_eq!(answer, Err(TOO_LONG.to_owned()), "{interim}");
        assert!(sent < INTERIM_SENT_MAX, "{sent} of {interim}");
    }
}

#[tokio::test]
async fn interim_answers_in_one_piece_are_given_up_too() {
    let many = "HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000);
    let (answer, sent) = called("", many.as_str()).await;
    assert_eq!(answer, Err(TOO_LONG.to_owned()));
    assert!(sent * many.len() < BYTES_SENT_MAX, "{sent} pieces of {} bytes", many.len());
}

#[tokio::test]
async fn a_few_interim_answers_come_before_an_acceptance() {
    for (interim, is_accepted) in [(1, true), (8, true), (9, false)] {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n".repeat(interim);
        let answer = format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let server = Server::start(Behaviour::Answer(answer)).await;
        let answer = webhook(server.port).deliver(&issued(None, None), offered()).await;
        assert_eq!(answer.is_ok(), is_accepted, "{answer:?}");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_given_up() {
    let header = format!("X: {}\r\n", "y".repeat(1_000));
    for (first, again) in [
        ("HTTP/1.1 200 ", "O".repeat(1_000)),
        ("HTTP/1.1 200 OK\r\nX: ", "y".repeat(1_000)),
        ("HTTP/1.1 200 OK\r\n", header),
        ("HTTP/1.1 200 OK\r\n", "X: y\r\n".repeat(100)),
    ] {
        let (answer, sent) = called(first, again.as_str()).await;
        assert_eq!(answer, Err(TOO_LONG.to_owned()), "{first}");
        assert!(sent * again.len() < BYTES_SENT_MAX, "{sent} pieces after {first}");
    }
}

#[tokio::test]
async fn nothing_without_an_end_is_read_behind_a_status() {
    let chunk = format!("3e8\r\n{}\r\n", "y".repeat(1_000));
    let trailer = format!("X: {}\r\n", "y".repeat(1_000));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (first, again) in [
        ("HTTP/1.1 200 OK\r\n\r\n", "y".repeat(1_000)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n", "y".repeat(1_000)),
        (chunked, chunk),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", trailer),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;", "y".repeat(1_000)),
        // More than one response to one request.
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n".to_owned()),
    ] {
        let (answer, sent) = called(first, again.as_str()).await;
        assert_eq!(answer, Ok(()), "{first}");
        assert!(sent * again.len() < BYTES_SENT_MAX, "{sent} pieces after {first}");
    }
}

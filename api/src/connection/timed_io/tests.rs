//! Tests of a connection's deadlines and of its reads, with a paused clock.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;

use super::super::take_deadline::TAKE_SILENCE;
use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const POST: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 3145728\r\n\r\n";
const HEAD: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);

fn pair(pipe_bytes: usize) -> (DuplexStream, TimedIo<DuplexStream>) {
    let (peer, io) = duplex(pipe_bytes);
    let patience = Patience { head: HEAD, silence: SILENCE };
    (peer, TimedIo::new(io, patience, Load::new(1 << 20)))
}

/// Reads the bytes that are passed on without a wait.
async fn handed_over(connection: &mut TimedIo<DuplexStream>) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 16];
    let read = timeout(SECOND, connection.read(&mut bytes)).await.expect("something is");
    bytes.truncate(read.unwrap());
    bytes
}

/// Returns true if neither bytes nor the end are passed on.
async fn nothing_is_handed_over(connection: &mut TimedIo<DuplexStream>) -> bool {
    timeout(SECOND, connection.read_u8()).await.is_err()
}

/// Sends a byte from `peer` every second, and ignores errors, until a read of `connection` fails.
/// Returns the time until then.
async fn drip(peer: &mut DuplexStream, connection: &mut TimedIo<DuplexStream>) -> Duration {
    let start = Instant::now();
    let dripping = async {
        while peer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(SECOND).await;
        }
        std::future::pending().await
    };
    let reading = async {
        loop {
            if let Err(error) = connection.read_u8().await {
                break error.kind();
            }
        }
    };
    let kind = tokio::select! { kind = reading => kind, () = dripping => unreachable!() };
    assert_eq!(kind, io::ErrorKind::TimedOut);
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_head_that_drips_in_is_refused_in_its_time() {
    let (mut peer, mut connection) = pair(4096);
    let held = drip(&mut peer, &mut connection).await;
    assert!(held >= HEAD && held <= HEAD + 2 * SECOND, "{held:?}");
    let mut refusal = String::new();
    peer.read_to_string(&mut refusal).await.unwrap();
    assert!(refusal.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{refusal}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_in_does_not_keep_a_connection() {
    let (mut peer, mut connection) = pair(4096);
    peer.write_all(POST).await.unwrap();
    assert_eq!(handed_over(&mut connection).await, POST);
    connection.load().begin(true);
    let held = drip(&mut peer, &mut connection).await;
    assert!(held >= SILENCE && held <= SILENCE + 2 * SECOND, "{held:?}");
    let mut answer = Vec::new();
    peer.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty(), "its own route answers it");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_for_nothing_is_closed_without_a_word() {
    let (mut peer, mut connection) = pair(64);
    assert_eq!(connection.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    drop(connection);
    assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_answered_in_time_is_kept() {
    let (mut peer, mut connection) = pair(64);
    for _ in 0..5 {
        peer.write_all(GET).await.unwrap();
        assert_eq!(handed_over(&mut connection).await, GET);
        connection.load().begin(false);
        // A parked poll writes nothing for this time.
        let parked = timeout(SILENCE - SECOND, connection.read_u8()).await;
        assert!(parked.is_err(), "{parked:?}");
        connection.load().end();
        connection.write_all(b"answer").await.unwrap();
        peer.read_exact(&mut [0; 6]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_handed_over_in_single_file_and_little_is_read_behind() {
    let (mut peer, mut connection) = pair(1 << 20);
    peer.write_all(&GET.repeat(1 << 14)).await.unwrap();
    for _ in 0..1000 {
        assert_eq!(handed_over(&mut connection).await, GET);
        assert!(nothing_is_handed_over(&mut connection).await, "it has not begun");
        connection.load().begin(false);
        assert!(nothing_is_handed_over(&mut connection).await, "it has no answer");
        assert!(connection.requests.behind() <= READ_BYTES_MAX);
        connection.load().end();
        connection.write_all(b"answer").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_handed_over_behind_the_last_request() {
    let last = b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    let (mut peer, mut connection) = pair(4096);
    peer.write_all(&[GET, last, GET].concat()).await.unwrap();
    for request in [GET, last] {
        assert_eq!(handed_over(&mut connection).await, request);
        connection.load().begin(false);
        connection.load().end();
        connection.write_all(b"answer").await.unwrap();
    }
    let end = connection.read(&mut [0]).await.unwrap();
    assert_eq!(end, 0);
    drop(connection);
    let mut answers = String::new();
    peer.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers, "answeranswer");
}

#[tokio::test(start_paused = true)]
async fn a_request_inside_of_another_is_not_to_be_carried_out() {
    let (mut peer, mut connection) = pair(4096);
    peer.write_all(GET).await.unwrap();
    handed_over(&mut connection).await;
    assert!(connection.load().begin(false));
    assert!(!connection.load().begin(false));
}

#[tokio::test(start_paused = true)]
async fn a_body_is_read_to_its_limit_whatever_was_read_before() {
    let (mut peer, mut connection) = pair(4 << 20);
    peer.write_all(&[GET, POST].concat()).await.unwrap();
    peer.write_all(&[7; 3 << 20]).await.unwrap();
    handed_over(&mut connection).await;
    connection.load().begin(false);
    assert!(nothing_is_handed_over(&mut connection).await);
    connection.load().end();
    let head = handed_over(&mut connection).await;
    assert!(head.starts_with(POST));
    connection.load().begin(true);
    let (mut bytes, mut body) = (vec![0; 4 << 20], 0);
    while let Ok(read) = timeout(SECOND, connection.read(&mut bytes)).await {
        body += read.unwrap();
    }
    assert_eq!(body, 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_peer_has_sent_its_end_is_answered() {
    let (mut peer, mut connection) = pair(64);
    peer.write_all(&[GET, GET].concat()).await.unwrap();
    peer.shutdown().await.unwrap();
    for _ in 0..2 {
        assert_eq!(handed_over(&mut connection).await, GET);
        connection.load().begin(false);
        assert!(nothing_is_handed_over(&mut connection).await, "not the end either");
        connection.load().end();
        connection.write_all(b"answer").await.unwrap();
    }
    assert_eq!(connection.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_poll_whose_peer_has_sent_its_end_is_given_up_once_it_waits() {
    let (mut peer, mut connection) = pair(64);
    peer.write_all(GET).await.unwrap();
    drop(peer);
    handed_over(&mut connection).await;
    let load = connection.load().clone();
    load.begin(false);
    assert!(nothing_is_handed_over(&mut connection).await, "it is being looked up");
    let parks = async {
        tokio::task::yield_now().await;
        let _waits = load.wait();
        std::future::pending::<()>().await;
    };
    let gone = tokio::select! { gone = connection.read_u8() => gone, () = parks => unreachable!() };
    assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::ConnectionAborted);
    assert!(!load.is_parked(), "its guard is gone");
}

#[tokio::test(start_paused = true)]
async fn an_end_within_a_request_is_told_at_once() {
    for part in [&GET[..9], &[POST, b"x"].concat()] {
        let (mut peer, mut connection) = pair(64);
        peer.write_all(part).await.unwrap();
        drop(peer);
        let mut handed = Vec::new();
        timeout(SECOND, connection.read_to_end(&mut handed)).await.expect("at once").unwrap();
        assert!(handed.is_empty() || handed == part);
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_answers_is_not_read_and_then_let_go() {
    let (mut peer, mut connection) = pair(4);
    peer.write_all(b"more").await.unwrap();
    let blocked = timeout(SECOND, connection.write_all(b"answer")).await;
    assert!(blocked.is_err(), "{blocked:?}");
    let read = timeout(SECOND, connection.read_u8()).await;
    assert!(read.is_err(), "{read:?}");
    let start = Instant::now();
    let error = connection.write_all(b"er").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(start.elapsed() <= TAKE_SILENCE, "long before {SILENCE:?}");
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_when_the_answers_are_taken() {
    let (mut peer, mut connection) = pair(32);
    peer.write_all(GET).await.unwrap();
    // One task polls both halves, as the HTTP library does.
    assert!(timeout(SECOND, connection.write_all(&[7; 34])).await.is_err());
    assert!(nothing_is_handed_over(&mut connection).await);
    peer.read_exact(&mut [0; 32]).await.unwrap();
    connection.write_all(b"er").await.unwrap();
    assert_eq!(handed_over(&mut connection).await, GET);
}

#[tokio::test(start_paused = true)]
async fn a_large_body_is_handed_over_in_small_shares_and_whole() {
    let (mut peer, mut connection) = pair(1 << 16);
    let bytes = 3 * READ_BYTES_MAX + 5;
    let head = format!("POST / HTTP/1.1\r\nContent-Length: {bytes}\r\n\r\n").into_bytes();
    peer.write_all(&[head.clone(), vec![7; bytes]].concat()).await.unwrap();
    let mut handed = Vec::new();
    while handed.len() < head.len() + bytes {
        let share = handed_over(&mut connection).await;
        assert!(share.len() <= READ_BYTES_MAX);
        handed.extend(share);
    }
    assert_eq!(handed, [head, vec![7; bytes]].concat());
}

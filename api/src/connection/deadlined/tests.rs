//! Tests of a connection's deadlines and of how much of it is read, on a clock that stands still.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;

use super::*;

const HEAD: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(120);
const SECOND: Duration = Duration::from_secs(1);

fn pair(pipe_bytes: usize) -> (DuplexStream, Deadlined<DuplexStream>) {
    let (peer, io) = duplex(pipe_bytes);
    let patience = Patience { head: HEAD, silence: SILENCE };
    (peer, Deadlined::new(io, patience, Load::new(1 << 20)))
}

/// Lets `peer` send a byte every second, whatever comes of it, and reads `connection` to its
/// end.
async fn drip(peer: &mut DuplexStream, connection: &mut Deadlined<DuplexStream>) -> Duration {
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
        peer.write_all(b"x").await.unwrap();
        connection.read_u8().await.unwrap();
        connection.load().begin(false);
        // As for a poll that is parked: nothing is written meanwhile.
        let parked = timeout(SILENCE - SECOND, connection.read_u8()).await;
        assert!(parked.is_err(), "{parked:?}");
        connection.load().end(false);
        connection.write_all(b"answer").await.unwrap();
        peer.read_exact(&mut [0; 6]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn little_is_read_behind_requests_until_all_are_answered() {
    let (mut peer, mut connection) = pair(1 << 20);
    peer.write_all(&[7; 1 << 18]).await.unwrap();
    let mut bytes = vec![0; 1 << 18];
    assert_eq!(connection.read(&mut bytes).await.unwrap(), READ_BYTES_MAX);
    let mut behind = 0;
    // As many requests were in that share, one behind the other.
    for _ in 0..40 {
        connection.load().begin(false);
        while let Ok(read) = timeout(SECOND, connection.read(&mut bytes)).await {
            behind += read.unwrap();
        }
        connection.load().end(false);
        connection.write_all(b"answer").await.unwrap();
    }
    assert_eq!(behind, 1024);
    let read = timeout(SECOND, connection.read(&mut bytes)).await;
    assert_eq!(read.expect("it is read").unwrap(), READ_BYTES_MAX);
}

#[tokio::test(start_paused = true)]
async fn a_body_is_read_to_its_limit_whatever_was_read_before() {
    let (mut peer, mut connection) = pair(4 << 20);
    peer.write_all(&[7; 3 << 20]).await.unwrap();
    let mut bytes = vec![0; 4 << 20];
    connection.load().begin(false);
    while timeout(SECOND, connection.read(&mut bytes)).await.is_ok() {}
    connection.load().end(false);
    connection.load().begin(true);
    let mut body = 0;
    while let Ok(read) = timeout(SECOND, connection.read(&mut bytes)).await {
        body += read.unwrap();
    }
    assert_eq!(body, 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_peer_has_left_is_given_up_and_no_other() {
    let (mut peer, mut connection) = pair(64);
    peer.write_all(b"x").await.unwrap();
    drop(peer);
    assert_eq!(connection.read_u8().await.unwrap(), b'x');
    connection.load().begin(false);
    let gone = connection.read_u8().await.unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::ConnectionAborted);
    let (peer, mut connection) = pair(64);
    drop(peer);
    assert_eq!(connection.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_answers_is_not_read_and_then_let_go() {
    let (mut peer, mut connection) = pair(4);
    peer.write_all(b"more").await.unwrap();
    let blocked = timeout(SECOND, connection.write_all(b"answer")).await;
    assert!(blocked.is_err(), "{blocked:?}");
    let read = timeout(SECOND, connection.read_u8()).await;
    assert!(read.is_err(), "{read:?}");
    let error = connection.write_all(b"er").await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn reading_goes_on_when_the_answers_are_taken() {
    let (mut peer, connection) = pair(4);
    peer.write_all(b"more").await.unwrap();
    // One task polls both halves, as the HTTP library does.
    let mut connection = connection;
    assert!(timeout(SECOND, connection.write_all(b"answer")).await.is_err());
    assert!(timeout(SECOND, connection.read_u8()).await.is_err());
    peer.read_exact(&mut [0; 4]).await.unwrap();
    connection.write_all(b"er").await.unwrap();
    let read = timeout(SECOND, connection.read_u8()).await;
    assert_eq!(read.expect("it is read").unwrap(), b'm');
}

#[tokio::test(start_paused = true)]
async fn much_is_read_in_small_shares_and_whole() {
    let (mut peer, mut connection) = pair(1 << 16);
    peer.write_all(&[7; 3 * READ_BYTES_MAX + 5]).await.unwrap();
    drop(peer);
    let mut bytes = vec![0; 1 << 16];
    assert_eq!(connection.read(&mut bytes).await.unwrap(), READ_BYTES_MAX);
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, [7; 2 * READ_BYTES_MAX + 5]);
}

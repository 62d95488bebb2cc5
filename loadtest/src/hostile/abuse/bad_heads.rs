//! Bytes that are not HTTP, and request heads that never end.

use std::io;
use std::time::Duration;

use super::super::attack_context::Context;

const CONNECTIONS_PER_SECOND: u64 = 200;
const CONNECTIONS_MAX: usize = 400;
/// Maximum size of a head that never ends, in bytes.
const ENDLESS: usize = 1_000_000;
/// Longest time to wait for the server to close the connection.
const ANSWER: Duration = Duration::from_secs(1);

pub(in super::super) fn rate() -> String {
    format!("{CONNECTIONS_PER_SECOND} connections a second")
}

pub(in super::super) async fn begin(context: Context) {
    context.paced(CONNECTIONS_PER_SECOND, CONNECTIONS_MAX, one).await;
}

async fn one(context: Context, number: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    if number.is_multiple_of(16) {
        peer.send(b"GET / HTTP/1.1\r\nhost: x\r\n").await?;
        let line = format!("x-{number}: {}\r\n", "a".repeat(1_000));
        for _ in 0..ENDLESS / line.len() {
            peer.send(line.as_bytes()).await?;
        }
    } else {
        peer.send(&bad(number)).await?;
    }
    peer.take_all(ANSWER).await;
    Ok(())
}

fn bad(number: u64) -> Vec<u8> {
    let post = |rest: &str| format!("POST /v1/validate HTTP/1.1\r\nhost: x\r\n{rest}").into_bytes();
    match number % 8 {
        0 => b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 a greeting of TLS".to_vec(),
        1 => vec![0; 4_096],
        2 => {
            let mut random = fastrand::Rng::with_seed(number);
            std::iter::repeat_with(|| random.u8(..)).take(2_048).collect()
        }
        3 => post("content-length: many\r\n\r\n{}"),
        4 => post("content-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
        5 => post("transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        6 => format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000)).into_bytes(),
        _ => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand no frame".to_vec(),
    }
}

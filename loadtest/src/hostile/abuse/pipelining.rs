//! Many small requests on one connection, sent without waiting for the responses.

use std::io;

use super::super::attack_context::{Context, Throttle};

const REQUESTS_PER_SECOND: u64 = 5_000;
const CONNECTIONS: u64 = 16;
/// Number of requests that are sent in one write.
const TOGETHER: usize = 100;

pub(in super::super) fn rate() -> String {
    format!("{CONNECTIONS} connections, {REQUESTS_PER_SECOND} requests a second, {TOGETHER} ahead")
}

pub(in super::super) async fn begin(context: Context) {
    context.lanes(CONNECTIONS, CONNECTIONS * 4, one).await;
}

async fn one(context: Context, _: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    let block = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n".repeat(TOGETHER).into_bytes();
    let throttle = Throttle::new(REQUESTS_PER_SECOND / CONNECTIONS);
    peer.flood(throttle, TOGETHER as u32, || block.clone()).await
}

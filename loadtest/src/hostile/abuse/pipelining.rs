//! Many small requests on one connection, sent before the first is answered.

use std::io;
use std::sync::Arc;

use super::super::ground::{Ground, Pace};

const REQUESTS_PER_SECOND: u64 = 5_000;
const CONNECTIONS: u64 = 16;
/// Requests that are sent together.
const TOGETHER: usize = 100;

pub(in super::super) fn rate() -> String {
    format!("{CONNECTIONS} connections, {REQUESTS_PER_SECOND} requests a second, {TOGETHER} ahead")
}

pub(in super::super) async fn begin(ground: Arc<Ground>) {
    ground.lanes(CONNECTIONS, CONNECTIONS * 4, one).await;
}

async fn one(ground: Arc<Ground>, _: u64) -> io::Result<()> {
    let mut peer = ground.dial().await?;
    let block = "GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n".repeat(TOGETHER).into_bytes();
    let pace = Pace::new(REQUESTS_PER_SECOND / CONNECTIONS);
    peer.flood(pace, TOGETHER as u32, || block.clone()).await
}

//! Clients that close their sending side after a request, or reset the connection.

use std::io;
use std::time::Duration;

use super::super::attack_context::Context;

const CONNECTIONS_PER_SECOND: u64 = 200;
const CONNECTIONS_MAX: usize = 400;
/// Longest time to wait for the server to close the connection.
const ANSWER: Duration = Duration::from_secs(1);

pub(in super::super) fn rate() -> String {
    format!("{CONNECTIONS_PER_SECOND} connections a second, half of them reset")
}

pub(in super::super) async fn begin(context: Context) {
    context.paced(CONNECTIONS_PER_SECOND, CONNECTIONS_MAX, one).await;
}

async fn one(context: Context, number: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    let path = context.either("/v1/users/u/actions/a", "/operator/accounts/t/u/release-hold");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Basic bm9uZTo=\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n"
    );
    peer.send(head.as_bytes()).await?;
    // Every third body is one byte shorter than its content length.
    peer.send(if number.is_multiple_of(3) { b"{" } else { b"{}" }).await?;
    if number.is_multiple_of(2) {
        return peer.reset();
    }
    peer.half_close().await?;
    peer.take_all(ANSWER).await;
    Ok(())
}

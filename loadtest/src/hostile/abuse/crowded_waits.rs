//! Polls that wait for many challenges: as many as the server allows in one poll.

use std::io;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use super::super::attack_context::Context;
use crate::client::raw::Connection;

/// Enough polls for all parked places of a tenant, if each poll occupies eight places.
const POLLS: u64 = 1_000;
const OPENED_PER_SECOND: u64 = 1_000;
/// Pause after a response, as the server demands.
const PAUSE: Duration = Duration::from_secs(1);
/// Seconds for which a poll asks the server to hold it.
const WAIT_SECONDS: u64 = 30;

pub(in super::super) fn rate() -> String {
    format!("{POLLS} polls at the same time, for 8 challenges each, a second between two of one")
}

pub(in super::super) async fn begin(context: Context) {
    context.lanes(POLLS, OPENED_PER_SECOND, one).await;
}

async fn one(context: Context, _: u64) -> io::Result<()> {
    let body = json!({ "waits": context.order.waits }).to_string();
    let head = format!(
        "POST /v1/client/wait/push HTTP/1.1\r\nhost: x\r\nprefer: wait={WAIT_SECONDS}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = Connection::to(context.order.address).from(context.source());
    let request = head + &body;
    let answer = connection.call(request.as_bytes()).await?;
    context.called(request.len(), answer.body.len());
    sleep(PAUSE).await;
    Ok(())
}

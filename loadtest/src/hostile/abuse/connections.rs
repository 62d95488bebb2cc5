//! Connections that send little or nothing.

use std::io;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::super::attack_context::{Context, Throttle};

/// Number of connections that are held open on the public and on the operators' listener.
const IDLE: u64 = 4_000;
const IDLE_OF_OPERATORS: u64 = 400;
const OPENED_PER_SECOND: u64 = 1_000;
/// Number of connections in a burst, and of bursts per second.
const BURST: usize = 500;
const BURSTS_PER_SECOND: u64 = 2;
/// Time for which the connections of a burst stay open.
const STAY: Duration = Duration::from_millis(100);

pub(in super::super) fn idle_rate() -> String {
    format!(
        "{IDLE} held ({IDLE_OF_OPERATORS} at the operators'), {OPENED_PER_SECOND} opened a second"
    )
}

pub(in super::super) async fn idle(context: Context) {
    let count = context.either(IDLE, IDLE_OF_OPERATORS);
    context.lanes(count, OPENED_PER_SECOND, one_idle).await;
}

/// Holds a connection until the server closes it. Connections with an even number send one request
/// first; the others send nothing.
async fn one_idle(context: Context, number: u64) -> io::Result<()> {
    let mut peer = context.dial().await?;
    if number.is_multiple_of(2) {
        let path = context.either("/nowhere", "/health/live");
        peer.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await?;
    }
    while peer.take().await.is_ok() {}
    Ok(())
}

pub(in super::super) fn burst_rate() -> String {
    format!("{BURST} at once, {BURSTS_PER_SECOND} times a second")
}

pub(in super::super) async fn bursts(context: Context) {
    let mut throttle = Throttle::new(BURSTS_PER_SECOND);
    loop {
        throttle.turns(1).await;
        let mut burst = JoinSet::new();
        for _ in 0..BURST {
            let context = context.clone();
            burst.spawn(async move { context.dial().await });
        }
        let connected = burst.join_all().await;
        sleep(STAY).await;
        drop(connected);
    }
}

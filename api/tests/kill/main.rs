//! Tests that kill the server during lifecycles and check its records after a restart.
//!
//! The tests in `kills` kill the real program with SIGKILL at a random point of 200 lifecycles, and
//! start it again on the same store: 20 times on SQLite and 5 times on Redis. `COUNTERSIGN_KILLS`
//! and `COUNTERSIGN_KILLS_REDIS` set other numbers, and `COUNTERSIGN_KILL_SEED` repeats a run. The
//! test remembers every acknowledged step, and `invariants` checks that each has survived.
//!
//! Other modules cover:
//! * `lagging`: asynchronous durability, with which a kill loses nothing older than the window.
//! * `outages` and `redis`: failures of Redis while the server runs. `lost`: what Redis forgot.
//! * `faults` and `disk_full`: disk errors. `readiness`: the responses of `/health/ready` to them.
//! * `restart`: kills during a start. `started`: the output of a start.
//! * `order`: the order of a sync and its response.
//! * `seeded`: a large store.
//! * `deployed`: the Redis of `deploy/`.
//! * `fenced`: a server that was suspended while another one took over.
//! * `commands`: operators' commands.
//! * `conversion`: kills and faults of a conversion of an older file.
//! * `reported`, `limits` and `tickets`: a kill keeps reports, counters and one-time tickets.

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod caller;
mod commands;
mod conversion;
mod deployed;
mod disk;
mod disk_full;
mod faults;
mod fenced;
mod invariants;
mod kills;
mod lagging;
mod life;
mod limits;
mod lost;
mod order;
mod outages;
mod readiness;
mod redis;
mod reported;
mod restart;
mod seed;
mod seeded;
mod server;
mod slow_readers;
mod started;
mod tickets;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use caller::Caller;
use life::Life;
use server::Server;

/// Number of lifecycles of one kill.
const LIVES: usize = 200;
/// Number of concurrent lifecycles.
const TOGETHER: usize = 40;
/// Minimum of acknowledged steps in one lifecycle: track, enroll, challenge, decision and the
/// waiter's outcome. Most lifecycles have more, so that every kill comes before their end.
const STEPS_MIN: usize = 5;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Longest time of one lifecycle.
const LIFE: Duration = Duration::from_secs(120);

/// Runs lifecycles until the server has acknowledged `after` of their steps, then kills it. Steps
/// in flight fail, and later steps never begin. Returns the lifecycles and the time of the kill.
async fn live_until_killed(server: &mut Server, kill: usize, after: usize) -> (Vec<Life>, Instant) {
    let acknowledged = Arc::new(Semaphore::new(0));
    let caller = Caller::new(server.url(), Some(acknowledged.clone()));
    let lives = stream::iter(0..LIVES)
        .map(|number| {
            let mut life = Life::new(kill, number);
            let caller = caller.clone();
            tokio::spawn(async move {
                // The client library may never return from a request if the server is killed. The
                // step then stays in flight.
                let _ = tokio::time::timeout(LIFE, life.live(&caller)).await;
                life
            })
        })
        .buffer_unordered(TOGETHER)
        .map(Result::unwrap)
        .collect::<Vec<_>>();
    let killing = async {
        let steps = u32::try_from(after).unwrap();
        let _permit = acknowledged.acquire_many(steps).await.unwrap();
        let killed = Instant::now();
        server.kill();
        killed
    };
    tokio::join!(lives, killing)
}

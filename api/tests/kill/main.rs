//! Kills the server in the middle of lifecycles and checks the records after a restart.
//!
//! The test kills the real program with SIGKILL at a random point of 200 concurrent lifecycles and
//! starts it again on the same store: 20 times on SQLite and 5 times on Redis (`COUNTERSIGN_KILLS`
//! and `COUNTERSIGN_KILLS_REDIS` set other numbers, `COUNTERSIGN_KILL_SEED` repeats a run). The
//! memory of this test holds every acknowledged step (`kills`); the invariants are in `invariants`.
//! With answers before the record (`lagging`) nothing is lost that is older than the window. Redis
//! fails under a server that lives in `outages`. Other modules cover errors of the disk (`faults`,
//! `disk_full`), the answers of `/health/ready` to them (`readiness`), kills during a start
//! (`restart`), reports to a relying party (`reported`), the order of a sync and its answer
//! (`order`), a large store (`seeded`), the Redis of `deploy/` (`deployed`), a server that slept
//! while another took over (`fenced`), the commands of operators (`commands`), and the output of a
//! start (`started`).

#![expect(clippy::unwrap_used, reason = "a test stops where its ground is missing")]

mod caller;
mod commands;
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

/// Lifecycles that a kill is in the middle of.
const LIVES: usize = 200;
/// Lives under way at once.
const TOGETHER: usize = 40;
/// Every lifecycle has at least as many acknowledged steps: track, enroll, challenge, decision and
/// the waiter's outcome. Most have more, so that no kill comes after the end.
const STEPS_MIN: usize = 5;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// Longest time of one lifecycle.
const LIFE: Duration = Duration::from_secs(120);

/// Runs lifecycles until `after` of their steps are acknowledged, then kills the server. Steps
/// under way fail, later ones never begin. The answer has the time of the kill, too.
async fn live_until_killed(server: &mut Server, kill: usize, after: usize) -> (Vec<Life>, Instant) {
    let acknowledged = Arc::new(Semaphore::new(0));
    let caller = Caller::new(server.url(), Some(acknowledged.clone()));
    let lives = stream::iter(0..LIVES)
        .map(|number| {
            let mut life = Life::new(kill, number);
            let caller = caller.clone();
            tokio::spawn(async move {
                // The client library may lose a request as the server dies: it is then under way.
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

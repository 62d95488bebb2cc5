//! `store.durability = "async"` and kills: approvals may be lost that are no older than the window;
//! everything else, and every older one, is there.

use std::path::Path;
use std::time::Duration;

use countersign_engine::ports::Entropy;
use countersign_engine::system::SystemEntropy;
use tokio::time::Instant;

use crate::caller::Caller;
use crate::invariants;
use crate::life::{Life, Step};
use crate::redis_server::Redis;
use crate::server::Server;
use crate::{LIVES, Random, STEPS_MIN, live_until_killed, number};

/// Kills, on each store; `COUNTERSIGN_KILLS_ASYNC` says how many otherwise.
const KILLS: usize = 4;
/// `store.async_window_ms`.
const WINDOW: Duration = Duration::from_millis(50);
/// For how much longer a record may be under way that was begun within the window, on a busy
/// machine.
const UNDER_WAY: Duration = Duration::from_millis(450);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_was_answered_early_a_kill_takes_nothing_older_than_the_window() {
    let folder = tempfile::tempdir().unwrap();
    survives(folder.path(), &[("COUNTERSIGN__STORE__DURABILITY", "async")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_was_answered_early_a_kill_takes_nothing_older_than_the_window_on_redis() {
    let folder = tempfile::tempdir().unwrap();
    let redis = Redis::durable();
    let settings =
        [("COUNTERSIGN_STORE", &*redis.url()), ("COUNTERSIGN__STORE__DURABILITY", "async")];
    survives(folder.path(), &settings).await;
}

#[expect(clippy::print_stdout, reason = "what was lost is reported")]
async fn survives(folder: &Path, settings: &[(&str, &str)]) {
    let kills = number("COUNTERSIGN_KILLS_ASYNC").map_or(KILLS, |n| n.try_into().unwrap());
    let fresh = || u64::from_le_bytes((&SystemEntropy as &dyn Entropy).bytes());
    let seed = number("COUNTERSIGN_KILL_SEED").unwrap_or_else(fresh);
    println!("COUNTERSIGN_KILL_SEED={seed}");
    let mut random = Random(seed | 1);
    let mut server = Server::start_with(folder, settings).await;
    let mut lived = Vec::new();
    for kill in 0..kills {
        let after = 20 + random.below(LIVES * STEPS_MIN - 60);
        let (mut lives, killed) = live_until_killed(&mut server, kill, after).await;
        server = Server::start_with(folder, settings).await;
        let lost = forgive(&server, &mut lives, killed).await;
        let counted = invariants::check(&server, &lives).await;
        println!("kill {kill} after {after} acknowledged steps: {counted}; {} lost", lost.len());
        if let Some(oldest) = lost.iter().max() {
            println!("the oldest of them was acknowledged {oldest:?} before the kill");
            assert!(*oldest <= WINDOW + UNDER_WAY, "{oldest:?}");
        }
        lived.extend(lives);
    }
    invariants::check(&server, &lived).await;
    server.assert_log_is_clean();
}

/// Takes approvals that are gone for such that were never answered. The answer is how long before
/// the kill each was acknowledged.
async fn forgive(server: &Server, lives: &mut [Life], killed: Instant) -> Vec<Duration> {
    let caller = Caller::new(server.url(), None);
    let mut lost = Vec::new();
    for life in lives {
        // What removes a device is recorded after what the device has decided.
        let (Some(decided), true) = (life.decided_at, life.approves) else { continue };
        if life.removing == Step::Acknowledged {
            continue;
        }
        let (token, challenge) = (life.token.as_ref().unwrap(), life.challenge.as_ref().unwrap());
        if caller.verify(token, challenge, None).await.unwrap().outcome.is_none() {
            lost.push(killed.saturating_duration_since(decided));
            life.deciding = Step::InFlight;
            life.told.clear();
            life.valid = None;
        }
    }
    lost
}

//! `store.durability = "async"` and kills: approvals may be lost that are no older than the window;
//! everything else, and every older one, is there.

use std::path::Path;
use std::time::Duration;

use countersign_testkit::redis_server::Redis;
use tokio::time::Instant;

use crate::caller::Caller;
use crate::life::{Life, Step};
use crate::server::Server;
use crate::{kills, number};

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

async fn survives(folder: &Path, settings: &[(&str, &str)]) {
    let kills = number("COUNTERSIGN_KILLS_ASYNC").map_or(KILLS, |n| n.try_into().unwrap());
    kills::survives(kills, folder, settings, Some(WINDOW + UNDER_WAY)).await;
}

/// Takes approvals that are gone for such that were never answered. The answer is how long before
/// the kill each was acknowledged.
pub(crate) async fn forgive(server: &Server, lives: &mut [Life], killed: Instant) -> Vec<Duration> {
    let caller = Caller::new(server.url(), None);
    let mut lost = Vec::new();
    for life in lives {
        // A removal of a device is recorded after the device's decisions.
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

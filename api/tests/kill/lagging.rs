//! Test of `store.durability = "async"` with kills. A kill may lose approvals that are not older
//! than the window. It must lose no older approval, and nothing else.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use crate::caller::Caller;
use crate::life::{Life, Step};
use crate::server::{Server, begun_redis};
use crate::{kills, number};

/// Default number of kills on each store. `COUNTERSIGN_KILLS_ASYNC` overrides it.
const KILLS: usize = 4;
/// Window of `store.async_window_ms`.
const WINDOW: Duration = Duration::from_millis(50);
/// Additional time that a commit may take on a busy machine after the window.
const UNDER_WAY: Duration = Duration::from_millis(450);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_was_answered_early_a_kill_takes_nothing_older_than_the_window() {
    let folder = tempfile::tempdir().unwrap();
    survives(folder.path(), &[("COUNTERSIGN__STORE__DURABILITY", "async")]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_what_was_answered_early_a_kill_takes_nothing_older_than_the_window_on_redis() {
    let folder = tempfile::tempdir().unwrap();
    let redis = begun_redis();
    let settings =
        [("COUNTERSIGN_STORE", &*redis.url()), ("COUNTERSIGN__STORE__DURABILITY", "async")];
    survives(folder.path(), &settings).await;
}

async fn survives(folder: &Path, settings: &[(&str, &str)]) {
    let kills = number("COUNTERSIGN_KILLS_ASYNC").map_or(KILLS, |n| n.try_into().unwrap());
    kills::survives(kills, folder, settings, Some(WINDOW + UNDER_WAY)).await;
}

/// Marks lost approvals as never acknowledged, so that the invariants accept their loss. Returns
/// for each the time between its acknowledgement and the kill.
pub(crate) async fn forgive(server: &Server, lives: &mut [Life], killed: Instant) -> Vec<Duration> {
    let caller = Caller::new(server.url(), None);
    let mut lost = Vec::new();
    for life in lives {
        // An acknowledged removal of a device shows that the device's decisions are recorded,
        // because it is recorded after them.
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

//! Tests that kill the server at random points of lifecycles. Every acknowledged step must survive
//! each kill.

use std::path::Path;
use std::time::Duration;

use countersign_engine::ports::Entropy;
use countersign_engine::system::SystemEntropy;
use tokio::time::Instant;

use crate::server::{Server, begun_redis};
use crate::{LIVES, STEPS_MIN, invariants, lagging, live_until_killed, number};

const KILLS: usize = 20;
/// Number of kills on Redis. It is small, because each start waits until the lock of the killed
/// server expires.
const KILLS_REDIS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_every_kill() {
    let kills = number("COUNTERSIGN_KILLS").map_or(KILLS, |kills| kills.try_into().unwrap());
    let folder = tempfile::tempdir().unwrap();
    survives(kills, folder.path(), &[], None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_was_acknowledged_survives_every_kill_on_redis() {
    let kills = number("COUNTERSIGN_KILLS_REDIS");
    let kills = kills.map_or(KILLS_REDIS, |kills| kills.try_into().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let redis = begun_redis();
    survives(kills, folder.path(), &[("COUNTERSIGN_STORE", &redis.url())], None).await;
}

/// Returns the place of a kill: the number of steps that are acknowledged before it. The kills are
/// spread over all places, so that some come early and some late.
fn place(kills: usize, kill: usize, random: &mut fastrand::Rng) -> usize {
    const FIRST: usize = 20;
    const PLACES: usize = LIVES * STEPS_MIN - 60;
    FIRST + kill * PLACES / kills + random.usize(..PLACES.div_ceil(kills))
}

/// Kills a server so often, and checks the invariants after each start. With a `window`, approvals
/// that were acknowledged within it before a kill may be lost.
#[expect(clippy::print_stdout, reason = "what repeats a run and what was lost is reported")]
pub(crate) async fn survives(
    kills: usize,
    folder: &Path,
    settings: &[(&str, &str)],
    window: Option<Duration>,
) {
    let fresh = || u64::from_le_bytes((&SystemEntropy as &dyn Entropy).bytes());
    let seed = number("COUNTERSIGN_KILL_SEED").unwrap_or_else(fresh);
    println!("COUNTERSIGN_KILL_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut server = Server::start_with(folder, settings).await;
    let (mut lived, mut lost, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
    for kill in 0..kills {
        let after = place(kills, kill, &mut random);
        let (mut lives, killed) = live_until_killed(&mut server, kill, after).await;
        let began = Instant::now();
        server = Server::start_with(folder, settings).await;
        longest = longest.max(began.elapsed());
        if let Some(window) = window {
            let taken = lagging::forgive(&server, &mut lives, killed).await;
            assert!(taken.iter().all(|age| *age <= window), "{taken:?}");
            lost.extend(taken);
        }
        let counted = invariants::check(&server, &lives).await;
        println!("kill {kill} after {after} acknowledged steps: {counted:?}");
        lived.extend(lives);
    }
    // A later kill must not have removed records that survived an earlier one.
    let counted = invariants::check(&server, &lived).await;
    // With a single kill, the counts are not checked, because the kill may come too early or too
    // late for some of them.
    if kills > 1 {
        counted.assert_of_everything();
    }
    server.assert_log_is_clean();
    let oldest = lost.iter().max();
    println!("{kills} kills: {counted:?}; {} lost, the oldest {oldest:?}", lost.len());
    println!("the longest start took {longest:?}");
}

//! Elapsed time of work inside an event loop.

use std::time::Duration;

use actix_web::rt::SystemRunner;
use countersign_engine::system::Stopwatch;

/// Runs `work` inside the event loop, and returns the elapsed time.
pub fn timed(system: &SystemRunner, work: impl Future<Output = ()>) -> Duration {
    system.block_on(async {
        let watch = Stopwatch::start();
        work.await;
        Duration::from_secs_f64(watch.seconds())
    })
}

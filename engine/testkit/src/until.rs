//! Waiting for a condition.

use std::time::Duration;

use countersign_engine::system::Stopwatch;

/// Longest time for which a test waits, in seconds. Nothing that tests wait for takes so long.
const PATIENCE_SECONDS: f64 = 30.0;
/// Pause between two checks, so that the processor is free for other work.
const PAUSE: Duration = Duration::from_millis(10);

/// Calls `look` until it returns a value, and returns that value. Panics after `PATIENCE_SECONDS`.
/// Tests that wait for a condition use this function instead of a fixed sleep.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let watch = Stopwatch::start();
    loop {
        if let Some(answer) = look().await {
            return answer;
        }
        assert!(watch.seconds() < PATIENCE_SECONDS, "{what}: not in time");
        tokio::time::sleep(PAUSE).await;
    }
}

//! Waiting for a condition.

use std::time::Duration;

use countersign_engine::system::Stopwatch;

/// Longer than anything may take that a test waits for.
const PATIENCE_SECONDS: f64 = 30.0;
/// Between two looks, so that what is waited for has the processor.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until the answer is there, and fails if that takes long. This is the one place in which
/// tests sleep before they look again.
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

//! Repetition of a refused request, for the preparation of a run.

use std::time::Duration;

use crate::LoadError;

/// Retries of a refused request, and the pause before each.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(200);

/// Prepares something outside the measured part, and tries again while the server is overloaded.
///
/// # Errors
/// [`LoadError`], also if it has for too long.
pub(crate) async fn retry_refused<T>(
    prepare: impl AsyncFn() -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    for _ in 0..TRIES {
        match prepare().await {
            Err(error) if error.is_refusal() => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    prepare().await
}

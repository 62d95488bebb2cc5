//! Retries of refused requests while a run is prepared.

use std::time::Duration;

use crate::LoadError;

/// Maximum number of retries of a refused request, and the pause before each.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(200);

/// Calls `prepare`, and retries while the server rejects the request because of overload.
///
/// # Errors
/// The first [`LoadError`] that is no refusal, or the refusal of the last retry.
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

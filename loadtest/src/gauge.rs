//! What the server says about itself: how many polls it holds.

use std::time::Duration;

use tokio::time::Instant;

use crate::LoadError;
use crate::server::Target;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// Time after which polls count as parked where the server's metrics cannot be read.
const BLIND: Duration = Duration::from_secs(3);

/// Waits until the server holds that many polls on challenges.
///
/// # Errors
/// [`LoadError::Wrong`] if it does not within `longest`.
pub(crate) async fn parked(
    target: &Target,
    polls: usize,
    longest: Duration,
) -> Result<(), LoadError> {
    let Some(operations) = &target.operations else {
        tokio::time::sleep(BLIND).await;
        return Ok(());
    };
    let end = Instant::now() + longest;
    let unreadable = |_| LoadError::Wrong("the server's metrics cannot be read");
    while Instant::now() < end {
        let answer = reqwest::get(format!("{operations}/metrics")).await.map_err(unreadable)?;
        if waiters(&answer.text().await.map_err(unreadable)?) >= polls {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(LoadError::Wrong("the server does not hold all polls in time"))
}

fn waiters(metrics: &str) -> usize {
    let line = metrics.lines().find(|l| l.starts_with("countersign_waiters{on=\"challenge\"}"));
    line.and_then(|l| l.split_ascii_whitespace().last()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_waiting_polls_is_read_from_the_metrics() {
        let metrics = "# TYPE countersign_waiters gauge\ncountersign_waiters{on=\"device\"} 3\n\
                       countersign_waiters{on=\"challenge\"} 5000\n";
        assert_eq!(waiters(metrics), 5000);
        assert_eq!(waiters(""), 0);
    }
}

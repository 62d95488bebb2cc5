//! A server's own metrics, in the text format of Prometheus.

use std::time::Duration;

use tokio::time::Instant;

use crate::LoadError;

/// Longest time to wait for a response with the metrics.
const ANSWER: Duration = Duration::from_secs(3);
/// Interval between reads of the metrics.
const LOOK: Duration = Duration::from_millis(50);
/// Time after which polls count as parked if the metrics cannot be read.
const BLIND: Duration = Duration::from_secs(3);

/// Access to a server's metrics.
#[derive(Clone, Debug)]
pub struct Metrics {
    client: reqwest::Client,
    url: String,
}

/// The text of the metrics at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading(String);

impl Metrics {
    /// Creates access to the metrics of the operators' listener at `base`.
    ///
    /// # Errors
    /// [`LoadError::Server`] if the HTTP client cannot be created.
    pub fn new(base: &str) -> Result<Self, LoadError> {
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER).build();
        let client = client.map_err(|error| LoadError::Server(error.to_string()))?;
        Ok(Self { client, url: format!("{}/metrics", base.trim_end_matches('/')) })
    }

    /// Reads the metrics; `None` if they cannot be read.
    pub async fn read(&self) -> Option<Reading> {
        let answer = self.client.get(&self.url).send().await.ok()?.error_for_status().ok()?;
        Some(Reading(answer.text().await.ok()?))
    }

    /// Waits until the server holds at least `polls` polls. Without `metrics` it waits for three
    /// seconds instead.
    ///
    /// # Errors
    /// [`LoadError::Wrong`] if the server does not hold them within `longest`, or if its metrics
    /// cannot be read.
    pub(crate) async fn parked(
        metrics: Option<&Self>,
        polls: usize,
        longest: Duration,
    ) -> Result<(), LoadError> {
        let Some(metrics) = metrics else {
            tokio::time::sleep(BLIND).await;
            return Ok(());
        };
        let end = Instant::now() + longest;
        while Instant::now() < end {
            let reading = metrics.read().await;
            let reading = reading.ok_or(LoadError::Wrong("the server's metrics cannot be read"))?;
            if reading.sum("countersign_waiters") >= polls as f64 {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(LoadError::Wrong("the server does not hold all polls in time"))
    }
}

impl Reading {
    /// Returns the sum of a metric over all its labels; 0 if the server has not written it.
    pub fn sum(&self, name: &str) -> f64 {
        self.find(name).unwrap_or(0.0)
    }

    /// Returns the sum of a metric over all its labels; `None` if the server has not written it.
    pub fn find(&self, name: &str) -> Option<f64> {
        let values = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            // The next character distinguishes this name from a longer one that begins with it.
            let of_it = rest.starts_with([' ', '{']);
            of_it.then(|| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).flatten()
        });
        values.reduce(|sum, value| sum + value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_not_over_longer_names() {
        let reading = Reading(
            "# TYPE countersign_waiters gauge\ncountersign_waiters{on=\"device\"} 3\n\
             countersign_waiters{on=\"challenge\"} 5000\ncountersign_waiters_max 9\n\
             countersign_panics_total 0\n"
                .to_owned(),
        );
        assert_eq!(reading.find("countersign_waiters"), Some(5003.0));
        assert_eq!(reading.find("countersign_panics_total"), Some(0.0));
        assert_eq!(
            (reading.find("countersign_actors"), reading.sum("countersign_actors")),
            (None, 0.0)
        );
    }
}

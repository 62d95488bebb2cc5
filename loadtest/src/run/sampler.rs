//! Samples of the server's resources, from the operating system and from the server's metrics.

use tokio::time::Instant;

use crate::host::process;
use crate::out::report::model::ServerPoint;
use crate::server::metrics::Metrics;

/// A source of samples of a server. Rates in a sample are averages since the previous sample.
pub(crate) struct Sampler {
    pid: Option<u32>,
    metrics: Option<Metrics>,
    at: Instant,
    cpu_seconds: Option<f64>,
    /// Number of signatures that the server has checked in batches, and number of batches.
    batches: [f64; 2],
}

impl Sampler {
    pub(crate) async fn start(pid: Option<u32>, metrics: Option<Metrics>) -> Self {
        let (cpu_seconds, batches) = Default::default();
        let mut sampler = Self { pid, metrics, at: Instant::now(), cpu_seconds, batches };
        sampler.look().await;
        sampler
    }

    /// Checks if the server's process has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.pid.is_some_and(|pid| !process::is_alive(pid))
    }

    /// Takes a sample of the server's resources; `None` if no figure could be read.
    pub(crate) async fn look(&mut self) -> Option<ServerPoint> {
        let at = Instant::now();
        let cpu_seconds = self.pid.and_then(|pid| process::cpu_seconds(pid).ok());
        let reading = match &self.metrics {
            Some(metrics) => metrics.read().await,
            None => None,
        };
        let took = at.duration_since(self.at).as_secs_f64();
        let used = cpu_seconds.zip(self.cpu_seconds).filter(|_| took > 0.0);
        let batches = reading.as_ref().map_or(self.batches, |reading| {
            ["sum", "count"].map(|of| reading.sum(&format!("countersign_verify_batch_units_{of}")))
        });
        let (units, count) = (batches[0] - self.batches[0], batches[1] - self.batches[1]);
        let whole = |name| Some(reading.as_ref()?.find(name)?.max(0.0) as u64);
        let point = ServerPoint {
            cores: used.map(|(now, before)| (now - before) / took),
            rss_bytes: self.pid.and_then(|pid| process::rss_bytes(pid).ok()),
            descriptors: self.pid.and_then(|pid| process::descriptors(pid).ok()),
            actors: whole("countersign_actors"),
            waiters: whole("countersign_waiters"),
            batch_units: (count > 0.0).then(|| units / count),
            commits: whole("countersign_store_commit_units_sum"),
        };
        (self.at, self.cpu_seconds, self.batches) = (at, cpu_seconds, batches);
        (point != ServerPoint::default()).then_some(point)
    }
}

//! The server's resources, seen from outside and by its own metrics.

use tokio::time::Instant;

use crate::host::process;
use crate::out::report::model::ServerPoint;
use crate::server::metrics::{Metrics, Reading};

/// Looks at a server from time to time.
pub(crate) struct Sampler {
    pid: Option<u32>,
    metrics: Option<Metrics>,
    last: Look,
}

/// Counters at one moment. The report shows their growth since the moment before.
struct Look {
    at: Instant,
    cpu_seconds: Option<f64>,
    batches: Batches,
}

#[derive(Clone, Copy, Default)]
struct Batches {
    units: f64,
    count: f64,
}

impl Batches {
    fn of(reading: &Reading) -> Self {
        let sum = |suffix| reading.sum(&format!("countersign_verify_batch_units_{suffix}"));
        Self { units: sum("sum"), count: sum("count") }
    }
}

impl Sampler {
    pub(crate) async fn start(pid: Option<u32>, metrics: Option<Metrics>) -> Self {
        let last = Look { at: Instant::now(), cpu_seconds: None, batches: Batches::default() };
        let mut sampler = Self { pid, metrics, last };
        sampler.look().await;
        sampler
    }

    /// Tells whether the server's process is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.pid.is_some_and(|pid| !process::is_alive(pid))
    }

    /// Samples the server's resources; `None` if nothing is known of it.
    pub(crate) async fn look(&mut self) -> Option<ServerPoint> {
        let at = Instant::now();
        let cpu_seconds = self.pid.and_then(|pid| process::cpu_seconds(pid).ok());
        let reading = match &self.metrics {
            Some(metrics) => metrics.read().await,
            None => None,
        };
        let took = at.duration_since(self.last.at).as_secs_f64();
        let used = cpu_seconds.zip(self.last.cpu_seconds).filter(|_| took > 0.0);
        let batches = reading.as_ref().map_or(self.last.batches, Batches::of);
        let (units, count) =
            (batches.units - self.last.batches.units, batches.count - self.last.batches.count);
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
        self.last = Look { at, cpu_seconds, batches };
        (point != ServerPoint::default()).then_some(point)
    }
}

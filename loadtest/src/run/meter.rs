//! Measurement during a run: a point for each interval, and a check that the server still runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::host::process;
use crate::out::progress::Progress;
use crate::out::report::model::Point;
use crate::run::sampler::Sampler;
use crate::run::stop::Stop;
use crate::run::tally::{Interval, Tally};

/// Maximum number of points in a report. In a longer run, each point covers more than a second.
const POINTS_MAX: u32 = 1000;
/// Number of consecutive intervals with nothing but lost requests, after which the server counts as
/// dead.
const SILENT_MAX: u32 = 3;
/// Minimum length of the last, incomplete interval for a point of its own.
const REST: Duration = Duration::from_millis(200);

/// The measurement of a run, which ends with [`Meter::end`].
pub(crate) struct Meter {
    end: oneshot::Sender<()>,
    task: JoinHandle<Vec<Point>>,
}

struct Clock {
    tally: Arc<Tally>,
    stop: Stop,
    sampler: Sampler,
    progress: Progress,
    start: Instant,
    last: Instant,
    client_cpu_seconds: f64,
    silent: u32,
    points: Vec<Point>,
}

impl Meter {
    /// Starts the measurement. `length` is the length of the run, if it is known.
    pub(crate) fn start(
        tally: Arc<Tally>,
        stop: Stop,
        sampler: Sampler,
        progress: Progress,
        length: Option<Duration>,
    ) -> Self {
        progress.run(length);
        let every = (length.unwrap_or_default() / POINTS_MAX).max(Duration::from_secs(1));
        let (end, mut ended) = oneshot::channel();
        let start = Instant::now();
        let mut clock = Clock {
            tally,
            stop,
            sampler,
            progress,
            start,
            last: start,
            client_cpu_seconds: own_cpu_seconds(),
            silent: 0,
            points: Vec::new(),
        };
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval_at(start + every, every);
            loop {
                tokio::select! {
                    _ = ticks.tick() => clock.tick().await,
                    _ = &mut ended => break,
                }
            }
            if clock.last.elapsed() >= REST || clock.points.is_empty() {
                clock.tick().await;
            }
            clock.progress.end();
            clock.points
        });
        Self { end, task }
    }

    /// Ends the measurement and returns the points.
    pub(crate) async fn end(self) -> Vec<Point> {
        let _has_ended = self.end.send(());
        self.task.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

impl Clock {
    async fn tick(&mut self) {
        let interval = self.tally.cut();
        let at = Instant::now();
        let cpu = own_cpu_seconds();
        let took = at.duration_since(self.last).as_secs_f64().max(1e-6);
        let mut point = point(&interval, took);
        point.at_seconds = at.duration_since(self.start).as_secs_f64();
        point.client_cores = (cpu - self.client_cpu_seconds).max(0.0) / took;
        point.server = self.sampler.look().await;
        (self.last, self.client_cpu_seconds) = (at, cpu);
        self.progress.show(&point);
        self.points.push(point);
        self.judge(&interval);
    }

    fn judge(&mut self, interval: &Interval) {
        if self.sampler.is_gone() {
            self.stop.call("the server has ended");
        }
        let silent = interval.unanswered > 0 && interval.completed + interval.refused == 0;
        self.silent = if silent { self.silent + 1 } else { 0 };
        if self.silent >= SILENT_MAX {
            self.stop.call("the server does not answer any more");
        }
    }
}

/// Converts the counts of an interval into a point with rates per second.
fn point(interval: &Interval, seconds: f64) -> Point {
    let rate = |count: u64| count as f64 / seconds;
    let quantile = |q| interval.times.quantile(q).map(|time| time.as_micros() as u64);
    Point {
        offered: rate(interval.offered),
        completed: rate(interval.completed),
        failed: rate(interval.failed),
        refused: rate(interval.refused),
        in_flight: interval.in_flight,
        p50_us: quantile(0.5),
        p99_us: quantile(0.99),
        ..Point::default()
    }
}

/// Returns the processor time of the harness so far, in seconds; 0 if it is unknown.
pub(crate) fn own_cpu_seconds() -> f64 {
    process::cpu_seconds(std::process::id()).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LoadError;
    use crate::client::recorder::Recorder;
    use crate::out::report::step::WHOLE;

    async fn metered(seconds: u64, tally: &Arc<Tally>, stop: &Stop) -> Vec<Point> {
        let sampler = Sampler::start(None, None).await;
        let (tally, stop) = (tally.clone(), stop.clone());
        let meter = Meter::start(tally, stop, sampler, Progress::new(true), None);
        tokio::time::sleep(Duration::from_millis(seconds * 1000 + 300)).await;
        meter.end().await
    }

    #[tokio::test(start_paused = true)]
    async fn each_second_has_a_point_with_what_happened_in_it_per_second() {
        let tally = Arc::new(Tally::new(WHOLE));
        let writer = tally.clone();
        tokio::spawn(async move {
            for count in 1..=3 {
                tokio::time::sleep(Duration::from_millis(900)).await;
                for _ in 0..count {
                    writer.offered();
                    writer.begun(Duration::ZERO);
                    let mut recorder = Recorder::default();
                    recorder.record(WHOLE, Duration::from_millis(count));
                    writer.ended(&recorder, Ok(()));
                }
            }
        });
        let points = metered(3, &tally, &Stop::default()).await;
        let rates: Vec<_> = points.iter().map(|p| p.completed.round() as u64).collect();
        assert_eq!(rates, [1, 2, 3, 0]);
        let medians: Vec<_> = points.iter().map(|p| p.p50_us.map(|us| us / 1000)).collect();
        assert_eq!(medians, [Some(1), Some(2), Some(3), None]);
        assert_eq!(points[1].at_seconds, 2.0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_only_loses_requests_is_given_up() {
        let (tally, stop) = (Arc::new(Tally::new(WHOLE)), Stop::default());
        let writer = tally.clone();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let lost = client.get("http://127.0.0.1:1").send().await.unwrap_err();
        let source = countersign_client::ClientError::from(lost);
        let error = LoadError::Request { step: "track", source };
        tokio::spawn(async move {
            for _ in 0..10 {
                writer.begun(Duration::ZERO);
                writer.ended(&Recorder::default(), Err(&error));
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
        metered(1, &tally, &stop).await;
        assert_eq!(stop.reason(), None);
        metered(3, &tally, &stop).await;
        assert_eq!(stop.reason().as_deref(), Some("the server does not answer any more"));
    }
}

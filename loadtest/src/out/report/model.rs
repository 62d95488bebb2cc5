//! The model of a report, as its JSON file holds it. Every other form of a report is made from
//! this.
//!
//! Times are in microseconds and counted from when a thing was *meant* to begin, in an open loop.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Format of the JSON file; a file of another one is refused.
pub const FORMAT: u32 = 1;

/// Name of the scenario in which everyone signs in within a short time.
pub const STORM: &str = "storm";

/// The measurements of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario, such as `lifecycle`.
    pub scenario: String,
    /// The command line that makes it again, without secrets.
    pub command: String,
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// Length of the measured part, in seconds.
    pub took_seconds: f64,
    /// The reason for an early end.
    pub cut_short: Option<String>,
    /// The machine that the load came from.
    pub machine: Machine,
    /// The server under load.
    pub server: Server,
    /// Settings of the run: rate, mix, delays, counts.
    pub settings: Map<String, Value>,
    /// Counts of offered arrivals and of their results.
    pub totals: Totals,
    /// Latencies of the steps, in the order in which they happen.
    pub steps: Vec<Step>,
    /// Points of the series, one a second.
    pub series: Vec<Point>,
    /// Failures, most frequent first.
    pub errors: Vec<Failures>,
    /// Single numbers that only this scenario has.
    pub figures: Map<String, Value>,
    /// Findings of `capacity`; `None` for other scenarios. The rest of the report is then of the
    /// run at the highest rate, or of none: nothing offered, no steps, no series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<super::capacity::Capacity>,
}

/// The machine that something was measured on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    /// Its processors' model.
    pub cpu: String,
    /// Cores that the process may use.
    pub cores: usize,
    /// Its memory, in bytes.
    pub memory_bytes: u64,
    /// Its kernel.
    pub kernel: String,
}

/// The server under load.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Server {
    /// Its address.
    pub url: String,
    /// True if the harness started the server for this run.
    pub spawned: bool,
    /// Its store, such as `memory:`; none if it is not known.
    pub store: Option<String>,
    /// Its worker threads; none if it is not known.
    pub workers: Option<usize>,
    /// The cores that it was pinned to; empty if it was not.
    pub cores: Vec<usize>,
    /// The cores that the harness was pinned to; empty if it was not.
    pub client_cores: Vec<usize>,
}

/// Counts of offered arrivals and of their results.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Totals {
    /// Arrivals that the schedule had; in a closed loop, those that were begun.
    pub offered: u64,
    /// Arrivals that began.
    pub begun: u64,
    /// Arrivals that began more than a millisecond after their scheduled begin.
    pub late: u64,
    /// The longest delay of a begin, in microseconds.
    pub late_max_us: u64,
    /// Arrivals that completed.
    pub completed: u64,
    /// Arrivals that failed.
    pub failed: u64,
    /// Arrivals that the server refused with 429 or 503, as it should under too much load.
    pub refused: u64,
    /// Processor time of the server, in seconds; none if it is not known.
    pub server_cpu_seconds: Option<f64>,
    /// Processor time of the harness, in seconds.
    pub client_cpu_seconds: f64,
}

/// Latencies of a step.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Step {
    /// Its name, such as `track`.
    pub name: String,
    /// A few words about the step.
    pub about: String,
    /// The times, in microseconds.
    #[serde(with = "super::histogram")]
    pub times: Histogram<u64>,
}

/// One interval of a run, of a second where nothing else is said.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// Its end, in seconds from the begin of the measured part.
    pub at_seconds: f64,
    /// Scheduled arrivals of the interval, per second.
    pub offered: f64,
    /// Completed arrivals of the interval, per second.
    pub completed: f64,
    /// Failed arrivals of the interval, per second.
    pub failed: f64,
    /// Refused arrivals of the interval, per second.
    pub refused: f64,
    /// Lifecycles under way at the end of the interval.
    pub in_flight: u64,
    /// Median latency of the interval, in microseconds; `None` if nothing completed.
    pub p50_us: Option<u64>,
    /// 99th percentile of the interval, in microseconds; `None` if nothing completed.
    pub p99_us: Option<u64>,
    /// Cores that the harness used in it, on average.
    pub client_cores: f64,
    /// Resident memory of the harness at its end, in bytes; none if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_rss_bytes: Option<u64>,
    /// The server's own figures at the end of the interval; `None` if they could not be read.
    pub server: Option<ServerPoint>,
}

impl Point {
    /// One of the server's figures, if it is known.
    pub(crate) fn of_server<T>(&self, of: impl Fn(&ServerPoint) -> Option<T>) -> Option<T> {
        of(self.server.as_ref()?)
    }
}

/// A server's own figures, and those of its system.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ServerPoint {
    /// Cores that it used since the last point, on average.
    pub cores: Option<f64>,
    /// Its resident memory, in bytes.
    pub rss_bytes: Option<u64>,
    /// Its open descriptors.
    pub descriptors: Option<u64>,
    /// Its actors, of all kinds.
    pub actors: Option<u64>,
    /// The polls that it holds.
    pub waiters: Option<u64>,
    /// Signatures per batch since the last point, on average.
    pub batch_units: Option<f64>,
    /// Commits recorded so far.
    pub commits: Option<u64>,
}

/// Things that went wrong in the same way.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Failures {
    /// The step that failed.
    pub step: String,
    /// Kind of the failure, such as `503 temporarily_unavailable` or `connection refused`.
    pub kind: String,
    /// Number of failures.
    pub count: u64,
    /// True if the failure is a refusal that an overloaded server should give.
    pub refusal: bool,
    /// The words of the first.
    pub first: String,
}

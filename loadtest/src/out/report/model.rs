//! The model of a report, which is also the structure of its JSON file. Every other form of a
//! report is made from this model.
//!
//! Latencies are in microseconds. In an open loop they count from the *scheduled* start of an
//! arrival.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Format version of the JSON file. A file with another version is rejected.
pub const FORMAT: u32 = 1;

/// Name of the scenario in which everyone signs in within a short time.
pub const STORM: &str = "storm";

/// The measurements of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// Format version: [`FORMAT`].
    pub format: u32,
    /// Name of the scenario, such as `lifecycle`.
    pub scenario: String,
    /// The command line that repeats the run, without secrets.
    pub command: String,
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// Length of the measured part, in seconds.
    pub took_seconds: f64,
    /// The reason why the run ended early; `None` if it ran to its end.
    pub cut_short: Option<String>,
    /// The machine that the load came from.
    pub machine: Machine,
    /// The server under load.
    pub server: Server,
    /// Settings of the run, such as rate, mix, delays and counts.
    pub settings: Map<String, Value>,
    /// Counts of offered arrivals and of their results.
    pub totals: Totals,
    /// Latencies of the steps, in the order of the steps.
    pub steps: Vec<Step>,
    /// The series over time: one point per second, or fewer in a long run.
    pub series: Vec<Point>,
    /// Failures by step and kind, with the most frequent first.
    pub errors: Vec<Failures>,
    /// Figures that only this scenario has, by name.
    pub figures: Map<String, Value>,
    /// Findings of `capacity`; `None` for other scenarios. The other fields then describe the trial
    /// with the highest rate that met the objective, or the last trial if none did. In a report
    /// without any trial they have no arrivals, no steps and no series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<super::capacity::Capacity>,
}

/// The machine that a measurement was made on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    /// Model of the machine's processors.
    pub cpu: String,
    /// Number of cores that the process may use.
    pub cores: usize,
    /// Size of the machine's memory, in bytes.
    pub memory_bytes: u64,
    /// Name and version of the machine's kernel.
    pub kernel: String,
}

/// The server under load.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Server {
    /// Base URL of the server.
    pub url: String,
    /// True if the harness started the server for this run.
    pub spawned: bool,
    /// The server's store, such as `memory:`; `None` if it is unknown.
    pub store: Option<String>,
    /// Number of the server's worker threads; `None` if it is unknown.
    pub workers: Option<usize>,
    /// The cores that the server is pinned to; empty if it is not pinned.
    pub cores: Vec<usize>,
    /// The cores that the harness is pinned to; empty if it is not pinned.
    pub client_cores: Vec<usize>,
}

/// Counts of offered arrivals and of their results.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Totals {
    /// Scheduled arrivals; in a closed loop, arrivals that began.
    pub offered: u64,
    /// Arrivals that began.
    pub begun: u64,
    /// Arrivals that began more than 1 ms after their scheduled start.
    pub late: u64,
    /// The longest delay between a scheduled and an actual start, in microseconds.
    pub late_max_us: u64,
    /// Arrivals that completed.
    pub completed: u64,
    /// Arrivals that failed.
    pub failed: u64,
    /// Arrivals that the server refused with 429 or 503, as an overloaded server should.
    pub refused: u64,
    /// Processor time of the server during the run, in seconds; `None` if it is unknown.
    pub server_cpu_seconds: Option<f64>,
    /// Processor time of the harness during the run, in seconds.
    pub client_cpu_seconds: f64,
}

/// Latencies of a step.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Step {
    /// Name of the step, such as `track`.
    pub name: String,
    /// A short description of the step.
    pub about: String,
    /// The times, in microseconds.
    #[serde(with = "super::histogram")]
    pub times: Histogram<u64>,
}

/// One interval of a run. It lasts a second, or longer in a long run.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Point {
    /// End of the interval, in seconds from the start of the measured part.
    pub at_seconds: f64,
    /// Scheduled arrivals of the interval, per second.
    pub offered: f64,
    /// Completed arrivals of the interval, per second.
    pub completed: f64,
    /// Failed arrivals of the interval, per second.
    pub failed: f64,
    /// Refused arrivals of the interval, per second.
    pub refused: f64,
    /// Arrivals in progress at the end of the interval.
    pub in_flight: u64,
    /// Median latency of the interval, in microseconds; `None` if nothing completed.
    pub p50_us: Option<u64>,
    /// 99th percentile of the interval, in microseconds; `None` if nothing completed.
    pub p99_us: Option<u64>,
    /// Cores that the harness used in the interval, on average.
    pub client_cores: f64,
    /// Resident memory of the harness at the end of the interval, in bytes; `None` if it is
    /// unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_rss_bytes: Option<u64>,
    /// Figures of the server at the end of the interval; `None` if they could not be read.
    pub server: Option<ServerPoint>,
}

impl Point {
    /// Returns one of the server's figures; `None` if it is unknown.
    pub(crate) fn of_server<T>(&self, of: impl Fn(&ServerPoint) -> Option<T>) -> Option<T> {
        of(self.server.as_ref()?)
    }
}

/// Figures of a server, from its metrics and from the operating system. An unknown figure is
/// `None`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct ServerPoint {
    /// Cores that the server used since the previous point, on average.
    pub cores: Option<f64>,
    /// Resident memory, in bytes.
    pub rss_bytes: Option<u64>,
    /// Number of open descriptors.
    pub descriptors: Option<u64>,
    /// Number of actors of all kinds.
    pub actors: Option<u64>,
    /// Number of polls that the server holds.
    pub waiters: Option<u64>,
    /// Signatures per batch since the previous point, on average.
    pub batch_units: Option<f64>,
    /// Number of units that the store has committed so far.
    pub commits: Option<u64>,
}

/// Failures of the same step and the same kind.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Failures {
    /// The step that failed.
    pub step: String,
    /// Kind of the failure, such as `503 temporarily_unavailable` or `connection refused`.
    pub kind: String,
    /// Number of failures.
    pub count: u64,
    /// True if the failure is a refusal that an overloaded server should send.
    pub refusal: bool,
    /// Text of the first of these failures.
    pub first: String,
}

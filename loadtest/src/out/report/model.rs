//! What a run measured, as its JSON file holds it. Every other form of a report is made from this.
//!
//! Times are in microseconds and counted from when a thing was *meant* to begin, in an open loop.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Format of the JSON file; a file of another one is refused.
pub const FORMAT: u32 = 1;

/// Name of the scenario in which everyone signs in within a short time.
pub const STORM: &str = "storm";

/// What a run measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// The scenario, such as `lifecycle`.
    pub scenario: String,
    /// The command line that makes it again, without secrets.
    pub command: String,
    /// When it began, RFC 3339, UTC.
    pub started_at: String,
    /// How long the measured part took, in seconds.
    pub took_seconds: f64,
    /// Whether it was ended before its time, and why.
    pub cut_short: Option<String>,
    /// The machine that the load came from.
    pub machine: Machine,
    /// The server under load.
    pub server: Server,
    /// What was asked for: rate, mix, delays, counts.
    pub settings: Map<String, Value>,
    /// What was offered, and what came of it.
    pub totals: Totals,
    /// How long each step took, in the order in which they happen.
    pub steps: Vec<Step>,
    /// What happened second by second.
    pub series: Vec<Point>,
    /// What went wrong, most frequent first.
    pub errors: Vec<Failures>,
    /// Single numbers that only this scenario has.
    pub figures: Map<String, Value>,
    /// What `capacity` found; none for other scenarios. What the report holds besides is then of
    /// the run at the highest rate, or of none: nothing offered, no steps, no series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<super::capacity::Capacity>,
}

/// The machine that something was measured on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    /// Its processors' model.
    pub cpu: String,
    /// How many of them the process may use.
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
    /// Whether it was started for the run.
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

/// What was offered, and what came of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Totals {
    /// Arrivals that the schedule had; in a closed loop, those that were begun.
    pub offered: u64,
    /// Those that were begun.
    pub begun: u64,
    /// Those that were begun more than a millisecond after they were meant to be.
    pub late: u64,
    /// The longest delay of a begin, in microseconds.
    pub late_max_us: u64,
    /// Those that ended as they should.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that the server refused with 429 or 503, as it should under too much load.
    pub refused: u64,
    /// Processor time of the server, in seconds; none if it is not known.
    pub server_cpu_seconds: Option<f64>,
    /// Processor time of the harness, in seconds.
    pub client_cpu_seconds: f64,
}

/// How long a step took.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Step {
    /// Its name, such as `track`.
    pub name: String,
    /// What it is, in a few words.
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
    /// Arrivals that were meant to begin in it, per second.
    pub offered: f64,
    /// Those that completed in it, per second.
    pub completed: f64,
    /// Those that failed in it, per second.
    pub failed: f64,
    /// Those that were refused in it, per second.
    pub refused: f64,
    /// How many were under way at its end.
    pub in_flight: u64,
    /// Median of what completed in it, in microseconds; none if nothing did.
    pub p50_us: Option<u64>,
    /// 99 in 100 of what completed in it took no longer, in microseconds.
    pub p99_us: Option<u64>,
    /// Cores that the harness used in it, on average.
    pub client_cores: f64,
    /// Resident memory of the harness at its end, in bytes; none if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_rss_bytes: Option<u64>,
    /// What the server said of itself at its end; none if it could not be asked.
    pub server: Option<ServerPoint>,
}

/// What a server says of itself, and the system of it.
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
    /// In which way, such as `503 temporarily_unavailable` or `connection refused`.
    pub kind: String,
    /// How often.
    pub count: u64,
    /// Whether it is what a server should do under too much load.
    pub refusal: bool,
    /// The words of the first.
    pub first: String,
}

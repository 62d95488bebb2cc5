//! Findings of the `capacity` command in the JSON file: the trials of the search, the fitted costs,
//! and the planner's table.

use serde::{Deserialize, Serialize};

/// The highest rate that a server sustains, and the costs for a planner.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Capacity {
    /// The highest rate that met the objective, in lifecycles per second; 0 if none did.
    pub highest_rate: f64,
    /// The objective.
    pub objective: Objective,
    /// The reason for the end of the search.
    pub conclusion: Conclusion,
    /// Every trial, in the order of the search.
    pub trials: Vec<Trial>,
    /// The fitted costs, with their measurements.
    pub fits: Vec<Fit>,
    /// Assumptions of the planner's table.
    pub assumptions: Assumptions,
    /// The planner's table.
    pub plan: Vec<Plan>,
    /// Findings for the same server with other stores.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<StoreFindings>,
}

/// Findings with one store.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct StoreFindings {
    /// The store, such as `sqlite`, without a password.
    pub store: String,
    /// The highest rate that met the objective, in lifecycles per second; 0 if none did.
    pub highest_rate: f64,
    /// The reason for the end of the search.
    pub conclusion: Conclusion,
    /// The fitted costs, with their measurements.
    pub fits: Vec<Fit>,
    /// The planner's table from these costs; empty in files of older versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<Plan>,
}

impl Capacity {
    /// Returns the findings for every store: first those of this report, under the name `first`,
    /// then those of the other stores.
    pub(crate) fn by_store(&self, first: &str) -> Vec<StoreFindings> {
        let own = StoreFindings::new(first.to_owned(), self.clone());
        std::iter::once(own).chain(self.beside.iter().cloned()).collect()
    }
}

/// The limits that a trial has to meet.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Objective {
    /// The quantile, such as 0.99.
    pub quantile: f64,
    /// The longest latency at this quantile, in microseconds.
    pub latency_us: u64,
    /// The largest share of arrivals that may fail to complete, from 0 to 1.
    pub errors_share: f64,
}

/// The reason for the end of a search.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The search found the highest rate that meets the objective, and a slightly higher rate that
    /// does not.
    Found,
    /// The maximum rate of the search meets the objective, so the server sustains even more.
    Ceiling,
    /// Even the minimum rate of the search misses the objective.
    Nothing,
    /// The search used up its trials. The highest rate is the best one so far.
    GaveUp,
}

/// One trial of a search.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Trial {
    /// The requested rate, per second.
    pub rate: f64,
    /// Completed lifecycles per second.
    pub completed_rate: f64,
    /// The latency of completed lifecycles at the objective's quantile, in microseconds; `None` if
    /// none completed.
    pub latency_us: Option<u64>,
    /// The share of arrivals that did not complete, from 0 to 1.
    pub errors_share: f64,
    /// Number of completed lifecycles.
    pub samples: u64,
    /// The cores that the server used, on average; `None` if they are unknown.
    pub server_cores: Option<f64>,
    /// The share of its cores that the harness used, from 0 to 1.
    pub client_share: f64,
    /// The share of started arrivals that began late, from 0 to 1.
    pub late_share: f64,
    /// True if the trial met the objective.
    pub met: bool,
}

/// A kind of cost.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Processor time of the server for a lifecycle, in seconds.
    CpuPerLifecycle,
    /// Processor time of the server for a step, in seconds.
    CpuPerStep,
    /// Bytes of the server's memory for a pending challenge.
    BytesPerChallenge,
    /// Bytes of the server's memory for a browser parked over HTTP/1.1.
    BytesPerWaiterHttp1,
    /// Bytes of the server's memory for a browser parked over HTTP/2.
    BytesPerWaiterHttp2,
    /// Bytes of the server's memory for an enrolled device that is active.
    BytesPerDevice,
    /// Writes to the store for a lifecycle.
    WritesPerLifecycle,
    /// Bytes of Redis's memory for an enrolled device.
    RedisBytesPerDevice,
    /// Bytes of Redis's memory for a finished lifecycle, with its challenges.
    RedisBytesPerLifecycle,
    /// Bytes of Redis's memory for a finished lifecycle after the retention of its challenges.
    RedisBytesPerOldLifecycle,
    /// Bytes of a SQLite file for an enrolled device.
    DiskBytesPerDevice,
    /// Bytes of a SQLite file for a finished lifecycle, with its challenges.
    DiskBytesPerLifecycle,
    /// Bytes of a SQLite file for a finished lifecycle after the retention of its challenges.
    DiskBytesPerOldLifecycle,
}

/// A line through measurements: the cost of one more unit, and the cost at zero units.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fit {
    /// The kind of cost.
    pub cost: Cost,
    /// The step, if the cost belongs to a single step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Cost of one more unit: seconds, bytes or writes.
    pub slope: f64,
    /// Standard error of the slope; `None` if there are no more measurements than coefficients.
    pub slope_error: Option<f64>,
    /// Cost at zero units: cores, bytes or writes.
    pub intercept: f64,
    /// Share of the measurements' variation that the line explains, at most 1; `None` if all
    /// measurements are equal.
    pub r2: Option<f64>,
    /// The largest distance of a measurement from the line, as a share of the measurements' range.
    pub deviation_max: f64,
    /// The measurements: a count (or a rate per second) and its cost. It is empty for a step,
    /// because all steps are fitted together.
    pub points: Vec<(f64, f64)>,
}

/// Assumptions of a plan.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Assumptions {
    /// Mean time until a person answers, in seconds. During this time the challenge is pending and
    /// the browser is parked.
    pub human_delay_seconds: f64,
    /// Number of devices per user.
    pub devices_per_user: f64,
    /// The share of devices that are active at the peak, and therefore in memory, from 0 to 1.
    pub active_share: f64,
    /// The share of browsers that use HTTP/2, from 0 to 1.
    pub http2_share: f64,
    /// The share of cores and memory that stays free, from 0 to 1.
    pub headroom: f64,
    /// Retention time of finished lifecycles in the store, in days.
    pub retention_days: f64,
    /// Retention time of their challenges, in days. `None` in files of older versions, whose plans
    /// kept the challenges for as long as the lifecycles.
    #[serde(default)]
    pub challenge_retention_days: Option<f64>,
    /// Number of cores that the server had during the search.
    pub cores_measured: f64,
}

/// A number of users, and the resources for it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    /// Number of users.
    pub users: u64,
    /// Challenges of all users per day.
    pub challenges_per_day: f64,
    /// Ratio of the peak rate to the average rate.
    pub peak_factor: f64,
    /// Challenges per second at the peak.
    pub peak_rate: f64,
    /// Number of pending challenges at the peak.
    pub pending: f64,
    /// Number of whole cores, with the headroom; `None` if the cost is unknown.
    pub cores: Option<u64>,
    /// Memory of the server in bytes, with the headroom; `None` if a cost is unknown.
    pub memory_bytes: Option<f64>,
    /// Writes to the store per second at the peak; `None` if the cost is unknown.
    pub writes_per_second: Option<f64>,
    /// Memory of Redis in bytes, with the headroom; `None` if a cost is unknown.
    pub redis_memory_bytes: Option<f64>,
    /// Size of the SQLite file in bytes, with the headroom; `None` if a cost is unknown.
    #[serde(default)]
    pub disk_bytes: Option<f64>,
    /// True if the peak rate is above the highest rate that met the objective.
    pub extrapolated: bool,
}

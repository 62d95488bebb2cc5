//! Findings of `capacity` as the JSON file holds them: the trials of the search, the fitted costs,
//! and the planner's table.

use serde::{Deserialize, Serialize};

/// The highest rate of a server, and the costs for a planner.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Capacity {
    /// The highest rate that met the objective, in lifecycles per second; 0 if none did.
    pub highest_rate: f64,
    /// The objective.
    pub objective: Objective,
    /// The end of the search.
    pub conclusion: Conclusion,
    /// Every trial, in the order in which they were made.
    pub trials: Vec<Trial>,
    /// Costs with the measurements behind them.
    pub fits: Vec<Fit>,
    /// Assumptions of the table.
    pub assumptions: Assumptions,
    /// The planner's table.
    pub plan: Vec<Plan>,
    /// Results of the same server with other stores.
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
    /// The end of the search.
    pub conclusion: Conclusion,
    /// Costs with the measurements behind them.
    pub fits: Vec<Fit>,
    /// The planner's table, from these costs; empty in files of versions that had none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plan: Vec<Plan>,
}

impl Capacity {
    /// The findings with each store, the first of which has that name.
    pub(crate) fn by_store(&self, first: &str) -> Vec<StoreFindings> {
        let own = StoreFindings::new(first.to_owned(), self.clone());
        std::iter::once(own).chain(self.beside.iter().cloned()).collect()
    }
}

/// The bounds that a trial has to meet.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Objective {
    /// The quantile, such as 0.99.
    pub quantile: f64,
    /// The longest time that it may be, in microseconds.
    pub latency_us: u64,
    /// The largest share of arrivals that may not complete, from 0 to 1.
    pub errors_share: f64,
}

/// The reason for the end of a search.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// The highest rate that meets the objective was found, and the next one that does not.
    Found,
    /// The highest rate that may be tried meets it: the server can do more.
    Ceiling,
    /// Not even the lowest rate that may be tried meets it.
    Nothing,
    /// The trials were used up: the highest rate is the best that was seen so far.
    GaveUp,
}

/// One trial of a search.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Trial {
    /// The rate that was asked for, per second.
    pub rate: f64,
    /// Completed lifecycles per second.
    pub completed_rate: f64,
    /// The objective's quantile of completed lifecycles, in microseconds; `None` if none completed.
    pub latency_us: Option<u64>,
    /// The share of arrivals that did not complete, from 0 to 1.
    pub errors_share: f64,
    /// Completed lifecycles.
    pub samples: u64,
    /// The cores that the server used, on average.
    pub server_cores: Option<f64>,
    /// The part of its cores that the harness used, from 0 to 1.
    pub client_share: f64,
    /// The share of arrivals that were begun late, from 0 to 1.
    pub late_share: f64,
    /// True if the trial met the objective.
    pub met: bool,
}

/// A kind of cost.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Seconds of the server's processor time for a lifecycle.
    CpuPerLifecycle,
    /// Seconds of the server's processor time for a step.
    CpuPerStep,
    /// Bytes of the server's memory for a pending challenge.
    BytesPerChallenge,
    /// Bytes of the server's memory for a browser parked over HTTP/1.1.
    BytesPerWaiterHttp1,
    /// Bytes of the server's memory for a browser parked over HTTP/2.
    BytesPerWaiterHttp2,
    /// Bytes of the server's memory for an enrolled device that is active.
    BytesPerDevice,
    /// Writes of the store for a lifecycle.
    WritesPerLifecycle,
    /// Bytes of Redis's memory for an enrolled device.
    RedisBytesPerDevice,
    /// Bytes of Redis's memory for a lifecycle that is kept.
    RedisBytesPerLifecycle,
}

/// A line through measurements: the cost of one more, and the cost at zero.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fit {
    /// The resource.
    pub cost: Cost,
    /// The step, if the cost is of one step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Cost of one more.
    pub slope: f64,
    /// Standard error of the slope; `None` if there are no more points than the line needs.
    pub slope_error: Option<f64>,
    /// Cost at zero: idle cores, or bytes.
    pub intercept: f64,
    /// Share of the measurements' variation that the line explains, at most 1; `None` if they do
    /// not vary.
    pub r2: Option<f64>,
    /// The largest distance of a measurement from the line, as a part of the measurements' range.
    pub deviation_max: f64,
    /// The measurements: a count (or a rate per second) and its cost. Empty for a step, because the
    /// steps are fitted together.
    pub points: Vec<(f64, f64)>,
}

/// Assumptions of a plan.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Assumptions {
    /// Time until people answer, in seconds. For that time a challenge is pending and a browser
    /// parked.
    pub human_delay_seconds: f64,
    /// Devices of each user.
    pub devices_per_user: f64,
    /// The share of devices that are active, and so in memory, at the peak, from 0 to 1.
    pub active_share: f64,
    /// The share of browsers that come over HTTP/2, from 0 to 1.
    pub http2_share: f64,
    /// The part of cores and memory that is kept free, from 0 to 1.
    pub headroom: f64,
    /// Days for which the store keeps finished lifecycles.
    pub retention_days: f64,
    /// The cores that the server had when its highest rate was found.
    pub cores_measured: f64,
}

/// A demand and the resources for it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct Plan {
    /// Its users.
    pub users: u64,
    /// Their challenges in a day, all together.
    pub challenges_per_day: f64,
    /// Ratio of the peak rate to the average rate.
    pub peak_factor: f64,
    /// Challenges per second at the peak.
    pub peak_rate: f64,
    /// Challenges that are pending at the peak.
    pub pending: f64,
    /// Whole cores, with the headroom; none if their cost is not known.
    pub cores: Option<u64>,
    /// Memory of the server, with the headroom, in bytes; none if its cost is not known.
    pub memory_bytes: Option<f64>,
    /// Writes of the store per second at the peak; none if they are not known.
    pub writes_per_second: Option<f64>,
    /// Memory of Redis, with the headroom, in bytes; none if its cost is not known.
    pub redis_memory_bytes: Option<f64>,
    /// True if the peak is above the highest rate that met the objective in a trial.
    pub extrapolated: bool,
}

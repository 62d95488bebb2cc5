//! Resource plans for a number of users, from fitted costs.
//!
//! * Challenges per second at the peak are a day's challenges, spread evenly over the day, times
//!   the peak factor.
//! * Pending challenges at the peak are the peak rate times the mean delay of a person (Little's
//!   law).
//! * Cores are enough if each of them is as busy as the server's cores were at the highest rate
//!   that met the objective, less the headroom. If the search did not find that rate, a core may be
//!   busy all the time. The plan assumes that capacity grows in proportion to the cores, and one
//!   machine cannot prove that.
//! * Memory is the memory of an idle server, of the active devices and of the pending challenges.
//! * The store keeps every device, and every lifecycle for the retention time. A lifecycle is fresh
//!   until the retention time of its challenges is over, and then old, which takes less. The empty
//!   store does not count.

use crate::out::report::capacity::{
    Assumptions, Capacity, Conclusion, Cost, Fit, Objective, Plan, StoreFindings,
};

use super::search::{Next, Search};

const DAY_SECONDS: f64 = 86_400.0;
/// Costs of the bytes that a store keeps: of a device, of a fresh lifecycle, and of an old one.
const REDIS: [Cost; 3] =
    [Cost::RedisBytesPerDevice, Cost::RedisBytesPerLifecycle, Cost::RedisBytesPerOldLifecycle];
const DISK: [Cost; 3] =
    [Cost::DiskBytesPerDevice, Cost::DiskBytesPerLifecycle, Cost::DiskBytesPerOldLifecycle];

/// A load to plan for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Number of users.
    pub users: u64,
    /// Challenges of each user per day.
    pub challenges_per_user: f64,
    /// Ratio of the peak rate to the average rate.
    pub peak_factor: f64,
}

/// The loads in every report: from 1,000 users (a company) to 10 million (a bank). Each user signs
/// in twice a day, and the peak in the morning is ten times the average rate.
pub const USUAL: [Demand; 5] =
    [usual(1_000), usual(10_000), usual(100_000), usual(1_000_000), usual(10_000_000)];

const fn usual(users: u64) -> Demand {
    Demand { users, challenges_per_user: 2.0, peak_factor: 10.0 }
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            human_delay_seconds: 10.0,
            devices_per_user: 1.2,
            active_share: 0.1,
            http2_share: 0.0,
            headroom: 0.3,
            retention_days: 30.0,
            challenge_retention_days: Some(1.0),
            cores_measured: 1.0,
        }
    }
}

impl Assumptions {
    /// Returns the retention time of challenges, in days. It is at most that of lifecycles, because
    /// a challenge goes with its lifecycle.
    pub fn challenge_days(&self) -> f64 {
        self.challenge_retention_days.unwrap_or(self.retention_days).min(self.retention_days)
    }
}

impl Capacity {
    /// Builds a capacity report from a search, its fitted costs and demands. If the search has not
    /// ended, the conclusion is [`Conclusion::GaveUp`].
    pub fn new(
        objective: Objective,
        search: &Search,
        fits: Vec<Fit>,
        assumptions: Assumptions,
        demands: &[Demand],
    ) -> Self {
        let (highest_rate, conclusion) = match search.next() {
            Next::Done { highest_rate, conclusion } => (highest_rate, conclusion),
            Next::Try(_) => (search.highest_so_far(), Conclusion::GaveUp),
        };
        let mut capacity = Self {
            highest_rate,
            objective,
            conclusion,
            trials: search.trials().to_vec(),
            fits,
            assumptions,
            plan: Vec::new(),
            beside: Vec::new(),
        };
        capacity.plan = demands.iter().map(|demand| capacity.plan_for(demand)).collect();
        capacity
    }

    /// Returns the fit of a cost that does not belong to a single step.
    pub fn fit(&self, cost: Cost) -> Option<&Fit> {
        fit(&self.fits, cost)
    }

    /// Plans the resources for one demand.
    pub fn plan_for(&self, demand: &Demand) -> Plan {
        let Assumptions { headroom, human_delay_seconds, .. } = self.assumptions;
        let users = demand.users as f64;
        let challenges_per_day = users * demand.challenges_per_user;
        let peak_rate = challenges_per_day / DAY_SECONDS * demand.peak_factor;
        let pending = peak_rate * human_delay_seconds;
        let free = 1.0 - headroom.clamp(0.0, 0.99);
        let writes = self.fit(Cost::WritesPerLifecycle);
        Plan {
            users: demand.users,
            challenges_per_day,
            peak_factor: demand.peak_factor,
            peak_rate,
            pending,
            cores: self.cores(peak_rate, free),
            memory_bytes: self.memory(users, pending).map(|bytes| bytes / free),
            writes_per_second: writes.map(|fit| positive(fit.slope) * peak_rate),
            redis_memory_bytes: self.kept(demand, REDIS).map(|bytes| bytes / free),
            disk_bytes: self.kept(demand, DISK).map(|bytes| bytes / free),
            extrapolated: peak_rate > self.highest_rate,
        }
    }

    /// Returns the share of its cores that the server used at the highest rate, at most 1; `None`
    /// if the search did not find that rate.
    pub fn busy_share(&self) -> Option<f64> {
        self.busy_share_of(self.by_store("").first()?)
    }

    /// Returns the share of its cores that the server used with a store, at the highest rate for
    /// that store; `None` if the search did not find that rate.
    pub fn busy_share_of(&self, found: &StoreFindings) -> Option<f64> {
        if found.conclusion != Conclusion::Found {
            return None;
        }
        let cpu = fit(&found.fits, Cost::CpuPerLifecycle)?;
        let used = positive(cpu.intercept) + positive(cpu.slope) * found.highest_rate;
        let share = used / self.assumptions.cores_measured;
        (found.highest_rate > 0.0 && share > 0.0).then(|| share.min(1.0))
    }

    fn cores(&self, peak_rate: f64, free: f64) -> Option<u64> {
        let cpu = self.fit(Cost::CpuPerLifecycle)?;
        let used = positive(cpu.intercept) + positive(cpu.slope) * peak_rate;
        let busy = match self.conclusion {
            Conclusion::Found => self.busy_share()?,
            // The server's limit is unknown, so the plan uses the whole of each core.
            Conclusion::Ceiling | Conclusion::GaveUp => 1.0,
            Conclusion::Nothing => return None,
        };
        let cores = used / (busy * free);
        // A value that differs from a whole number only by a rounding error counts as that number.
        Some((cores - 1e-9).ceil().max(1.0) as u64)
    }

    fn memory(&self, users: f64, pending: f64) -> Option<f64> {
        let Assumptions { devices_per_user, active_share, http2_share, .. } = self.assumptions;
        let (challenge, device) =
            (self.fit(Cost::BytesPerChallenge)?, self.fit(Cost::BytesPerDevice)?);
        let http1 = self.fit(Cost::BytesPerWaiterHttp1)?;
        let http2 = self.fit(Cost::BytesPerWaiterHttp2).unwrap_or(http1);
        let waiter =
            positive(http1.slope) * (1.0 - http2_share) + positive(http2.slope) * http2_share;
        let active = users * devices_per_user * active_share;
        // Each fit has its own intercept for an idle server. We use the largest one, to be safe.
        let empty = [challenge, device, http1].map(|fit| positive(fit.intercept));
        let empty = empty.into_iter().fold(0.0, f64::max);
        Some(
            empty
                + active * positive(device.slope)
                + pending * (positive(challenge.slope) + waiter),
        )
    }

    /// Returns the bytes that a store keeps, from the costs of a device, of a fresh lifecycle and
    /// of an old one.
    fn kept(&self, demand: &Demand, [device, fresh, old]: [Cost; 3]) -> Option<f64> {
        let users = demand.users as f64;
        let fresh_days = self.assumptions.challenge_days();
        let old_days = self.assumptions.retention_days - fresh_days;
        let bytes = |cost| Some(positive(self.fit(cost)?.slope));
        // A lifecycle is never old if its challenges are kept for as long as itself.
        let old = if old_days > 0.0 { bytes(old)? } else { 0.0 };
        let each_day = users * demand.challenges_per_user;
        let lifecycles = each_day * (fresh_days * bytes(fresh)? + old_days * old);
        Some(users * self.assumptions.devices_per_user * bytes(device)? + lifecycles)
    }
}

impl StoreFindings {
    /// Builds the findings for a store from the capacity report of its search.
    pub fn new(store: String, found: Capacity) -> Self {
        let Capacity { highest_rate, conclusion, fits, plan, .. } = found;
        Self { store, highest_rate, conclusion, fits, plan }
    }
}

fn fit(fits: &[Fit], cost: Cost) -> Option<&Fit> {
    fits.iter().find(|fit| fit.cost == cost && fit.step.is_none())
}

/// Replaces a negative cost with 0, because it is only noise of the measurement.
fn positive(cost: f64) -> f64 {
    cost.max(0.0)
}

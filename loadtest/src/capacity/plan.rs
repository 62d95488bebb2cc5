//! Plans: the resources for a number of users, from fitted costs.
//!
//! * Challenges per second at the peak are those of a day, spread evenly, times the peak factor.
//! * Pending at the peak are as many as come while people take their time (Little's law).
//! * Cores are such that they are used no more than those of the server were at the highest rate
//!   that met the objective, less the headroom; all of a core if that rate was not found. This
//!   takes for granted that more cores bear more in proportion, which one machine cannot show.
//! * Memory is that of the empty server, and of active devices and pending challenges.
//! * Redis keeps every device, and lifecycles for as long as they are retained. Its content before
//!   the count is left out, because most of that comes from the trials.

use crate::out::report::capacity::{
    Assumptions, Capacity, Conclusion, Cost, Fit, Objective, Plan, StoreFindings,
};

use super::search::{Next, Search};

const DAY_SECONDS: f64 = 86_400.0;

/// A load to plan for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Its users.
    pub users: u64,
    /// Challenges of each of them in a day.
    pub challenges_per_user: f64,
    /// Ratio of the peak rate to the average rate.
    pub peak_factor: f64,
}

/// The loads that the report plans for: from a company to a bank, all signing in twice a day, with
/// ten times the average in the morning.
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
            cores_measured: 1.0,
        }
    }
}

impl Capacity {
    /// Builds the report of a search, which may still be under way, with its costs and demands.
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

    /// The fit of a cost that is not of a step.
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
            redis_memory_bytes: self.redis(users, challenges_per_day).map(|bytes| bytes / free),
            extrapolated: peak_rate > self.highest_rate,
        }
    }

    /// The part of the server's cores that it used at the highest rate, all of them at most; none
    /// where the search did not find that rate.
    pub fn busy_share(&self) -> Option<f64> {
        self.busy_share_of(self.by_store("").first()?)
    }

    /// Share of the cores that the server used with a store, at that store's highest rate.
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
            // The server's limit is not known: the whole of a core, then.
            Conclusion::Ceiling | Conclusion::GaveUp => 1.0,
            Conclusion::Nothing => return None,
        };
        let cores = used / (busy * free);
        // A value that is whole apart from rounding counts as whole.
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
        // Each fit has found an empty server; the largest is the safest.
        let empty = [challenge, device, http1].map(|fit| positive(fit.intercept));
        let empty = empty.into_iter().fold(0.0, f64::max);
        Some(
            empty
                + active * positive(device.slope)
                + pending * (positive(challenge.slope) + waiter),
        )
    }

    fn redis(&self, users: f64, challenges_per_day: f64) -> Option<f64> {
        let Assumptions { devices_per_user, retention_days, .. } = self.assumptions;
        let device = self.fit(Cost::RedisBytesPerDevice)?;
        let lifecycle = self.fit(Cost::RedisBytesPerLifecycle)?;
        let kept = challenges_per_day * retention_days;
        let devices = users * devices_per_user;
        Some(devices * positive(device.slope) + kept * positive(lifecycle.slope))
    }
}

impl StoreFindings {
    /// Takes the findings of a search with a store.
    pub fn new(store: String, found: Capacity) -> Self {
        let Capacity { highest_rate, conclusion, fits, plan, .. } = found;
        Self { store, highest_rate, conclusion, fits, plan }
    }
}

fn fit(fits: &[Fit], cost: Cost) -> Option<&Fit> {
    fits.iter().find(|fit| fit.cost == cost && fit.step.is_none())
}

/// A cost below nothing is noise of a measurement, and no gift.
fn positive(cost: f64) -> f64 {
    cost.max(0.0)
}

//! Summary of a run as a trial of the capacity search.

use crate::out::report::capacity::{Objective, Trial};
use crate::out::report::doubts::{CLIENT_SHARE_MAX, LATE_SHARE_MAX};
use crate::out::report::facts;
use crate::out::report::model::Report;

impl Trial {
    /// Summarizes the report of a run at `rate`. Every arrival that did not complete counts as an
    /// error. No arrival is merely unfinished, because the caller waits at the end of the run for
    /// work that has begun.
    pub fn of(rate: f64, report: &Report, objective: &Objective) -> Self {
        let totals = &report.totals;
        let offered = totals.offered as f64;
        let seconds = report.took_seconds;
        let left = totals.offered.saturating_sub(totals.completed) as f64;
        let quantile =
            |times: &hdrhistogram::Histogram<u64>| times.value_at_quantile(objective.quantile);
        let mut trial = Self {
            rate,
            completed_rate: facts::Window::of(report).completed_rate(report).unwrap_or(0.0),
            latency_us: facts::headline(report).map(|step| quantile(&step.times)),
            errors_share: facts::ratio(left, offered).unwrap_or(1.0),
            samples: totals.completed,
            server_cores: totals.server_cpu_seconds.and_then(|cpu| facts::ratio(cpu, seconds)),
            client_share: facts::client_share(report).unwrap_or(0.0),
            late_share: facts::ratio(totals.late as f64, totals.begun as f64).unwrap_or(0.0),
            met: false,
        };
        trial.met = objective.is_met_by(&trial);
        trial
    }

    /// Checks if the harness itself may have been the bottleneck.
    pub fn is_limited_by_client(&self) -> bool {
        self.client_share > CLIENT_SHARE_MAX || self.late_share > LATE_SHARE_MAX
    }
}

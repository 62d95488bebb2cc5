//! The `capacity` command: runs the trials and takes the measurements. [`crate::capacity`] chooses
//! the trials and draws the conclusions.

mod kept;
mod memory;
mod redis_memory;
mod sqlite_file;
mod steps;

use std::time::Duration;

use clap::Args;
use serde_json::json;

use crate::LoadError;
use crate::capacity::fit;
use crate::capacity::objective::{Latency, share};
use crate::capacity::plan::USUAL;
use crate::capacity::search::{Next, Search, SearchSettings};
use crate::client::people::span;
use crate::host::process;
use crate::out::report::capacity::{
    Assumptions, Capacity, Cost, Fit, Objective, StoreFindings, Trial,
};
use crate::out::report::model::{Point, Report};
use crate::run::stop::Stop;
use crate::scenario::lifecycle::{LifecycleArgs, PeopleArgs};
use crate::scenario::{LoadArgs, rate};
use crate::server::{Prepared, without_password};
use crate::session::{RunArgs, Session};

/// Maximum length of a trial, even if the objective's quantile needs more samples.
const TRIAL_MAX: Duration = Duration::from_secs(60);
/// Shares of the highest rate at which the processor time is measured.
const PARTS: [f64; 3] = [0.25, 0.5, 0.75];
/// Time over which the processor use of an idle server is measured.
const IDLE: Duration = Duration::from_secs(2);

/// The objective and the search for it.
#[derive(Args, Clone, Debug)]
pub struct CapacityArgs {
    /// Upper bound for the latency of lifecycles.
    #[arg(long, default_value = "p99=50ms")]
    pub slo: Latency,
    /// Share of lifecycles that may fail to complete.
    #[arg(long, default_value = "0.01%", value_parser = share)]
    pub errors: f64,
    /// First rate of the search, per second.
    #[arg(long, default_value_t = 100.0, value_parser = rate)]
    pub rate_start: f64,
    /// Highest rate of the search.
    #[arg(long, default_value_t = 50_000.0, value_parser = rate)]
    pub rate_max: f64,
    /// Maximum number of trials.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub trials: u16,
    /// Precision of the highest rate.
    #[arg(long, default_value = "5%", value_parser = share)]
    pub precision: f64,
    /// Shortest trial. A trial gets longer until ten samples lie beyond the percentile.
    #[arg(long, default_value = "5s", value_parser = span)]
    pub trial: Duration,
    /// Maximum number of devices, challenges and browsers for the measurement of memory.
    #[arg(long, default_value_t = 4000)]
    #[arg(value_parser = clap::value_parser!(u32).range(400..=200_000))]
    pub many: u32,
    /// Measure another store too, for a table of all stores; may be repeated.
    #[arg(long, value_name = "STORE", requires = "spawn")]
    pub beside: Vec<String>,
    /// Behaviour of the people.
    #[command(flatten)]
    pub people: PeopleArgs,
}

/// The results of the search and of the measurements so far.
struct Found {
    search: Search,
    fits: Vec<Fit>,
    /// The best trial: its success, its rate and its report. The best trial has the highest rate
    /// that met the objective. If no rate did, it is the last trial.
    best: Option<(bool, f64, Report)>,
    /// The reason why parked browsers over HTTP/2 were not measured; `None` if they were.
    missing: Option<String>,
}

/// Settings that all parts of the run share.
struct CapacityRun<'a> {
    args: &'a CapacityArgs,
    session: Session<'a>,
    objective: Objective,
}

/// Measures the highest rate and the costs of a server, with each of its stores.
///
/// # Errors
/// [`LoadError`] for invalid arguments, or if no trial was completed.
pub async fn run(args: &CapacityArgs, run: &RunArgs, stop: &Stop) -> Result<Report, LoadError> {
    if args.rate_start > args.rate_max {
        return Err(LoadError::Input("--rate-start is --rate-max or less".to_owned()));
    }
    if args.precision <= 0.0 {
        return Err(LoadError::Input("--precision is more than 0 %".to_owned()));
    }
    let mut others = Vec::new();
    for store in &args.beside {
        others.push(RunArgs { server: run.server.with_store(store)?, ..run.clone() });
    }
    let session = Session::new(run, stop, 2 * args.many as usize)?;
    let (Latency { quantile, us }, errors_share) = (args.slo, args.errors);
    let objective = Objective { quantile, latency_us: us, errors_share };
    let of = |run| {
        let session = Session { args: run, ..session.clone() };
        CapacityRun { args, session, objective }
    };
    let mut report = of(run).of_one_store().await?;
    for other in &others {
        if report.cut_short.is_some() {
            break;
        }
        let store = without_password(other.server.store());
        let (found, failed) = match of(other).of_one_store().await {
            Ok(report) => (report.capacity, report.cut_short),
            Err(error) => (None, Some(error.to_string())),
        };
        report.cut_short = failed.map(|why| format!("{store}: {why}"));
        if let (Some(capacity), Some(found)) = (&mut report.capacity, found) {
            capacity.beside.push(StoreFindings::new(store, found));
        }
    }
    Ok(report)
}

impl CapacityRun<'_> {
    /// Measures the highest rate and the costs of a server with one store.
    async fn of_one_store(&self) -> Result<Report, LoadError> {
        let Self { args, session, .. } = self;
        let settings = SearchSettings {
            rate_start: args.rate_start,
            rate_max: args.rate_max,
            precision: args.precision,
            trials_max: args.trials.into(),
            ..SearchSettings::default()
        };
        let mut found =
            Found { search: Search::new(settings), fits: Vec::new(), best: None, missing: None };
        // The store is measured first, while it has no records.
        let mut failed = None;
        if session.args.server.is_spawned() {
            match kept::measure(self).await {
                Ok(fits) => found.fits.extend(fits),
                Err(error) => failed = Some(error),
            }
        }
        let server = session.start().await?;
        let cores = server.workers.unwrap_or(session.cores.server.len().max(1));
        let spawned = server.spawned.is_some();
        let measured = self.processor(&server, &mut found).await;
        // The server has to stop before the next one starts, because only one server may use a
        // store.
        failed = measured.and(server.stop().await).err().or(failed);
        if spawned && failed.is_none() {
            failed = self.memory(&mut found).await.err();
        }
        let Some((_, _, mut report)) = found.best else {
            return Err(failed.unwrap_or(LoadError::Wrong("not one trial was made")));
        };
        let assumptions = Assumptions { cores_measured: cores as f64, ..self.assumptions() };
        let capacity =
            Capacity::new(self.objective, &found.search, found.fits, assumptions, &USUAL);
        "capacity".clone_into(&mut report.scenario);
        report.capacity = Some(capacity);
        if let Some(why) = found.missing {
            report.figures.insert("HTTP/2 not measured".to_owned(), json!(why));
        }
        report.settings.insert("slo".to_owned(), json!(self.objective));
        report.cut_short = session.stop.reason().or(failed.map(|error| error.to_string()));
        Ok(report)
    }

    /// Returns the usual assumptions, with the delay of the people and the retention of the server.
    fn assumptions(&self) -> Assumptions {
        let mut assumptions = Assumptions::default();
        let human_delay_seconds = self.args.people.human.mean().as_secs_f64();
        if human_delay_seconds > 0.0 {
            assumptions.human_delay_seconds = human_delay_seconds;
        }
        let days =
            |key: &str| self.session.args.server.number(&format!("store.{key}_retention_days"));
        if let Some(days) = days("action") {
            assumptions.retention_days = days;
        }
        assumptions.challenge_retention_days =
            days("challenge").or(assumptions.challenge_retention_days);
        assumptions
    }

    /// Searches for the highest rate and measures what a lifecycle costs in processor time and in
    /// writes to the store.
    async fn processor(&self, server: &Prepared, found: &mut Found) -> Result<(), LoadError> {
        while let Next::Try(rate) = found.search.next() {
            let time = self.objective.seconds_for(rate);
            let time = Duration::from_secs_f64(time.min(TRIAL_MAX.as_secs_f64()));
            let report = self.trial(rate, time.max(self.args.trial), server).await?;
            let trial = Trial::of(rate, &report, &self.objective);
            found.search.record(trial);
            found.keep(trial, report);
        }
        let highest = found.search.highest_so_far();
        // If even the lowest rate fails, no rate is known at which the server works well. The costs
        // are then measured below the first rate.
        let highest = if highest > 0.0 { highest } else { self.args.rate_start };
        found.fits.extend(self.costs(highest, server).await?);
        found.fits.extend(steps::measure(self, highest, server).await?);
        Ok(())
    }

    /// Measures memory, on two separate servers.
    async fn memory(&self, found: &mut Found) -> Result<(), LoadError> {
        found.fits.extend(memory::measure(self, 1).await?);
        // A server without HTTP/2 has no cost for it, so an error here does not end the run.
        match memory::measure(self, 2).await {
            Ok(fits) => found.fits.extend(fits),
            Err(error) => found.missing = Some(error.to_string()),
        }
        Ok(())
    }

    /// Runs lifecycles at one rate.
    async fn trial(
        &self,
        rate: f64,
        time: Duration,
        server: &Prepared,
    ) -> Result<Report, LoadError> {
        let load = LoadArgs::poisson(rate, time);
        let lifecycle = LifecycleArgs { load, people: self.args.people };
        let report = self.session.measure(&lifecycle, server).await?;
        match &report.cut_short {
            Some(why) => Err(LoadError::Server(why.clone())),
            None => Ok(report),
        }
    }

    /// Measures the processor time and the store's writes of a lifecycle, at several rates below
    /// the highest one and on an idle server.
    async fn costs(&self, highest: f64, server: &Prepared) -> Result<Vec<Fit>, LoadError> {
        let (mut cpu, mut writes) = (Vec::new(), Vec::new());
        if let Some(idle) = idle_cores(server).await {
            cpu.push((0.0, idle));
        }
        // Each rate runs twice, so that a short disturbance on the machine affects only one of the
        // two.
        for part in PARTS.into_iter().chain(PARTS) {
            let report = self.trial(highest * part, self.args.trial, server).await?;
            let completed = report.totals.completed as f64;
            let rate = completed / report.took_seconds;
            if let Some(seconds) = report.totals.server_cpu_seconds {
                cpu.push((rate, seconds / report.took_seconds));
            }
            writes.extend(written_in(&report.series));
        }
        let cpu = fit::line(Cost::CpuPerLifecycle, &cpu);
        let writes = fit::line(Cost::WritesPerLifecycle, &writes);
        Ok(cpu.into_iter().chain(writes).collect())
    }
}

impl Found {
    /// Keeps the report if no trial has met the objective yet, or if this trial met it at the same
    /// or a higher rate than the kept one.
    fn keep(&mut self, trial: Trial, report: Report) {
        let better = match &self.best {
            Some((met, rate, _)) => (trial.met, trial.rate) >= (*met, *rate) || !met,
            None => true,
        };
        if better {
            self.best = Some((trial.met, trial.rate, report));
        }
    }
}

async fn idle_cores(server: &Prepared) -> Option<f64> {
    let pid = server.pid?;
    let before = process::cpu_seconds(pid).ok()?;
    tokio::time::sleep(IDLE).await;
    let used = process::cpu_seconds(pid).ok()? - before;
    Some(used / IDLE.as_secs_f64())
}

/// Returns the number of lifecycles completed between the first and the last point of a run, and
/// the number of the store's commits in that time; `None` if the server does not count commits.
fn written_in(points: &[Point]) -> Option<(f64, f64)> {
    let commits = |point: &Point| point.server.as_ref()?.commits;
    let (first, last) = (commits(points.first()?)?, commits(points.last()?)?);
    let completed = points.windows(2).map(|pair| {
        let [before, point] = pair else { return 0.0 };
        point.completed * (point.at_seconds - before.at_seconds)
    });
    Some((completed.sum(), last.saturating_sub(first) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::out::report::model::ServerPoint;

    #[test]
    fn commits_are_counted_while_what_completes_is() {
        let point = |at_seconds, completed, commits| {
            let server = ServerPoint { commits: Some(commits), ..ServerPoint::default() };
            Point { at_seconds, completed, server: Some(server), ..Point::default() }
        };
        // The commits of the first point include enrollments, so they do not count.
        let series = vec![point(1.0, 50.0, 700), point(2.0, 10.0, 740), point(4.0, 20.0, 900)];
        assert_eq!(written_in(&series), Some((50.0, 200.0)));
        assert_eq!(written_in(&[Point::default()]), None);
    }
}

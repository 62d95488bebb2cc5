//! `compare`: what changed from one report to another, and what of it is more than noise.

mod alike;
pub mod noise;
mod table;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::report::ReportError;
use crate::report::doubts::doubts;
use crate::report::facts::{self, QUANTILES};
use crate::report::model::{Point, Report};
use crate::report::words;
use crate::{LoadError, render};
use noise::Estimate;

/// Which two reports.
#[derive(Args)]
pub struct CompareArgs {
    /// The JSON file of the report before.
    pub a: PathBuf,
    /// The JSON file of the report after.
    pub b: PathBuf,
    /// Compare them even if their scenarios or settings differ.
    #[arg(long)]
    pub anyway: bool,
}

impl CompareArgs {
    /// Compares them and writes what changed.
    ///
    /// # Errors
    /// [`LoadError::Report`] if one cannot be read, or they are of different things.
    pub fn run(&self, mut out: impl Write) -> Result<(), LoadError> {
        let (a, b) = (render::read(&self.a)?, render::read(&self.b)?);
        let comparison = compare(&a, &b, self.anyway)?;
        write!(out, "{comparison}")?;
        Ok(())
    }
}

/// What changed.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What to keep in mind.
    pub warnings: Vec<String>,
    /// What was compared, in the order in which it is shown.
    pub rows: Vec<Row>,
}

/// One thing that was compared.
#[derive(Clone, Debug)]
pub struct Row {
    /// What, such as `track p99`.
    pub name: String,
    /// Before.
    pub a: Estimate,
    /// After.
    pub b: Estimate,
    /// What came of it.
    pub verdict: Verdict,
    /// How its values are written.
    words: fn(f64) -> String,
}

/// What a difference comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It is no more than noise.
    Same,
    /// It is more than noise, and for the better.
    Better,
    /// It is more than noise, and for the worse.
    Worse,
    /// There are too few samples or intervals to say.
    Unclear,
}

/// Which way is better.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Good {
    Less,
    More,
}

/// Compares two reports.
///
/// # Errors
/// [`ReportError::Incomparable`] if scenario or settings differ; with `anyway` these are warnings.
pub fn compare(a: &Report, b: &Report, anyway: bool) -> Result<Comparison, ReportError> {
    let others = alike::of_other_things(a, b);
    if !others.is_empty() && !anyway {
        return Err(ReportError::Incomparable(others.join("; ")));
    }
    let mut warnings = others;
    warnings.extend(alike::circumstances(a, b));
    for (name, report) in [("A", a), ("B", b)] {
        warnings.extend(doubts(report).into_iter().map(|doubt| format!("{name}: {doubt}")));
    }
    let mut rows = steps(a, b, &mut warnings);
    let mut row = |name: &str, of: fn(&Report) -> Option<Estimate>, good, words| {
        if let (Some(a), Some(b)) = (of(a), of(b)) {
            rows.push(Row::new(name.to_owned(), a, b, good, words));
        }
    };
    row("throughput", throughput, Good::More, words::rate);
    row("failed", failed, Good::Less, words::share);
    row("refused", refused, Good::Less, words::share);
    row("server CPU each", server_cpu, Good::Less, words::seconds);
    row("harness CPU each", client_cpu, Good::Less, words::seconds);
    Ok(Comparison { warnings, rows })
}

impl Row {
    fn new(name: String, a: Estimate, b: Estimate, good: Good, words: fn(f64) -> String) -> Self {
        let (difference, noise) = (b.value - a.value, noise::between(a, b));
        let verdict = if !noise.is_finite() {
            Verdict::Unclear
        } else if difference.abs() <= noise {
            Verdict::Same
        } else if (difference < 0.0) == (good == Good::Less) {
            Verdict::Better
        } else {
            Verdict::Worse
        };
        Self { name, a, b, verdict, words }
    }
}

/// The quantiles of each step that both have.
fn steps(a: &Report, b: &Report, warnings: &mut Vec<String>) -> Vec<Row> {
    let mut rows = Vec::new();
    for before in &a.steps {
        let Some(after) = b.steps.iter().find(|step| step.name == before.name) else {
            warnings.push(format!("only A has the step {}", before.name));
            continue;
        };
        for (quantile, name) in QUANTILES {
            let firm = |samples: u64| facts::is_firm(samples, quantile);
            if !firm(before.times.len()) || !firm(after.times.len()) {
                continue;
            }
            let of = |report: &Report, times| {
                let estimate = Estimate::of_quantile(times, quantile)?;
                Some(estimate.at_least(estimate.value * over_time(report, quantile)))
            };
            if let (Some(a), Some(b)) = (of(a, &before.times), of(b, &after.times)) {
                let name = format!("{} {name}", before.name);
                rows.push(Row::new(name, a, b, Good::Less, words::time));
            }
        }
    }
    let only_b = b.steps.iter().filter(|s| a.steps.iter().all(|other| other.name != s.name));
    warnings.extend(only_b.map(|step| format!("only B has the step {}", step.name)));
    rows
}

/// How much latencies changed from interval to interval, as a part of them; the series has the whole's
/// alone, which speaks for its parts. Nothing where there are too few intervals: then sampling counts.
fn over_time(report: &Report, quantile: f64) -> f64 {
    let of = |point: &Point| if quantile < 0.95 { point.p50_us } else { point.p99_us };
    let known: Vec<f64> = report.series.iter().filter_map(of).map(|us| us as f64).collect();
    noise::of_intervals(&known).unwrap_or(0.0)
}

fn throughput(report: &Report) -> Option<Estimate> {
    let completed = report.totals.completed as f64;
    let rate = facts::ratio(completed, report.took_seconds)?;
    let series: Vec<f64> = report.series.iter().map(|point| point.completed).collect();
    // A count is off by its root even where each interval has as many as the one before.
    let counted = facts::ratio(noise::Z * completed.sqrt(), report.took_seconds)?;
    let over_time = noise::of_intervals(&series).unwrap_or(0.0) * rate;
    Some(Estimate::around(rate, counted.max(over_time)))
}

fn failed(report: &Report) -> Option<Estimate> {
    share(report, report.totals.failed, |point| point.failed)
}

fn refused(report: &Report) -> Option<Estimate> {
    share(report, report.totals.refused, |point| point.refused)
}

fn share(report: &Report, some: u64, of: fn(&Point) -> f64) -> Option<Estimate> {
    let estimate = Estimate::of_share(some, report.totals.begun)?;
    let series: Vec<f64> = report.series.iter().map(of).collect();
    let over_time = noise::of_intervals(&series).unwrap_or(0.0);
    Some(estimate.at_least(estimate.value * over_time))
}

fn server_cpu(report: &Report) -> Option<Estimate> {
    let value = facts::server_cpu_per_completed(report)?;
    each(report, value, |point| point.server.as_ref()?.cores)
}

fn client_cpu(report: &Report) -> Option<Estimate> {
    let totals = &report.totals;
    let value = facts::ratio(totals.client_cpu_seconds, totals.completed as f64)?;
    each(report, value, |point| Some(point.client_cores))
}

/// Processor time for each that completed; what it is in each interval says how sure it is.
fn each(report: &Report, value: f64, cores: fn(&Point) -> Option<f64>) -> Option<Estimate> {
    let of = |point: &Point| facts::ratio(cores(point)?, point.completed);
    let series: Vec<f64> = report.series.iter().filter_map(of).collect();
    let over_time = noise::of_intervals(&series).unwrap_or(f64::INFINITY);
    Some(Estimate::around(value, value * over_time))
}

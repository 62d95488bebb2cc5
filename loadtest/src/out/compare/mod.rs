//! The `compare` command: changes between two reports, separated from noise.

mod capacity;
mod comparable;
pub mod noise;
mod table;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use hdrhistogram::Histogram;

use crate::LoadError;
use crate::out::render;
use crate::out::report::ReportError;
use crate::out::report::doubts::doubts;
use crate::out::report::facts::{self, QUANTILES};
use crate::out::report::format;
use crate::out::report::model::{Point, Report};
use noise::Estimate;

/// The two reports.
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
    /// Compares the reports and writes the changes.
    ///
    /// # Errors
    /// [`LoadError::Report`] if a report cannot be read, or if the reports are not comparable.
    pub fn run(&self, mut out: impl Write) -> Result<(), LoadError> {
        let (a, b) = (render::read(&self.a)?, render::read(&self.b)?);
        let comparison = compare(&a, &b, self.anyway)?;
        render::shown(write!(out, "{comparison}"))
    }
}

/// The result of a comparison: the report A before, and the report B after.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Remarks for the reader, such as differences between the machines.
    pub warnings: Vec<String>,
    /// The figures, in the order of the table.
    pub rows: Vec<Row>,
}

/// One compared figure.
#[derive(Clone, Debug)]
pub struct Row {
    /// Name of the figure, such as `track p99`.
    pub name: String,
    /// Estimate from report A.
    pub a: Estimate,
    /// Estimate from report B.
    pub b: Estimate,
    /// Largest difference that chance alone explains; infinite if it is unknown.
    pub noise: f64,
    /// The verdict on the difference.
    pub verdict: Verdict,
    /// Function that formats the values.
    format: fn(f64) -> String,
}

/// The verdict on a difference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// The difference is not larger than noise.
    Same,
    /// The difference is larger than noise, and an improvement.
    Better,
    /// The difference is larger than noise, and a regression.
    Worse,
    /// The noise is unknown, because there are too few samples or intervals.
    Unclear,
}

/// The direction of an improvement: a smaller or a larger value.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Good {
    Less,
    More,
}

/// Compares two reports.
///
/// # Errors
/// [`ReportError::Incomparable`] if the scenario, a setting or the objective differs. With `anyway`
/// these differences become warnings.
pub fn compare(a: &Report, b: &Report, anyway: bool) -> Result<Comparison, ReportError> {
    let others = comparable::of_other_things(a, b);
    if !others.is_empty() && !anyway {
        return Err(ReportError::Incomparable(others.join("; ")));
    }
    let mut warnings = others;
    warnings.extend(comparable::circumstances(a, b));
    for (name, report) in [("A", a), ("B", b)] {
        warnings.extend(doubts(report).into_iter().map(|doubt| format!("{name}: {doubt}")));
    }
    let mut rows = match (&a.capacity, &b.capacity) {
        (Some(a), Some(b)) => capacity::rows(a, b),
        _ => Vec::new(),
    };
    rows.extend(steps(a, b, &mut warnings));
    rows.extend(totals(a, b));
    Ok(Comparison { warnings, rows })
}

impl Row {
    /// Creates a row. The larger noise counts: that of the two estimates, or `over_time`, which is
    /// the noise from second to second.
    fn new(
        name: String,
        (a, b): (Estimate, Estimate),
        over_time: f64,
        good: Good,
        format: fn(f64) -> String,
    ) -> Self {
        let (difference, noise) = (b.value - a.value, noise::between(a, b).max(over_time));
        let verdict = if !noise.is_finite() {
            Verdict::Unclear
        } else if difference.abs() <= noise {
            Verdict::Same
        } else if (difference < 0.0) == (good == Good::Less) {
            Verdict::Better
        } else {
            Verdict::Worse
        };
        Self { name, a, b, noise, verdict, format }
    }
}

/// Compares the quantiles of each step that both reports have. A step that only one report has
/// becomes a warning.
fn steps(a: &Report, b: &Report, warnings: &mut Vec<String>) -> Vec<Row> {
    let mut rows = Vec::new();
    for before in &a.steps {
        let Some(after) = b.steps.iter().find(|step| step.name == before.name) else {
            warnings.push(format!("only A has the step {}", before.name));
            continue;
        };
        for (quantile, name) in QUANTILES {
            let of = |times: &Histogram<u64>| {
                Estimate::of_quantile(times, quantile)
                    .filter(|_| facts::is_firm(times.len(), quantile))
            };
            if let (Some(one), Some(other)) = (of(&before.times), of(&after.times)) {
                let name = format!("{} {name}", before.name);
                let over_time = one.value * latency_over_time(a, b, quantile);
                rows.push(Row::new(name, (one, other), over_time, Good::Less, format::time));
            }
        }
    }
    let only_b = b.steps.iter().filter(|s| a.steps.iter().all(|other| other.name != s.name));
    warnings.extend(only_b.map(|step| format!("only B has the step {}", step.name)));
    rows
}

/// Returns the noise of a latency over time, as a share of the latency. The series has latencies of
/// whole lifecycles only, so their noise is used for every step. With too few seconds it is 0, and
/// then only the noise of sampling counts.
fn latency_over_time(a: &Report, b: &Report, quantile: f64) -> f64 {
    let of = if quantile < 0.95 {
        |point: &Point| point.p50_us.map(|us| us as f64)
    } else {
        |point: &Point| point.p99_us.map(|us| us as f64)
    };
    over_time(a, b, of).map_or(0.0, |(noise, mean)| noise / mean)
}

/// Returns the noise of the difference of two series, and the mean of the first series. Only
/// seconds that have a value in both series count.
fn over_time(a: &Report, b: &Report, of: fn(&Point) -> Option<f64>) -> Option<(f64, f64)> {
    let both = a.series.iter().zip(&b.series).filter_map(|(a, b)| Some((of(a)?, of(b)?)));
    let (a, b): (Vec<f64>, Vec<f64>) = both.unzip();
    let mean = a.iter().sum::<f64>() / a.len() as f64;
    Some((noise::of_pairs(&a, &b)?, mean)).filter(|_| mean > 0.0)
}

/// Compares throughput, failures, refusals and processor times of the whole runs.
fn totals(a: &Report, b: &Report) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |name: &str, of: fn(&Report) -> Option<Estimate>, over_time, good, format| {
        if let (Some(one), Some(other)) = (of(a), of(b)) {
            rows.push(Row::new(name.to_owned(), (one, other), over_time, good, format));
        }
    };
    let time = |of: fn(&Point) -> Option<f64>| over_time(a, b, of).map(|(noise, _)| noise);
    let shares = |of: fn(&Point) -> Option<f64>| time(of).unwrap_or(0.0);
    let completed = shares(|point| Some(point.completed));
    row("throughput", throughput, completed, Good::More, format::rate);
    let failed = shares(|point| facts::ratio(point.failed, point.offered));
    row("failed", |r| share(r, r.totals.failed), failed, Good::Less, format::share);
    let refused = shares(|point| facts::ratio(point.refused, point.offered));
    row("refused", |r| share(r, r.totals.refused), refused, Good::Less, format::share);
    // The variation over time is the only measure of the uncertainty of processor time. Without it
    // the noise is infinite.
    let each = |of| time(of).unwrap_or(f64::INFINITY);
    let server = each(|p| facts::ratio(p.server.as_ref()?.cores?, p.completed));
    row("server CPU each", server_cpu, server, Good::Less, format::seconds);
    let client = each(|p| facts::ratio(p.client_cores, p.completed));
    row("harness CPU each", client_cpu, client, Good::Less, format::seconds);
    rows
}

fn throughput(report: &Report) -> Option<Estimate> {
    let window = facts::Window::of(report);
    let rate = window.completed_rate(report)?;
    // A count is uncertain by its square root, even if every second has the same count.
    let counted = facts::ratio(noise::Z * (rate * window.seconds).sqrt(), window.seconds)?;
    Some(Estimate::around(rate, counted))
}

fn share(report: &Report, some: u64) -> Option<Estimate> {
    Estimate::of_share(some, report.totals.begun)
}

fn server_cpu(report: &Report) -> Option<Estimate> {
    Some(Estimate::around(facts::server_cpu_per_completed(report)?, 0.0))
}

fn client_cpu(report: &Report) -> Option<Estimate> {
    let totals = &report.totals;
    let each = facts::ratio(totals.client_cpu_seconds, totals.completed as f64)?;
    Some(Estimate::around(each, 0.0))
}

//! Texts and tables of the `capacity` findings, for the HTML page and the Markdown.

use super::capacity::{Capacity, Conclusion, Cost, Fit, Objective, Trial};
use super::facts::{known, own_store};
use super::format;
use super::model::Report;
use super::table::Table;

/// R² below which a line fits poorly.
const R2_MIN: f64 = 0.95;
/// Deviation of a measurement above which the fit is rough, as a share of the measurements' range.
const DEVIATION_MAX: f64 = 0.1;
/// Minimum number of points of a reliable line, because any two points lie on a line.
const POINTS_MIN: usize = 3;

/// Formats an objective: `p99 ≤ 50 ms and errors ≤ 0.01 %`.
pub(crate) fn objective(objective: &Objective) -> String {
    format!(
        "{} ≤ {} and errors ≤ {}",
        quantile(objective),
        format::short_time(objective.latency_us as f64),
        format::share(objective.errors_share),
    )
}

/// Formats the objective's quantile: `p99`, `p99.9`.
pub(super) fn quantile(objective: &Objective) -> String {
    // Six decimals of a percentage are enough for every quantile, and they hide the rounding of
    // binary numbers.
    format!("p{}", format::trimmed(&format!("{:.6}", objective.quantile * 100.0)))
}

/// Describes the end of the search in one sentence.
pub(crate) fn conclusion(capacity: &Capacity) -> String {
    let (objective, trials) = (objective(&capacity.objective), capacity.trials.len() as u64);
    let trials = format::several(trials, "trial", "trials");
    let rate = format::plain(capacity.highest_rate);
    match capacity.conclusion {
        Conclusion::Found => {
            format!(
                "The highest rate with {objective} is {rate} lifecycles per second, found in \
                 {trials}."
            )
        }
        Conclusion::Ceiling => format!(
            "{rate} lifecycles per second met {objective}, and no higher rate was \
             tried: the server can do more ({trials})."
        ),
        Conclusion::Nothing => {
            format!("Not even the lowest rate that was tried met {objective} ({trials}).")
        }
        Conclusion::GaveUp => format!(
            "The best rate seen with {objective} is {rate} lifecycles per second; the search was \
             not done after {trials}."
        ),
    }
}

/// Returns doubts about the findings, as whole sentences.
pub(crate) fn doubts(report: &Report, capacity: &Capacity) -> Vec<String> {
    let mut found = Vec::new();
    if report.server.store.as_deref().is_some_and(|store| store.starts_with("memory")) {
        found.push(
            "The store in memory keeps all devices and finished lifecycles in the server's own \
             memory, and loses them at its end: its plan leaves them out. Plan with another store."
                .to_owned(),
        );
    }
    let stores = capacity.by_store(own_store(report));
    let with = |index: usize| match index {
        0 => String::new(),
        other => format!(" with {}", stores[other].store),
    };
    for (index, findings) in stores.iter().enumerate() {
        let plan = match findings.conclusion {
            Conclusion::Found => continue,
            Conclusion::Ceiling | Conclusion::GaveUp => "its plan uses a whole core",
            Conclusion::Nothing => "its plan has no cores",
        };
        let with = with(index);
        found.push(format!("The highest rate{with} was not found: {plan}."));
    }
    if let Some(trial) = capacity.trials.iter().find(|t| !t.met && t.is_limited_by_client()) {
        found.push(format!(
            "At {} the harness itself was at its limit ({} of its cores, {} begun late): the \
             server may do more.",
            format::rate(trial.rate),
            format::share(trial.client_share),
            format::share(trial.late_share),
        ));
    }
    let lower = |trial: &&Trial| !trial.met && trial.rate < capacity.highest_rate;
    if let Some(trial) = capacity.trials.iter().find(lower) {
        found.push(format!(
            "A trial at {} missed the objective, which higher rates met: the machine has hiccups.",
            format::rate(trial.rate),
        ));
    }
    for (index, findings) in stores.iter().enumerate() {
        found.extend(rough_figures(&findings.fits, &with(index)));
    }
    found
}

/// Returns a sentence for each rough figure among the costs. `of` is appended to the cost's name,
/// such as ` with sqlite`.
fn rough_figures(fits: &[Fit], of: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (steps, others): (Vec<_>, Vec<_>) = fits.iter().partition(|f| f.step.is_some());
    for fit in others {
        let why = rough(fit);
        if !why.is_empty() {
            found.push(format!("{}{of} is a rough figure: {}.", cost(fit), why.join(", ")));
        }
    }
    // The steps are fitted together, so they get one sentence.
    let rough_steps = steps.iter().filter(|fit| !rough(fit).is_empty());
    let names: Vec<_> = rough_steps.clone().filter_map(|fit| fit.step.as_deref()).collect();
    if let Some(fit) = rough_steps.clone().next() {
        found.push(format!(
            "Server CPU per step{of} is a rough figure of {}: {}.",
            names.join(", "),
            rough(fit).join(", ")
        ));
    }
    found
}

/// Lists the reasons why a fit is only a rough figure; empty if it is reliable.
fn rough(fit: &Fit) -> Vec<String> {
    let mut why = Vec::new();
    if fit.step.is_none() && fit.points.len() < POINTS_MIN && !is_exact(fit.cost) {
        why.push(format!("only {} points", fit.points.len()));
    }
    if let Some(r2) = fit.r2.filter(|r2| *r2 < R2_MIN) {
        why.push(format!("R² is {}", format::number(r2)));
    }
    if fit.deviation_max > DEVIATION_MAX {
        why.push(format!("a measurement is {} off", format::share(fit.deviation_max)));
    }
    if fit.slope < 0.0 {
        why.push("it is below nothing".to_owned());
    }
    why
}

/// Returns true if two points are enough. The bytes of an old lifecycle are the difference of one
/// store, which is measured empty and pruned.
const fn is_exact(cost: Cost) -> bool {
    matches!(cost, Cost::RedisBytesPerOldLifecycle | Cost::DiskBytesPerOldLifecycle)
}

/// The unit of a cost.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    /// Seconds of processor time per unit; cores in total.
    Cores,
    Count,
    Bytes,
}

/// Returns the name of a cost, the label of its chart's axes, and its unit.
const fn about(cost: Cost) -> (&'static str, &'static str, Unit) {
    const CPU: &str = "cores in use, by rate per second";
    const MEMORY: &str = "resident memory, by how many there are";
    const REDIS: &str = "Redis's memory, by how many there are";
    const DISK: &str = "the SQLite file in use, by how many there are";
    use Unit::{Bytes, Cores, Count};
    match cost {
        Cost::CpuPerLifecycle => ("Server CPU per lifecycle", CPU, Cores),
        Cost::CpuPerStep => ("Server CPU per step", CPU, Cores),
        Cost::BytesPerChallenge => ("Memory per pending challenge", MEMORY, Bytes),
        Cost::BytesPerWaiterHttp1 => ("Memory per parked browser, HTTP/1.1", MEMORY, Bytes),
        Cost::BytesPerWaiterHttp2 => ("Memory per parked browser, HTTP/2", MEMORY, Bytes),
        Cost::BytesPerDevice => ("Memory per active device", MEMORY, Bytes),
        Cost::WritesPerLifecycle => ("Store writes per lifecycle", "commits, by lifecycles", Count),
        Cost::RedisBytesPerDevice => ("Redis memory per device", REDIS, Bytes),
        Cost::RedisBytesPerLifecycle => ("Redis memory per fresh lifecycle", REDIS, Bytes),
        Cost::RedisBytesPerOldLifecycle => ("Redis memory per old lifecycle", REDIS, Bytes),
        Cost::DiskBytesPerDevice => ("Disk per device", DISK, Bytes),
        Cost::DiskBytesPerLifecycle => ("Disk per fresh lifecycle", DISK, Bytes),
        Cost::DiskBytesPerOldLifecycle => ("Disk per old lifecycle", DISK, Bytes),
    }
}

/// Returns the name of a fit's cost, with its step if there is one.
pub(crate) fn cost(fit: &Fit) -> String {
    let (name, ..) = about(fit.cost);
    fit.step.as_ref().map_or_else(|| name.to_owned(), |step| format!("{name}: {step}"))
}

/// Returns the label for the axes of a cost's chart.
pub(super) const fn axes(cost: Cost) -> &'static str {
    about(cost).1
}

/// Formats a measured amount of a cost with its unit.
pub(super) fn amount(cost: Cost, value: f64) -> String {
    if about(cost).2 == Unit::Cores { format::cores(value) } else { on_axis(cost, value) }
}

/// Formats a measured amount for an axis. An amount of cores has no unit there.
pub(super) fn on_axis(cost: Cost, value: f64) -> String {
    let is_bytes = about(cost).2 == Unit::Bytes;
    format::trimmed(&if is_bytes { format::bytes(value) } else { format::number(value) })
}

/// Formats the cost of one more unit.
pub(super) fn of_one(fit: &Fit) -> String {
    format::trimmed(&format_of(fit.cost)(fit.slope))
}

/// Formats the cost of one more unit, with its relative standard error.
pub(crate) fn of_one_with_error(fit: &Fit) -> String {
    let error = fit.slope_error.filter(|_| fit.slope != 0.0).map(|error| error / fit.slope.abs());
    let error = error.map_or_else(String::new, |part| format!(" ± {}", format::share(part)));
    format!("{}{error}", of_one(fit))
}

/// Returns the formatter for the cost of one more unit.
pub(crate) const fn format_of(cost: Cost) -> fn(f64) -> String {
    match about(cost).2 {
        Unit::Cores => format::seconds,
        Unit::Count => format::number,
        Unit::Bytes => format::bytes,
    }
}

/// Legend of the table of costs.
pub(super) const FIT_NOTE: &str = "Lines by least squares. ± is the standard error of a cost. R² \
    is the share of the variation that the line explains. The largest deviation is that of a \
    measurement from the line, as a part of the measured range.";

/// Builds the table of costs.
pub(super) fn costs(capacity: &Capacity) -> Table {
    let row = |fit: &Fit| {
        let points = fit.points.len().to_string();
        [
            cost(fit),
            of_one_with_error(fit),
            amount(fit.cost, fit.intercept),
            if fit.step.is_some() { "all steps together".to_owned() } else { points },
            known(fit.r2, |r2| format!("{r2:.4}")),
            format!("{} of the range", format::share(fit.deviation_max)),
        ]
    };
    let heads = ["Cost", "Of each", "At zero", "Points", "R²", "Largest deviation"];
    Table::new("Costs, and how well they fit", heads, capacity.fits.iter().map(row))
}

/// Builds the table of trials.
pub(super) fn trials(capacity: &Capacity) -> Table {
    let row = |trial: &Trial| {
        [
            format::rate(trial.rate),
            format::rate(trial.completed_rate),
            known(trial.latency_us, |us| format::time(us as f64)),
            format::share(trial.errors_share),
            known(trial.server_cores, format::plain),
            format::share(trial.client_share),
            if trial.met { "met" } else { "missed" }.to_owned(),
        ]
    };
    let heads =
        ["Offered", "Completed", "Latency", "Errors", "Server cores", "Harness", "Objective"];
    Table::new("Trials in their order", heads, capacity.trials.iter().map(row))
}

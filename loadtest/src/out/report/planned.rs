//! Findings of `capacity` in words, for the page and the Markdown alike.

use super::capacity::{Capacity, Conclusion, Cost, Fit, Objective, Trial};
use super::format;
use super::model::Report;

/// Below this share explained a line is a poor one.
const R2_MIN: f64 = 0.95;
/// A measurement this far off the line, as a part of their range, is worth a look.
const DEVIATION_MAX: f64 = 0.1;
/// Any two points lie on a line.
const POINTS_MIN: usize = 3;

/// The heads of the table of costs.
pub(super) const FIT_HEADS: [&str; 6] =
    ["Cost", "Of one", "Without any", "Points", "R²", "Largest deviation"];

/// The heads of the table of trials.
pub(super) const TRIAL_HEADS: [&str; 7] =
    ["Offered", "Completed", "Latency", "Errors", "Server cores", "Harness", "Objective"];

/// `p99 ≤ 50 ms and errors ≤ 0.01 %`.
pub(crate) fn objective(objective: &Objective) -> String {
    format!(
        "{} ≤ {} and errors ≤ {}",
        quantile(objective),
        format::short_time(objective.latency_us as f64),
        format::share(objective.errors_share),
    )
}

/// `p99`, `p99.9`.
pub(super) fn quantile(objective: &Objective) -> String {
    // Six places of a percent are more than anybody asks for, and hide the rounding of binary
    // numbers.
    format!("p{}", format::trimmed(&format!("{:.6}", objective.quantile * 100.0)))
}

/// The end of the search in a sentence.
pub(crate) fn conclusion(capacity: &Capacity) -> String {
    let (objective, trials) = (objective(&capacity.objective), capacity.trials.len() as u64);
    let trials = format::several(trials, "trial", "trials");
    let rate = format::trimmed(&format::number(capacity.highest_rate));
    match capacity.conclusion {
        Conclusion::Found => {
            format!(
                "The highest rate with {objective} is {rate} lifecycles per second, found in \
                 {trials}."
            )
        }
        Conclusion::Ceiling => format!(
            "{rate} lifecycles per second were borne with {objective}, and no higher rate was \
             tried: the server bears more ({trials})."
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

/// Doubts about the findings.
pub(crate) fn doubts(report: &Report, capacity: &Capacity) -> Vec<String> {
    let mut found = Vec::new();
    if report.server.store.as_deref().is_some_and(|store| store.starts_with("memory")) {
        found.push(
            "The store in memory keeps all devices and what is finished in the server's own \
             memory, and loses it: its plan leaves that out. Plan with another store."
                .to_owned(),
        );
    }
    let searches = std::iter::once(("", capacity.conclusion));
    let others = capacity.beside.iter().map(|other| (other.store.as_str(), other.conclusion));
    for (store, conclusion) in searches.chain(others) {
        let plan = match conclusion {
            Conclusion::Found => continue,
            Conclusion::Ceiling | Conclusion::GaveUp => "its plan counts on all of a core",
            Conclusion::Nothing => "its plan says nothing of cores",
        };
        let with = if store.is_empty() { String::new() } else { format!(" with {store}") };
        found.push(format!("The highest rate{with} was not found: {plan}."));
    }
    if let Some(trial) = capacity.trials.iter().find(|t| !t.met && t.is_limited_by_client()) {
        found.push(format!(
            "At {} the harness itself was at its limit ({} of its cores, {} begun late): the \
             server may bear more.",
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
    found.extend(rough_figures(&capacity.fits, ""));
    for other in &capacity.beside {
        found.extend(rough_figures(&other.fits, &format!(" with {}", other.store)));
    }
    found
}

/// Names the rough figures among the costs.
fn rough_figures(fits: &[Fit], of: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (steps, others): (Vec<_>, Vec<_>) = fits.iter().partition(|f| f.step.is_some());
    for fit in others {
        let why = rough(fit);
        if !why.is_empty() {
            found.push(format!("{}{of} is a rough figure: {}.", cost(fit), why.join(", ")));
        }
    }
    // Fitted together, they are rough together.
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

/// Why a fit is no more than a rough figure, if it is not.
fn rough(fit: &Fit) -> Vec<String> {
    let mut why = Vec::new();
    if fit.step.is_none() && fit.points.len() < POINTS_MIN {
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

/// Name of a fit's cost.
pub(crate) fn cost(fit: &Fit) -> String {
    let of = match fit.cost {
        Cost::CpuPerLifecycle => "Server CPU per lifecycle",
        Cost::CpuPerStep => "Server CPU per step",
        Cost::BytesPerChallenge => "Memory per pending challenge",
        Cost::BytesPerWaiterHttp1 => "Memory per parked browser, HTTP/1.1",
        Cost::BytesPerWaiterHttp2 => "Memory per parked browser, HTTP/2",
        Cost::BytesPerDevice => "Memory per active device",
        Cost::WritesPerLifecycle => "Store writes per lifecycle",
        Cost::RedisBytesPerDevice => "Redis memory per device",
        Cost::RedisBytesPerLifecycle => "Redis memory per kept lifecycle",
    };
    fit.step.as_ref().map_or_else(|| of.to_owned(), |step| format!("{of}: {step}"))
}

/// Label of the horizontal axis of a fit's chart.
pub(super) const fn counted(cost: Cost) -> &'static str {
    match cost {
        Cost::CpuPerLifecycle | Cost::CpuPerStep => "cores in use, by rate per second",
        Cost::WritesPerLifecycle => "commits, by lifecycles",
        Cost::BytesPerChallenge
        | Cost::BytesPerWaiterHttp1
        | Cost::BytesPerWaiterHttp2
        | Cost::BytesPerDevice => "resident memory, by how many there are",
        Cost::RedisBytesPerDevice | Cost::RedisBytesPerLifecycle => {
            "Redis's memory, by how many there are"
        }
    }
}

/// A fit's measurement, or its value at zero, with the unit.
pub(super) fn amount(cost: Cost, value: f64) -> String {
    if is_cpu(cost) { format::cores(value) } else { mark(cost, value) }
}

/// The same as it stands on an axis.
pub(super) fn mark(cost: Cost, value: f64) -> String {
    let is_count = is_cpu(cost) || cost == Cost::WritesPerLifecycle;
    format::trimmed(&if is_count { format::number(value) } else { format::bytes(value) })
}

/// The cost of one more, with the unit.
pub(super) fn of_one(fit: &Fit) -> String {
    format::trimmed(&words_of(fit.cost)(fit.slope))
}

/// The same with its standard error, as a part of it.
pub(crate) fn of_one_with_error(fit: &Fit) -> String {
    let error = fit.slope_error.filter(|_| fit.slope != 0.0).map(|error| error / fit.slope.abs());
    let error = error.map_or_else(String::new, |part| format!(" ± {}", format::share(part)));
    format!("{}{error}", of_one(fit))
}

/// Formatter of a cost.
pub(crate) fn words_of(cost: Cost) -> fn(f64) -> String {
    match cost {
        Cost::CpuPerLifecycle | Cost::CpuPerStep => format::seconds,
        Cost::WritesPerLifecycle => format::number,
        Cost::BytesPerChallenge
        | Cost::BytesPerWaiterHttp1
        | Cost::BytesPerWaiterHttp2
        | Cost::BytesPerDevice
        | Cost::RedisBytesPerDevice
        | Cost::RedisBytesPerLifecycle => format::bytes,
    }
}

const fn is_cpu(cost: Cost) -> bool {
    matches!(cost, Cost::CpuPerLifecycle | Cost::CpuPerStep)
}

/// Legend of the table of costs.
pub(super) const FIT_NOTE: &str = "Lines by least squares; ± is the standard error of what one \
    costs, R² the share of the variation that the line explains, the largest deviation that of a \
    measurement from the line, as a part of their range.";

/// A row of the table of costs.
pub(super) fn fit_row(fit: &Fit) -> [String; 6] {
    let together = || "all steps together".to_owned();
    [
        cost(fit),
        of_one_with_error(fit),
        amount(fit.cost, fit.intercept),
        if fit.step.is_some() { together() } else { fit.points.len().to_string() },
        fit.r2.map_or_else(|| "–".to_owned(), |r2| format!("{r2:.4}")),
        format!("{} of the range", format::share(fit.deviation_max)),
    ]
}

/// A row of the table of trials.
pub(super) fn trial_row(trial: &Trial) -> [String; 7] {
    let unknown = || "–".to_owned();
    [
        format::rate(trial.rate),
        format::rate(trial.completed_rate),
        trial.latency_us.map_or_else(unknown, |us| format::time(us as f64)),
        format::share(trial.errors_share),
        trial.server_cores.map_or_else(unknown, |n| format::trimmed(&format::number(n))),
        format::share(trial.client_share),
        if trial.met { "met" } else { "missed" }.to_owned(),
    ]
}

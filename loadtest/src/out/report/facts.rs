//! Facts that every form of the report derives from its numbers.

use serde_json::Value;

use super::format;
use super::model::{Point, Report, STORM, Step};
use crate::out::report::step;

/// Placeholder for an unknown figure.
pub(crate) const UNKNOWN: &str = "–";

/// Formats a figure; returns the placeholder if the figure is unknown.
pub(crate) fn known<T>(figure: Option<T>, format: impl FnOnce(T) -> String) -> String {
    figure.map_or_else(|| UNKNOWN.to_owned(), format)
}

/// The quantiles that a report shows, with their names.
pub(crate) const QUANTILES: [(f64, &str); 4] =
    [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9")];

/// Number of samples beyond a quantile below which the quantile is marked as rough.
const BEYOND_MIN: f64 = 10.0;

/// Checks that at least ten of `samples` lie beyond a quantile, so that the quantile is firm.
pub(crate) fn is_firm(samples: u64, quantile: f64) -> bool {
    // The tolerance is for rounding, because 1 - 0.99 is not exactly a hundredth.
    samples as f64 * (1.0 - quantile) >= BEYOND_MIN - 1e-6
}

/// Returns the step for the whole work of an arrival: the step with the scenario's name, or
/// otherwise the last step that has times.
pub(crate) fn headline(report: &Report) -> Option<&Step> {
    let mut some = report.steps.iter().filter(|step| !step.times.is_empty());
    let named = some.clone().find(|step| step.name == report.scenario);
    named.or_else(|| some.next_back())
}

/// Divides `part` by `whole`; `None` if `whole` is 0.
pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The time in which arrivals were due, without the preparation before it and without the wait for
/// unfinished work after it.
pub(crate) struct Window {
    /// Length of the window, in seconds. If the series shows no arrivals, it is the length of the
    /// run.
    pub(crate) seconds: f64,
    /// Completions per second in the window; `None` if they are unknown.
    completed: Option<f64>,
}

impl Window {
    pub(crate) fn of(report: &Report) -> Self {
        let series = &report.series;
        let is_on = |point: &Point| point.offered > 0.0;
        let ends = (series.iter().position(is_on), series.iter().rposition(is_on));
        let (Some(first), Some(last)) = ends else {
            return Self { seconds: report.took_seconds, completed: None };
        };
        let begin = |index: usize| if index == 0 { 0.0 } else { series[index - 1].at_seconds };
        let seconds = series[last].at_seconds - begin(first);
        let in_it =
            |index: usize| series[index].completed * (series[index].at_seconds - begin(index));
        let completed: f64 = (first..=last).map(in_it).sum();
        Self { seconds, completed: ratio(completed, seconds) }
    }

    /// Returns the arrivals per second in the window.
    pub(crate) fn offered_rate(&self, report: &Report) -> Option<f64> {
        ratio(report.totals.offered as f64, self.seconds)
    }

    /// Returns the completions per second in the window. If they are unknown, it returns those of
    /// the whole run.
    pub(crate) fn completed_rate(&self, report: &Report) -> Option<f64> {
        self.completed.or_else(|| ratio(report.totals.completed as f64, report.took_seconds))
    }

    /// Checks that the window covers at least half of the run, so that most of the run's resources
    /// went into its arrivals.
    pub(crate) fn is_most_of(&self, report: &Report) -> bool {
        self.seconds >= report.took_seconds / 2.0
    }
}

/// Returns the server's processor time for each completed arrival, in seconds; `None` if the window
/// covers less than half of the run.
pub(crate) fn server_cpu_per_completed(report: &Report) -> Option<f64> {
    if !Window::of(report).is_most_of(report) {
        return None;
    }
    ratio(report.totals.server_cpu_seconds?, report.totals.completed as f64)
}

/// Returns the number of cores that the harness may use.
pub(crate) fn client_cores(report: &Report) -> usize {
    let pinned = report.server.client_cores.len();
    if pinned > 0 { pinned } else { report.machine.cores }
}

/// Returns the share of its cores that the harness used, from 0 to 1.
pub(crate) fn client_share(report: &Report) -> Option<f64> {
    ratio(report.totals.client_cpu_seconds, report.took_seconds * client_cores(report) as f64)
}

/// Returns the highest resident memory of the server, in bytes.
pub(crate) fn rss_max(report: &Report) -> Option<u64> {
    report.series.iter().filter_map(|point| point.of_server(|server| server.rss_bytes)).max()
}

/// Describes the measurement, the server and the machine in one sentence.
pub(crate) fn sentence(report: &Report) -> String {
    let window = Window::of(report);
    let rate = window.offered_rate(report).map(format::rate);
    let spread = arrivals(report).map_or_else(String::new, |spread| format!(" {spread}"));
    format!(
        "{} arrivals of the scenario “{}” in {} ({}{spread}) at {}, from {}.",
        format::count(report.totals.offered),
        report.scenario,
        format::seconds(window.seconds),
        rate.as_deref().unwrap_or("–"),
        server(report),
        machine(report),
    )
}

/// Describes the distribution of the arrivals over time; `None` without a schedule.
pub(crate) fn arrivals(report: &Report) -> Option<String> {
    if report.scenario == STORM {
        return Some("as a rush, most of them at its begin".to_owned());
    }
    let setting = |name: &str| report.settings.get(name).filter(|value| !value.is_null());
    if let Some(users) = setting("closed") {
        return Some(format!("from a closed loop of {} users", plain(users)));
    }
    match setting("wake").and_then(Value::as_str) {
        Some("one-by-one") => return Some("each after the one before".to_owned()),
        Some("all") => return Some(format!("{} at a time", plain(setting("at_once")?))),
        _ => {}
    }
    let number = |name: &str| setting(name).and_then(Value::as_f64).unwrap_or(f64::NAN);
    match setting("shape")?.as_str()? {
        "constant" => Some("at equal intervals".to_owned()),
        "poisson" => Some("as a Poisson process".to_owned()),
        "ramp" => Some(format!("as a ramp from {}", format::rate(number("ramp_from")))),
        "burst" => Some(format!("in bursts every {}", format::seconds(number("burst_every")))),
        other => Some(format!("spread as {other}")),
    }
}

/// Counts the browsers that received the outcome before their phone received its own response.
/// Their wake time is recorded as 0, because there is no delay to measure.
pub(crate) fn told_first(step: &Step) -> u64 {
    if step.name == step::WAKE { step.times.count_at(0) } else { 0 }
}

/// Returns a remark about the zeros among the wake times; `None` if there are none.
pub(crate) fn about_zeros(report: &Report) -> Option<String> {
    let wake = report.steps.iter().find(|step| told_first(step) > 0)?;
    let share = format::share(told_first(wake) as f64 / wake.times.len() as f64);
    let hidden = QUANTILES.iter().any(|(q, _)| quantile(wake, *q).is_none());
    let stands = if hidden { format!(": “{UNKNOWN}” stands for it") } else { String::new() };
    Some(format!(
        "wake: {share} of the browsers were told before their phone was answered, which leaves no \
         time between{stands}."
    ))
}

/// Returns a quantile of a step's times, in microseconds; `None` if it falls on the zeros of
/// [`told_first`].
pub(crate) fn quantile(step: &Step, quantile: f64) -> Option<u64> {
    let us = step.times.value_at_quantile(quantile);
    (us > 0 || told_first(step) == 0).then_some(us)
}

/// Formats a quantile with its unit. A rough one is marked with `≈`.
pub(crate) fn shown_quantile(step: &Step, of: f64) -> String {
    let rough = if is_firm(step.times.len(), of) { "" } else { "≈ " };
    known(quantile(step, of), |us| format!("{rough}{}", format::time(us as f64)))
}

/// Describes the machine that the load came from.
pub(crate) fn machine(report: &Report) -> String {
    let machine = &report.machine;
    format!(
        "a machine with {} ({}), {} of memory and {}",
        format::several(machine.cores as u64, "core", "cores"),
        machine.cpu,
        format::trimmed(&format::bytes(machine.memory_bytes as f64)),
        machine.kernel,
    )
}

/// Describes the server under load.
pub(crate) fn server(report: &Report) -> String {
    let server = &report.server;
    let mut more = Vec::new();
    more.extend(server.store.as_ref().map(|store| format!("store {store}")));
    more.extend(server.workers.map(|n| format::several(n as u64, "worker", "workers")));
    if !server.cores.is_empty() {
        more.push(format!("on {}", core_list(&server.cores)));
    }
    let start = if server.spawned {
        "a server started for the run".to_owned()
    } else {
        format!("the server {}", server.url)
    };
    if more.is_empty() { start } else { format!("{start} ({})", more.join(", ")) }
}

/// Returns the store of the report itself, which was measured first.
pub(crate) fn own_store(report: &Report) -> &str {
    report.server.store.as_deref().unwrap_or("the first")
}

/// Formats core numbers: `core 0`, `cores 1, 2`.
pub(crate) fn core_list(cores: &[usize]) -> String {
    let numbers: Vec<_> = cores.iter().map(ToString::to_string).collect();
    format!("{} {}", if cores.len() == 1 { "core" } else { "cores" }, numbers.join(", "))
}

/// Formats core numbers; `not pinned` if there are none.
pub(crate) fn pinned(cores: &[usize]) -> String {
    if cores.is_empty() { "not pinned".to_owned() } else { core_list(cores) }
}

/// Settings whose values are in seconds.
const SECONDS: [&str; 6] = ["burst_every", "drain", "hold", "time", "warm_up", "within"];
/// Settings that apply to a single shape of the schedule, with that shape.
const OF_SHAPES: [(&str, &str); 2] = [("burst_every", "burst"), ("ramp_from", "ramp")];

/// Formats the settings, without unset ones and without those of other shapes.
pub(crate) fn settings(report: &Report) -> Vec<(String, String)> {
    let settings = &report.settings;
    let shape = settings.get("shape").and_then(Value::as_str);
    let other = |name: &str| OF_SHAPES.iter().any(|(of, only)| *of == name && shape != Some(only));
    let asked = settings.iter().filter(|(name, value)| !value.is_null() && !other(name));
    let said = asked.map(|(name, value)| {
        let seconds = value.as_f64().filter(|_| SECONDS.contains(&&**name));
        (name.replace('_', " "), seconds.map_or_else(|| plain(value), format::seconds))
    });
    said.collect()
}

/// A function that formats a number with its unit.
type Format = fn(f64) -> String;

/// Formats the scenario's own figures. If the name ends with a unit (`, bytes` or `, us`), the unit
/// moves from the name to the value.
pub(crate) fn figures(report: &Report) -> Vec<(String, String)> {
    let said = report.figures.iter().map(|(name, value)| {
        let units: [(&str, Format); 2] = [(", bytes", format::bytes), (", us", format::time)];
        let with = units.iter().find_map(|(unit, format)| Some((name.strip_suffix(unit)?, format)));
        match (with, value.as_f64()) {
            (Some((name, format)), Some(number)) => (name.to_owned(), format(number)),
            (Some((name, _)), None) => (name.to_owned(), plain(value)),
            (None, _) => (name.clone(), plain(value)),
        }
    });
    said.collect()
}

/// Formats a setting's value for a reader.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_u64()
            .map_or_else(|| format::plain(number.as_f64().unwrap_or(f64::NAN)), format::count),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let pair = |(name, value): (&String, &Value)| format!("{name} {}", plain(value));
            map.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
    }
}

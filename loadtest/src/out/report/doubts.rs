//! Doubts about the numbers of a report. If the report shows no doubt, the harness found none.

use super::facts::{self, core_list};
use super::format;
use super::model::Report;

/// Share of the harness's cores that are in use. If it is higher, the harness may have limited the
/// result.
pub(crate) const CLIENT_SHARE_MAX: f64 = 0.8;
/// Share of arrivals that began late. If it is higher, the load differed from the requested one.
pub(crate) const LATE_SHARE_MAX: f64 = 0.01;
/// Share of failed and refused arrivals. If it is higher, the report notes that its latencies
/// exclude them.
const FAILED_SHARE_MAX: f64 = 0.01;
/// Length of a run, in seconds. A shorter run shows no changes over time.
const SHORT_SECONDS: f64 = 9.0;

/// Returns all doubts about a report, as whole sentences.
pub fn doubts(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(why) = &report.cut_short {
        found.push(format!(
            "The run was cut short: {why}. The report has the measurements until then."
        ));
    }
    found.extend(of_figures(report));
    found
}

/// Returns the doubts about the figures, without the one about a run that was cut short.
pub(crate) fn of_figures(report: &Report) -> Vec<String> {
    let mut found = Vec::new();
    of_the_client(report, &mut found);
    of_the_load(report, &mut found);
    of_the_samples(report, &mut found);
    found
}

/// Adds doubts if the harness itself may have been the bottleneck.
fn of_the_client(report: &Report, found: &mut Vec<String>) {
    let cores = facts::client_cores(report) as f64;
    let high = |used: f64| used > CLIENT_SHARE_MAX * cores;
    let at_times = report.series.iter().filter(|point| high(point.client_cores)).count();
    let share = facts::client_share(report).unwrap_or(0.0);
    if share > CLIENT_SHARE_MAX {
        found.push(format!(
            "The harness used {} of its {}: it may have been slower than the server.",
            format::share(share),
            format::cores(cores),
        ));
    } else if at_times > 0 {
        found.push(format!(
            "The harness used more than {} of its {} in {} of {} intervals: their times may be \
             its own.",
            format::share(CLIENT_SHARE_MAX),
            format::cores(cores),
            at_times,
            report.series.len(),
        ));
    }
    let (server, client) = (&report.server.cores, &report.server.client_cores);
    if report.server.spawned && (server.is_empty() || client.is_empty()) {
        found.push(
            "Server and harness shared the machine's cores, and each slowed the other.".into(),
        );
    } else if let Some(shared) = server.iter().find(|core| client.contains(core)) {
        found.push(format!("Server and harness shared {}.", core_list(&[*shared])));
    }
}

/// Adds doubts if the load differed from the requested one.
fn of_the_load(report: &Report, found: &mut Vec<String>) {
    let totals = &report.totals;
    let begun = totals.begun as f64;
    if let Some(late) = facts::ratio(totals.late as f64, begun).filter(|s| *s > LATE_SHARE_MAX) {
        found.push(format!(
            "{} of the arrivals began more than 1 ms late, by {} at most. Their times count \
             from their scheduled begin.",
            format::share(late),
            format::time(totals.late_max_us as f64),
        ));
    }
    if totals.begun < totals.offered {
        found.push(format!(
            "{} of {} arrivals never began.",
            format::count(totals.offered - totals.begun),
            format::count(totals.offered),
        ));
    }
    let ended = totals.completed + totals.failed + totals.refused;
    if ended < totals.begun {
        found.push(format!(
            "{} had not ended when the run did.",
            format::count(totals.begun - ended)
        ));
    }
    if report.took_seconds < SHORT_SECONDS {
        let took = format::seconds(report.took_seconds);
        found.push(format!("{took} are too short to show changes over time."));
    }
}

/// Adds doubts if a figure has too few samples, or times beyond the measurable range.
fn of_the_samples(report: &Report, found: &mut Vec<String>) {
    let totals = &report.totals;
    if totals.completed == 0 {
        found.push("Nothing completed.".to_owned());
    }
    let missing = (totals.failed + totals.refused) as f64;
    if facts::ratio(missing, totals.begun as f64).is_some_and(|share| share > FAILED_SHARE_MAX) {
        found.push("Failed and refused arrivals are not part of the latencies.".to_owned());
    }
    let few = report.steps.iter().filter(|s| !facts::is_firm(s.times.len(), 0.99));
    let few = few.map(|step| format!("{} ({})", step.name, format::count(step.times.len())));
    let names = few.collect::<Vec<_>>().join(", ");
    if !names.is_empty() {
        found.push(format!("Too few samples for a firm p99, which takes a thousand: {names}."));
    }
    let longest = |step: &&super::model::Step| {
        !step.times.is_empty()
            && step.times.max() >= step.times.lowest_equivalent(step.times.high())
    };
    let capped = report.steps.iter().filter(longest).map(|step| step.name.as_str());
    let names = capped.collect::<Vec<_>>().join(", ");
    if !names.is_empty() {
        found.push(format!("Some took longer than the longest measurable time: {names}."));
    }
}

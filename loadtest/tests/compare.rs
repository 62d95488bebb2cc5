//! Comparison of two reports: changes are found, and noise is recognized as noise.

mod report_support;

use countersign_loadtest::out::compare::{Comparison, Verdict, compare};
use countersign_loadtest::out::report::ReportError;
use countersign_loadtest::out::report::model::Report;
use hdrhistogram::Histogram;
use report_support::planned::planned;
use report_support::{sample, step, wobble};
use serde_json::json;

const SECONDS: u64 = 40;
const RATE: u64 = 200;

/// Builds the report of a run. `slower` multiplies the latencies, and `seed` selects the random
/// samples. The seconds differ from each other by up to `unsteady`, as a share.
fn run(seed: u64, slower: f64, unsteady: f64) -> Report {
    let mut report = sample();
    report.steps = ["track", "lifecycle"].map(|name| step(name, "", empty())).into();
    report.took_seconds = SECONDS as f64;
    let usual = report.series.swap_remove(3);
    report.series.clear();
    for second in 0..SECONDS {
        let factor = slower * (1.0 + unsteady * (wobble(seed * 977 + second) - 0.5));
        let mut all = empty();
        for n in 0..RATE {
            let part = wobble((seed * SECONDS + second) * RATE + n);
            let us = 1_000.0 * factor * (1.001 - part).powf(-0.4);
            all.saturating_record(us as u64);
        }
        report
            .steps
            .iter_mut()
            .for_each(|step| step.times.add(&all).expect("their bounds are the same"));
        let mut point = usual.clone();
        point.at_seconds = (second + 1) as f64;
        point.completed = RATE as f64 + wobble(seed * 31 + second) - 0.5;
        point.p50_us = Some(all.value_at_quantile(0.5));
        point.p99_us = Some(all.value_at_quantile(0.99));
        let server = point.server.as_mut().expect("the sample has a server");
        server.cores = Some(0.3 * factor);
        point.client_cores = 0.2 + 0.01 * wobble(seed + second);
        report.series.push(point);
    }
    let totals = &mut report.totals;
    (totals.offered, totals.begun) = (SECONDS * RATE, SECONDS * RATE);
    (totals.completed, totals.failed, totals.refused) = (SECONDS * RATE, 0, 0);
    let cores: f64 = report.series.iter().filter_map(|p| p.server.as_ref()?.cores).sum();
    totals.server_cpu_seconds = Some(cores);
    totals.client_cpu_seconds = report.series.iter().map(|p| p.client_cores).sum();
    report.totals.late = 0;
    report.errors.clear();
    report
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 500_000, 3).expect("such bounds are taken")
}

fn verdict(comparison: &Comparison, name: &str) -> Verdict {
    let row = comparison.rows.iter().find(|row| row.name == name);
    row.unwrap_or_else(|| panic!("no row {name}")).verdict
}

#[test]
fn a_report_is_no_different_from_itself() {
    let comparison = compare(&sample(), &sample(), false).unwrap();
    assert!(comparison.rows.len() > 20);
    assert!(comparison.rows.iter().all(|row| row.verdict == Verdict::Same));
    let text = comparison.to_string();
    assert!(text.contains("No difference beyond noise."), "{text}");
}

#[test]
fn runs_that_differ_by_chance_alone_are_hardly_ever_called_different() {
    let (mut rows, mut wrong) = (0, 0);
    for seed in 0..20 {
        let comparison =
            compare(&run(2 * seed, 1.0, 0.2), &run(2 * seed + 1, 1.0, 0.2), false).unwrap();
        rows += comparison.rows.len();
        wrong += comparison.rows.iter().filter(|row| row.verdict != Verdict::Same).count();
    }
    assert!(wrong * 50 <= rows, "{wrong} of {rows} were called different");
}

#[test]
fn a_server_that_is_half_as_slow_again_is_found_at_every_quantile() {
    let comparison = compare(&run(1, 1.0, 0.1), &run(2, 1.5, 0.1), false).unwrap();
    for name in ["track p50", "lifecycle p90", "lifecycle p99", "server CPU each"] {
        assert_eq!(verdict(&comparison, name), Verdict::Worse, "{name}: {comparison}");
    }
    for name in ["throughput", "failed", "refused", "harness CPU each"] {
        assert_eq!(verdict(&comparison, name), Verdict::Same, "{name}: {comparison}");
    }
    let back = compare(&run(2, 1.5, 0.1), &run(1, 1.0, 0.1), false).unwrap();
    assert_eq!(verdict(&back, "track p50"), Verdict::Better);
    let text = comparison.to_string();
    assert!(text.contains("\nWorse beyond noise: track p50, track p90"), "{text}");
}

#[test]
fn seconds_that_vary_much_hide_a_small_difference() {
    let steady = compare(&run(1, 1.0, 0.0), &run(2, 1.05, 0.0), false).unwrap();
    assert_eq!(verdict(&steady, "lifecycle p50"), Verdict::Worse, "{steady}");
    let unsteady = compare(&run(1, 1.0, 1.2), &run(2, 1.05, 1.2), false).unwrap();
    assert_eq!(verdict(&unsteady, "lifecycle p50"), Verdict::Same, "{unsteady}");
}

#[test]
fn more_errors_and_less_throughput_are_worse() {
    let (a, mut b) = (run(1, 1.0, 0.1), run(2, 1.0, 0.1));
    b.totals.completed -= 2_000;
    b.totals.failed = 600;
    b.totals.refused = 1_400;
    b.series.iter_mut().for_each(|point| point.completed *= 5.0 / 6.0);
    let comparison = compare(&a, &b, false).unwrap();
    for name in ["throughput", "failed", "refused"] {
        assert_eq!(verdict(&comparison, name), Verdict::Worse, "{name}");
    }
    // One failure among thousands of arrivals is within noise.
    b = run(2, 1.0, 0.1);
    b.totals.failed = 1;
    assert_eq!(verdict(&compare(&a, &b, false).unwrap(), "failed"), Verdict::Same);
}

#[test]
fn what_is_too_little_to_tell_is_said_to_be() {
    let (mut a, b) = (run(1, 1.0, 0.1), run(2, 1.5, 0.1));
    a.series.truncate(3);
    a.took_seconds = 3.0;
    let comparison = compare(&a, &b, false).unwrap();
    assert_eq!(verdict(&comparison, "server CPU each"), Verdict::Unclear);
    assert!(comparison.to_string().contains("unclear"));
    a.steps[0] = step("track", "", empty());
    let comparison = compare(&a, &b, false).unwrap();
    assert!(comparison.rows.iter().all(|row| !row.name.starts_with("track")));
}

#[test]
fn other_scenarios_and_settings_are_refused_in_one_line_unless_asked_for() {
    let (a, mut b) = (sample(), sample());
    b.settings.insert("rate".to_owned(), json!(300));
    b.settings.remove("shape");
    let error = compare(&a, &b, false).unwrap_err();
    assert!(matches!(&error, ReportError::Incomparable(_)));
    let said = error.to_string();
    assert_eq!(said.lines().count(), 1);
    assert!(said.contains("`rate` is 200 in one and 300 in the other"), "{said}");
    assert!(said.contains("`shape` is constant in one and not set in the other"), "{said}");
    let comparison = compare(&a, &b, true).unwrap();
    assert!(comparison.warnings.iter().any(|warning| warning.contains("`rate`")));
    b.scenario = "soak".to_owned();
    let said = compare(&a, &b, false).unwrap_err().to_string();
    assert!(said.contains("the scenarios are `lifecycle` and `soak`"), "{said}");
}

#[test]
fn other_circumstances_are_said_and_compared() {
    let (a, mut b) = (sample(), sample());
    b.server.store = Some("redis".to_owned());
    b.server.cores = vec![];
    b.machine.cores = 64;
    b.steps.remove(0);
    let warnings = compare(&a, &b, false).unwrap().warnings.join("\n");
    for said in ["the machines:", "the stores: memory: and redis", "core 0 and not pinned"] {
        assert!(warnings.contains(said), "{warnings}");
    }
    assert!(warnings.contains("only A has the step track"), "{warnings}");
}

#[test]
fn searches_are_compared_by_their_highest_rate_and_their_costs() {
    let (a, mut b) = (planned(), planned());
    let same = compare(&a, &b, false).unwrap();
    assert!(same.rows.iter().all(|row| row.verdict == Verdict::Same), "{same}");
    let found = b.capacity.as_mut().unwrap();
    found.highest_rate = 640.0;
    // The highest rate is uncertain by the distance to the next rate that missed the objective.
    found.trials.iter_mut().filter(|t| !t.met && t.rate > 640.0).for_each(|t| t.rate = 660.0);
    found.fits[0].slope *= 1.3;
    found.fits[1].slope_error = None;
    let comparison = compare(&a, &b, false).unwrap();
    assert_eq!(verdict(&comparison, "highest rate"), Verdict::Worse, "{comparison}");
    assert_eq!(verdict(&comparison, "Server CPU per lifecycle"), Verdict::Worse, "{comparison}");
    assert_eq!(verdict(&comparison, "Memory per pending challenge"), Verdict::Unclear);
    assert_eq!(verdict(&comparison, "Store writes per lifecycle"), Verdict::Same);
    b.capacity.as_mut().unwrap().objective.latency_us = 100_000;
    let said = compare(&a, &b, false).unwrap_err().to_string();
    assert!(said.contains("p99 ≤ 50 ms and errors ≤ 0.01 %, and p99 ≤ 100 ms"), "{said}");
}

#[test]
fn what_the_schedule_changes_on_purpose_is_no_noise() {
    let ramped = |seed| {
        let mut report = run(seed, 1.0, 0.0);
        for (second, point) in report.series.iter_mut().enumerate() {
            let load = 1.0 + second as f64 / 10.0;
            (point.offered, point.completed) = (load * RATE as f64, load * point.completed);
            point.p50_us = point.p50_us.map(|us| (us as f64 * load) as u64);
        }
        report
    };
    let (a, mut b) = (ramped(1), ramped(2));
    b.series.iter_mut().for_each(|point| point.completed *= 0.9);
    let comparison = compare(&a, &b, false).unwrap();
    assert_eq!(verdict(&comparison, "throughput"), Verdict::Worse, "{comparison}");
    assert_eq!(verdict(&comparison, "lifecycle p50"), Verdict::Same, "{comparison}");
    let noise = |name: &str| comparison.rows.iter().find(|row| row.name == name).unwrap().noise;
    assert!(noise("lifecycle p50") < 80.0, "{comparison}");
}

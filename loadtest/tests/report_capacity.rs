//! A capacity report as a page and as the Markdown that is committed.

mod report_support;

use countersign_loadtest::report::capacity::{Beside, Capacity, Conclusion, Cost};
use countersign_loadtest::report::model::Report;
use countersign_loadtest::report::{html, json, markdown};
use report_support::planned::planned;

/// What the browser's suite renders, and opens.
const FIXTURE: &str = "tests/report_capacity_fixture.json";

fn found(report: &mut Report) -> &mut Capacity {
    report.capacity.as_mut().expect("the sample has one")
}

/// `COUNTERSIGN_FIXTURE=write` makes the file anew.
#[test]
fn the_committed_fixture_is_the_sample() {
    let report = planned();
    if std::env::var("COUNTERSIGN_FIXTURE").is_ok_and(|how| how == "write") {
        json::write(&report, std::fs::File::create(FIXTURE).unwrap()).unwrap();
    }
    let read = json::read(&std::fs::read(FIXTURE).unwrap()).unwrap();
    assert_eq!(read.capacity, report.capacity);
}

#[test]
fn the_markdown_says_what_was_measured_fitted_and_calculated() {
    let text = markdown::render(&planned());
    for said in [
        "# How much a Countersign server bears\n",
        "The highest rate with p99 ≤ 50 ms and errors ≤ 0.01 % is 800 lifecycles per second",
        "countersign-loadtest capacity --spawn",
        "Measured: the trials",
        "Fitted: what one more costs",
        "| Memory per parked browser, HTTP/1.1 | 18.9 KiB ± ",
        "| Server CPU per step: track | 14",
        "| 1,000,000 | 2,000,000 | × 10 | 231/s | 2,315 |",
        "| 10,000,000 | 20,000,000 | × 10 | 2,310/s |",
        "| not measured | beyond |",
        "R²",
        "of the range",
        "30 % of cores and memory are kept free.",
    ] {
        assert!(text.contains(said), "{said} is missing in\n{text}");
    }
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    let widths = |line: &str| line.replace("\\|", "").matches('|').count();
    for table in text.split("\n\n").filter(|block| block.starts_with("| ")) {
        let rows: Vec<usize> = table.lines().map(widths).collect();
        assert!(rows.len() > 2 && rows.iter().all(|width| *width == rows[0]), "{table}");
    }
}

#[test]
fn the_page_shows_the_search_against_the_objective_and_every_fit() {
    let page = html::render(&planned());
    assert!(page.contains("aria-labelledby=\"latency-rate-title\""));
    assert!(page.contains("class=\"limit\"") && page.contains("p99 ≤ 50 ms"));
    for index in 0..6 {
        assert!(page.contains(&format!("id=\"fit-{index}-title\"")), "fit {index} is drawn");
    }
    assert!(page.contains("The run at the highest rate"));
    assert!(!page.contains("NaN") && !page.contains("inf"));
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
}

#[test]
fn stores_stand_side_by_side_and_what_one_lacks_is_a_dash() {
    let mut report = planned();
    let alone = (markdown::render(&report), html::render(&report));
    let mut fits = found(&mut report).fits.clone();
    fits.retain(|fit| fit.cost == Cost::CpuPerLifecycle);
    fits[0].slope *= 2.0;
    let (store, highest_rate) = ("sqlite".to_owned(), 400.0);
    let other = Beside { store, highest_rate, conclusion: Conclusion::Ceiling, fits };
    found(&mut report).beside.push(other);
    let (text, page) = (markdown::render(&report), html::render(&report));
    assert!(text.contains("| Highest rate | 800/s | 400/s or more |"), "{text}");
    let row = |name: &str| {
        let row = text.lines().find(|line| line.starts_with(&format!("| {name} | ")));
        row.unwrap_or_else(|| panic!("{name} is missing in\n{text}")).to_owned()
    };
    assert_eq!(row("Server CPU per lifecycle").matches(" ± ").count(), 2);
    assert!(row("Memory per pending challenge").ends_with(" | – |"));
    for (alone, shown) in [(alone.0, text), (alone.1, page)] {
        let title = "The stores side by side";
        assert!(!alone.contains(title) && shown.contains(title));
    }
}

#[test]
fn steps_are_doubted_together() {
    let mut report = planned();
    for fit in &mut found(&mut report).fits {
        fit.deviation_max = 0.2;
    }
    let text = markdown::render(&report);
    let doubts = text.lines().filter(|line| line.contains("Server CPU per step")).count();
    let steps = found(&mut report).fits.iter().filter(|fit| fit.step.is_some()).count();
    // One line of doubt, and one row each.
    assert_eq!(doubts, 1 + steps, "{text}");
    assert!(steps > 1);
}

#[test]
fn a_search_without_a_run_or_fits_is_shown_too() {
    let mut report = planned();
    report.totals = Default::default();
    report.steps.clear();
    report.series.clear();
    found(&mut report).fits.clear();
    for plan in &mut found(&mut report).plan {
        (plan.cores, plan.memory_bytes, plan.writes_per_second) = (None, None, None);
    }
    let page = html::render(&report);
    assert!(!page.contains("Nothing completed") && !page.contains("at the highest rate</h2>"));
    assert!(page.contains("not measured"));
    assert!(markdown::render(&report).contains("not measured"));
    found(&mut report).trials.clear();
    assert!(!html::render(&report).contains("NaN"));
}

#[test]
fn how_the_search_ended_is_said() {
    let mut report = planned();
    for (conclusion, said) in [
        (Conclusion::Ceiling, "the server bears more"),
        (Conclusion::Nothing, "Not even the lowest rate"),
        (Conclusion::GaveUp, "the search was not done"),
    ] {
        found(&mut report).conclusion = conclusion;
        assert!(html::render(&report).contains(said), "{said}");
        assert!(markdown::render(&report).contains(said), "{said}");
    }
}

#[test]
fn what_must_be_doubted_is_said() {
    let text = markdown::render(&planned());
    assert!(text.contains("the machine has hiccups"), "{text}");
    let mut report = planned();
    let last = found(&mut report).trials.iter_mut().rfind(|trial| !trial.met).unwrap();
    last.client_share = 0.95;
    let fits = &mut found(&mut report).fits;
    fits[0].points.truncate(2);
    fits[1].r2 = Some(0.8);
    fits[2].deviation_max = 0.25;
    fits[3].slope = -1.0;
    let text = markdown::render(&report);
    for said in [
        "the harness itself was at its limit",
        "Server CPU per lifecycle is a rough figure: only 2 points",
        "Memory per pending challenge is a rough figure: R² is 0.800",
        "a measurement is 25 % off",
        "it is below nothing",
    ] {
        assert!(text.contains(said), "{said} is missing in\n{text}");
    }
    let page = html::render(&report);
    assert!(page.contains("only 2 points"));
}

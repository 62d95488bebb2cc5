//! A `capacity` report as an HTML page, and as the Markdown that we commit.

mod report_support;

use countersign_loadtest::out::report::capacity::{Capacity, Conclusion, Cost, StoreFindings};
use countersign_loadtest::out::report::model::Report;
use countersign_loadtest::out::report::{html, json, markdown};
use report_support::planned::{planned, planned_beside};
use serde_json::Value;

/// A report file, which the browser tests also render and open.
const FIXTURE: &str = "tests/report_capacity_fixture.json";

fn found(report: &mut Report) -> &mut Capacity {
    report.capacity.as_mut().expect("the sample has one")
}

/// Compares the committed file with the sample. `COUNTERSIGN_FIXTURE=write` writes the file again.
#[test]
fn the_committed_fixture_is_the_sample() {
    let report = planned_beside();
    if std::env::var("COUNTERSIGN_FIXTURE").is_ok_and(|how| how == "write") {
        json::write(&report, std::fs::File::create(FIXTURE).unwrap()).unwrap();
    }
    let read = json::read(&std::fs::read(FIXTURE).unwrap()).unwrap();
    let [read, made] = [read, report].map(|report| serde_json::to_value(report.capacity).unwrap());
    assert_alike(&read, &made);
}

/// Asserts that two JSON values are equal. Numbers may differ slightly, because processors round
/// the last digits of a fit differently.
fn assert_alike(one: &Value, other: &Value) {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) if a != b => {
            let [a, b] = [a, b].map(|number| number.as_f64().expect("it is a double"));
            assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} and {b}");
        }
        (Value::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| assert_alike(a, b));
        }
        (Value::Object(a), Value::Object(b)) => {
            assert!(a.keys().eq(b.keys()));
            a.values().zip(b.values()).for_each(|(a, b)| assert_alike(a, b));
        }
        _ => assert_eq!(one, other),
    }
}

#[test]
fn the_markdown_says_what_was_measured_fitted_and_calculated() {
    let text = markdown::render(&planned());
    for said in [
        "# Capacity of a Countersign server\n",
        "The highest rate with p99 ≤ 50 ms and errors ≤ 0.01 % is 800 lifecycles per second",
        "countersign-loadtest capacity --spawn",
        "Measured: the trials",
        "Fitted: the costs",
        "| Memory per parked browser, HTTP/1.1 | 18.9 KiB ± ",
        "| Server CPU per step: track | 14",
        "| 1,000,000 | 2,000,000 | × 10 | 231/s | 2,315 |",
        "| 10,000,000 | 20,000,000 | × 10 | 2,310/s |",
        "| beyond |",
        "R²",
        "of the range",
        "30 % of cores, memory and disk are kept free.",
        "Finished lifecycles are kept for 30 days.",
        "Their challenges are kept for 1 day. Until then",
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
    let (conclusion, plan) = (Conclusion::Ceiling, Vec::new());
    let other = StoreFindings { store, highest_rate, conclusion, fits, plan };
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
        let title = "The stores compared";
        assert!(!alone.contains(title) && shown.contains(title));
    }
}

/// Returns the column heads and the rows of the table below a heading of the Markdown.
fn table_below(text: &str, heading: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let (_, below) = text.split_once(&format!("{heading}\n\n| ")).expect(heading);
    let (table, _) = below.split_once("\n\n").expect("a table ends");
    let cells = |line: &str| {
        let line = line.trim_start_matches("| ").trim_end_matches(" |");
        line.split(" | ").map(str::to_owned).collect::<Vec<_>>()
    };
    let mut lines = table.lines();
    let heads = cells(lines.next().expect("heads"));
    (heads, lines.skip(1).map(cells).collect())
}

#[test]
fn each_store_has_a_plan_of_its_own_without_columns_that_say_nothing() {
    let report = planned_beside();
    let text = markdown::render(&report);
    let redis = "redis://127.0.0.1:6379/0";
    let of_stores = ["Store writes", "Redis memory", "Disk"];
    for (store, measured) in [
        ("memory:", &[][..]),
        ("sqlite", &["Store writes", "Disk"][..]),
        (redis, &["Store writes", "Redis memory"][..]),
    ] {
        let heading = format!("### Plan with {store}");
        let (heads, rows) = table_below(&text, &heading);
        let optional: Vec<_> =
            heads.iter().filter(|head| of_stores.contains(&head.as_str())).collect();
        assert_eq!(optional, measured, "{store}");
        assert!(rows.len() == 5 && rows.iter().all(|row| row.len() == heads.len()), "{rows:?}");
        assert!(!rows.iter().flatten().any(|cell| cell == "not measured"), "{rows:?}");
    }
    // The peak of a million users is 231 per second, which is more than a quarter of 800.
    let range = |store: &str| {
        let (_, rows) = table_below(&text, &format!("### Plan with {store}"));
        rows[3].last().cloned()
    };
    assert_eq!(range("sqlite").as_deref(), Some("within"));
    assert_eq!(range(redis).as_deref(), Some("beyond"));
    let said = text.lines().find(|line| line.contains("the server used")).expect("it is said");
    for store in ["memory:", "sqlite", redis] {
        assert!(said.contains(&format!(" % with {store}")), "{said}");
    }
    let page = html::render(&report);
    for title in ["Plan with sqlite</h3>", "<caption>Resources by number of users with "] {
        assert!(page.contains(title), "{title}");
    }
    // Each table has a different accessible name.
    assert_eq!(page.matches("aria-label=\"Resources by number of users with sqlite\"").count(), 1);
}

#[test]
fn a_column_that_some_rows_lack_stays() {
    let mut report = planned_beside();
    found(&mut report).beside[0].plan[0].writes_per_second = None;
    let text = markdown::render(&report);
    let (heads, rows) = table_below(&text, "### Plan with sqlite");
    let column = heads.iter().position(|head| head == "Store writes").expect("it stays");
    assert_eq!(rows[0][column], "not measured");
    assert!(rows[1..].iter().all(|row| row[column].ends_with("/s")), "{rows:?}");
}

#[test]
fn files_whose_other_stores_have_no_plan_are_read() {
    let mut bytes = Vec::new();
    json::write(&planned_beside(), &mut bytes).unwrap();
    let mut file: Value = serde_json::from_slice(&bytes).unwrap();
    for other in file["capacity"]["beside"].as_array_mut().unwrap() {
        other.as_object_mut().unwrap().remove("plan").expect("it has one");
    }
    let read = json::read(file.to_string().as_bytes()).unwrap();
    let text = markdown::render(&read);
    assert!(text.contains("### Plan with memory:"), "{text}");
    assert!(!text.contains("### Plan with sqlite"), "{text}");
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
    // There is one line of doubt for all steps, and one table row for each step.
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
    let (heads, _) = table_below(&markdown::render(&report), "## Plan");
    assert_eq!(heads[4..], ["Pending", "Range"]);
    found(&mut report).trials.clear();
    assert!(!html::render(&report).contains("NaN"));
}

#[test]
fn how_the_search_ended_is_said() {
    let mut report = planned();
    for (conclusion, said) in [
        (Conclusion::Ceiling, "the server can do more"),
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

#[test]
fn figures_of_a_store_beside_are_doubted_by_its_name() {
    let mut report = planned_beside();
    found(&mut report).beside[0].fits[0].points.truncate(2);
    found(&mut report).beside[1].conclusion = Conclusion::GaveUp;
    let (text, page, terminal) =
        (markdown::render(&report), html::render(&report), report.to_string());
    for said in [
        "Server CPU per lifecycle with sqlite is a rough figure: only 2 points",
        "The highest rate with redis://127.0.0.1:6379/0 was not found",
        "Plan with another store.",
    ] {
        for form in [&text, &page, &terminal] {
            assert!(form.contains(said), "{said} is missing in\n{form}");
        }
    }
}

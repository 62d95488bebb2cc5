//! The three forms of a report: JSON is read back unchanged, text from outside is escaped, and
//! doubts are named.

mod report_support;

use countersign_loadtest::out::report::doubts::doubts;
use countersign_loadtest::out::report::model::{Point, Report, Step};
use countersign_loadtest::out::report::{ReportError, html, json, markdown};
use report_support::{sample, step, times};
use serde_json::json;

/// A report file, which the browser tests also render and open.
const FIXTURE: &str = "tests/report_fixture.json";

fn written(report: &Report) -> Vec<u8> {
    let mut bytes = Vec::new();
    json::write(report, &mut bytes).expect("memory takes it");
    bytes
}

fn name_and_times(step: &Step) -> (&str, &hdrhistogram::Histogram<u64>) {
    (&step.name, &step.times)
}

fn assert_same(one: &Report, other: &Report) {
    assert_eq!(one.totals, other.totals);
    assert_eq!(one.series, other.series);
    assert_eq!(one.errors, other.errors);
    assert_eq!((&one.settings, &one.figures), (&other.settings, &other.figures));
    let steps = |report: &'_ Report| -> Vec<String> {
        report.steps.iter().map(|s| format!("{:?}", name_and_times(s).0)).collect()
    };
    assert_eq!(steps(one), steps(other));
    for (a, b) in one.steps.iter().zip(&other.steps) {
        assert!(a.times == b.times, "the times of {} differ", a.name);
    }
    assert_eq!(one.capacity, other.capacity);
}

#[test]
fn what_is_written_is_read_back_to_the_last_sample() {
    let report = sample();
    assert_same(&json::read(&written(&report)).unwrap(), &report);
}

/// Compares the committed file with the sample. `COUNTERSIGN_FIXTURE=write` writes the file again.
#[test]
fn the_committed_fixture_is_the_sample() {
    let report = sample();
    if std::env::var("COUNTERSIGN_FIXTURE").is_ok_and(|how| how == "write") {
        std::fs::write(FIXTURE, written(&report)).unwrap();
    }
    assert_same(&json::read(&std::fs::read(FIXTURE).unwrap()).unwrap(), &report);
}

#[test]
fn another_format_is_refused_by_its_number_whatever_else_it_holds() {
    let error = json::read(br#"{ "format": 7, "anything": [] }"#).unwrap_err();
    assert!(matches!(&error, ReportError::Format { found: 7, .. }));
    assert_eq!(error.to_string(), "a report of format 7, and this program reads format 1");
}

#[test]
fn what_is_no_report_is_refused_in_one_line() {
    let mut broken: serde_json::Value = serde_json::from_slice(&written(&sample())).unwrap();
    broken["steps"][0]["times"] = json!("bm8gaGlzdG9ncmFt");
    let broken = serde_json::to_vec(&broken).unwrap();
    for bytes in [&b""[..], b"[]", b"{}", br#"{"format":1}"#, b"\xff", &broken] {
        let error = json::read(bytes).unwrap_err();
        assert!(matches!(&error, ReportError::Unreadable(_)), "{error}");
        assert_eq!(error.to_string().lines().count(), 1, "{error}");
    }
}

#[test]
fn the_page_asks_for_nothing_and_runs_nothing() {
    let page = html::render(&sample());
    assert!(page.contains("default-src 'none'; style-src 'sha256-"), "it has a strict policy");
    for wrong in ["<script", "<img", "<link", "@import", "url(", " src=\"", " style=\"", " href=\""]
    {
        assert!(!page.contains(wrong), "the page contains {wrong}");
    }
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the error's words are shown");
}

#[test]
fn text_from_outside_is_shown_as_text_wherever_it_stands() {
    const HOSTILE: &str = "\"><script>alert(1)</script>";
    let mut report = sample();
    let text = || HOSTILE.to_owned();
    report.scenario = text();
    report.command = text();
    report.started_at = text();
    report.cut_short = Some(text());
    report.machine.cpu = text();
    report.machine.kernel = text();
    report.server.url = text();
    report.server.store = Some(text());
    report.settings.insert(text(), json!({ HOSTILE: HOSTILE }));
    report.figures.insert(text(), json!([HOSTILE]));
    report.steps[0].name = text();
    report.steps[0].about = text();
    let error = &mut report.errors[0];
    (error.step, error.kind, error.first) = (text(), text(), text());
    let page = html::render(&report);
    assert!(!page.contains("<script") && !page.contains("\"><script"), "nothing ends an attribute");
    let short = markdown::render(&report);
    let outside_code = short.split("```").step_by(2).collect::<String>();
    assert!(!outside_code.contains("<script"), "{outside_code}");
}

#[test]
fn every_chart_has_a_title_and_a_caption() {
    let page = html::render(&sample());
    for slug in [
        "percentiles",
        "latency-time",
        "throughput",
        "under-way",
        "processors",
        "memory",
        "errors-kind",
    ] {
        assert!(page.contains(&format!("aria-labelledby=\"{slug}-title\"")), "{slug} is drawn");
        assert!(page.contains(&format!("<title id=\"{slug}-title\">")), "{slug} has a title");
    }
    assert_eq!(page.matches("<figure>").count(), page.matches("<figcaption>").count());
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    assert!(!page.contains("NaN") && !page.contains("inf"), "every place is a number");
}

#[test]
fn a_report_of_nothing_is_shown_too() {
    let mut report = sample();
    report.series.clear();
    report.steps = vec![step("track", "nothing", times(0, 1, 1))];
    report.errors.clear();
    report.totals = Default::default();
    report.took_seconds = 0.0;
    let page = html::render(&report);
    assert!(page.contains("Nothing completed") && page.contains("Nothing failed"));
    assert!(!page.contains("NaN"));
    assert!(markdown::render(&report).contains("Nothing completed."));
}

#[test]
fn a_long_run_does_not_make_a_long_page() {
    let mut report = sample();
    let first = report.series[0].clone();
    report.series = (0..36_000).map(|_| first.clone()).collect();
    assert!(html::render(&report).len() < 400_000);
}

#[test]
fn the_markdown_is_short_and_names_what_counts() {
    let short = markdown::render(&sample());
    assert!(short.lines().count() < 30, "{short}");
    assert!(short.contains("| lifecycle | 9,343 |"), "{short}");
    assert!(short.contains("* 50 × track: 503 temporarily\\_unavailable"), "{short}");
    assert!(short.contains("countersign-loadtest lifecycle --spawn"), "{short}");
}

/// Applies a change to the sample, and returns the one doubt that the change causes.
fn doubt_of(change: impl FnOnce(&mut Report)) -> String {
    let mut report = sample();
    report.steps.retain(|step| step.name != "validate");
    assert_eq!(doubts(&report), Vec::<String>::new(), "the sample is above doubt");
    change(&mut report);
    let found = doubts(&report);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(html::render(&report).contains("Read with care"));
    found.into_iter().next().expect("there is one")
}

#[test]
fn what_must_be_doubted_is_said() {
    let cut = doubt_of(|r| r.cut_short = Some("the server died".to_owned()));
    assert!(cut.contains("cut short: the server died"), "{cut}");
    let client = doubt_of(|r| r.totals.client_cpu_seconds = 0.81 * r.took_seconds);
    assert!(client.contains("81 % of its 1 core"), "{client}");
    let at_times = doubt_of(|r| r.series[3].client_cores = 0.9);
    assert!(at_times.contains("in 1 of 40 intervals"), "{at_times}");
    let late = doubt_of(|r| r.totals.late = r.totals.begun / 50);
    assert!(late.contains("2 % of the arrivals") && late.contains("2.30 ms at most"), "{late}");
    let few = doubt_of(|r| r.steps[0].times = times(999, 100, 1_000));
    assert!(few.contains("track (999)"), "{few}");
    let never = doubt_of(|r| r.totals.offered += 5);
    assert!(never.starts_with("5 of"), "{never}");
}

#[test]
fn shared_cores_are_said() {
    let shared = doubt_of(|r| r.server.client_cores = vec![0]);
    assert_eq!(shared, "Server and harness shared core 0.");
    let free = doubt_of(|r| {
        r.server.client_cores.clear();
        r.totals.client_cpu_seconds = 1.0;
    });
    assert!(free.contains("shared the machine's cores"), "{free}");
}

#[test]
fn rates_are_of_the_time_in_which_there_was_load() {
    let mut report = sample();
    // The run has 5 s of preparation before the load, and 15 s of waiting after it.
    let idle = |at: u32| Point { at_seconds: f64::from(at), ..Point::default() };
    report.series.iter_mut().for_each(|point| point.at_seconds += 5.0);
    report.series.splice(0..0, (1..=5).map(idle));
    report.series.extend((46..=60).map(idle));
    report.took_seconds = 60.0;
    let short = markdown::render(&report);
    assert!(
        short.contains(
            "9,400 arrivals of the scenario “lifecycle” in 40 s (235/s at equal intervals)"
        ),
        "{short}"
    );
    assert!(short.contains("9,343 completed (229/s)"), "{short}");
    assert!(short.contains("of server CPU each"), "{short}");
    // If the load takes a small part of the run only, the run's processor time does not show the
    // load's cost.
    report.took_seconds = 100.0;
    assert!(!markdown::render(&report).contains("of server CPU each"));
}

#[test]
fn every_form_says_how_the_arrivals_were_spread() {
    let mut report = sample();
    let mut shown = |settings: serde_json::Value, words: &str| {
        report.settings = report_support::object(settings);
        for form in [report.to_string(), html::render(&report), markdown::render(&report)] {
            assert!(form.contains(words), "{words:?} is not in {form:.400}");
        }
    };
    shown(json!({ "shape": "poisson", "closed": null }), "as a Poisson process");
    shown(json!({ "shape": "constant" }), "at equal intervals");
    shown(json!({ "shape": "ramp", "ramp_from": 5.0 }), "as a ramp from 5/s");
    shown(json!({ "shape": "burst", "burst_every": 0.5 }), "in bursts every 500 ms");
    shown(json!({ "wake": "one-by-one", "at_once": 64 }), "each after the one before");
    shown(json!({ "wake": "all", "at_once": 64 }), "64 at a time");
    shown(json!({ "shape": "poisson", "closed": 8 }), "from a closed loop of 8 users");
    report.scenario = "storm".to_owned();
    assert!(report.to_string().contains("as a rush"), "{report}");
}

#[test]
fn a_wake_up_before_the_phone_was_answered_is_no_time() {
    let mut report = sample();
    let mut wake = times(1000, 300, 5_000);
    wake.record_n(0, 3000).unwrap();
    report.steps.insert(4, step("wake", "from the phone's answer", wake));
    let zeros = "wake: 75 % of the browsers were told before their phone was answered";
    for form in [report.to_string(), html::render(&report), markdown::render(&report)] {
        assert!(form.contains(zeros), "{form}");
    }
    assert!(markdown::render(&report).contains("| wake | 4,000 | – | "));
    let rows = report.to_string();
    let row = rows.lines().find(|line| line.trim_start().starts_with("wake ")).unwrap();
    let cells: Vec<_> = row.split_whitespace().collect();
    assert_eq!(cells[..3], ["wake", "4000", "–"]);
    assert!(cells[4].parse::<u64>().is_ok_and(|p99| p99 > 300), "{row}");
}

#[test]
fn settings_and_figures_have_their_units_and_nothing_that_was_not_asked_for() {
    let mut report = sample();
    report.settings = report_support::object(json!({
        "shape": "poisson", "burst_every": 1.0, "ramp_from": 1.0, "users": null, "warm_up": 90.0,
    }));
    report.figures = report_support::object(json!({
        "memory per parked browser, bytes": 27_400, "wake, p99 with few parked, us": 1551,
        "memory per pending challenge, bytes": null, "parked": 1000,
    }));
    let page = html::render(&report);
    let has = |name: &str, value: &str| {
        page.contains(&format!("<th scope=\"row\">{name}</th><td>{value}</td>"))
    };
    assert!(has("warm up", "1.5 min") && has("shape", "poisson"));
    assert!(!page.contains("burst every") && !page.contains("ramp from") && !has("users", "–"));
    assert!(has("memory per parked browser", "26.8 KiB") && has("parked", "1,000"));
    assert!(
        has("memory per pending challenge", "–") && has("wake, p99 with few parked", "1.55 ms")
    );
    assert!(report.to_string().contains("memory per parked browser: 26.8 KiB"));
}

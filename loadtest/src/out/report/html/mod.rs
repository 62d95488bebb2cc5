//! A report as a single HTML file, without scripts, requests or other files.
//!
//! The page's Content-Security-Policy allows its own style sheet and nothing else. So text from a
//! server would be harmless even if it were not escaped, and the templates escape all of it.

mod capacity;
mod charts;
mod tables;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use self::charts::Series;
use super::doubts::doubts;
use super::facts;
use super::model::Report;
use super::{capacity_text, format};

const STYLE: &str = include_str!("style.css");

/// Renders a report.
pub fn render(report: &Report) -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    );
    let title = format!("{} · Countersign under load", report.scenario);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body(report)) }
        }
    };
    page.into_string()
}

fn body(report: &Report) -> Markup {
    html! {
        header {
            p.kicker { "Countersign under load" }
            h1 { (report.scenario) }
            p.lead { (lead(report)) }
            p.when { "Began " time datetime=(report.started_at) { (report.started_at) } }
            h2.quiet { "Made by" }
            pre tabindex="0" {
                // Each word is a separate element, so that lines break between words and not at the
                // hyphens of options.
                code { @for word in report.command.split(' ') { span { (word) } " " } }
            }
        }
        main {
            (doubted(report))
            @if let Some(found) = &report.capacity { (capacity::sections(report, found)) }
            @if has_run(report) { (run(report)) }
            section aria-labelledby="how" {
                h2 id="how" { "How it was measured" }
                div.charts { (tables::settings(report)) (tables::machine(report)) }
            }
        }
        footer {
            p {
                "Times count from the scheduled begin, so that waiting for a busy \
                 server is part of them. Quantiles are of all samples, in HDR histograms of three \
                 digits."
            }
        }
    }
}

/// Describes the measurement and its machine in one sentence; for `capacity`, the conclusion comes
/// first.
fn lead(report: &Report) -> String {
    match &report.capacity {
        Some(found) => {
            let (server, machine) = (facts::server(report), facts::machine(report));
            format!("{} Measured at {server}, from {machine}.", capacity_text::conclusion(found))
        }
        None => facts::sentence(report),
    }
}

/// Checks if the report has the measurements of a run. A report of `capacity` may have none.
fn has_run(report: &Report) -> bool {
    report.capacity.is_none() || report.totals.offered > 0
}

/// Renders the measurements of a run; for `capacity`, those of the run at the highest rate.
fn run(report: &Report) -> Markup {
    let series = Series::of(report);
    html! {
        section aria-labelledby="totals" {
            h2 id="totals" {
                @if report.capacity.is_some() { "The run at the highest rate" } @else { "Totals" }
            }
            (cards(report))
        }
        section aria-labelledby="latency" {
            h2 id="latency" { "Latency" }
            @if facts::headline(report).is_none() {
                p { "Nothing completed, so there are no times." }
            } @else {
                div.charts { (charts::percentiles(report)) (series.latency()) }
                (tables::steps(report))
            }
        }
        @if !report.series.is_empty() {
            section aria-labelledby="time" {
                h2 id="time" { "Over time" }
                div.charts {
                    (series.throughput()) (series.under_way())
                    (series.processors()) (series.memory())
                }
                (tables::server(report))
                (tables::series(report))
            }
        }
        section aria-labelledby="errors" {
            h2 id="errors" { "Errors" }
            @if report.errors.is_empty() {
                p { "Nothing failed, and nothing was refused." }
            } @else {
                div.charts { (charts::errors(report)) (tables::errors(report)) }
            }
        }
    }
}

/// Renders the doubts about the run, and about the conclusions that `capacity` draws from several
/// runs.
fn doubted(report: &Report) -> Markup {
    let of_capacity =
        report.capacity.iter().flat_map(|capacity| capacity_text::doubts(report, capacity));
    let of_run = if has_run(report) { doubts(report) } else { Vec::new() };
    let mut all = of_capacity.chain(of_run).peekable();
    html! {
        @if all.peek().is_some() {
            aside.doubts aria-labelledby="doubts" {
                h2 id="doubts" { "Read with care" }
                ul { @for doubt in all { li { (doubt) } } }
            }
        }
    }
}

/// Renders the totals as cards, each with a remark such as its share.
fn cards(report: &Report) -> Markup {
    let totals = &report.totals;
    let throughput = facts::Window::of(report).completed_rate(report).map(format::rate);
    let of = |n: u64, whole: u64| {
        facts::ratio(n as f64, whole as f64).map(|s| format!("{} of those begun", format::share(s)))
    };
    let mut cards = vec![("Completed", format::count(totals.completed), throughput)];
    if let Some(step) = facts::headline(report) {
        let at = |q| format::time(step.times.value_at_quantile(q) as f64);
        cards.push(("Median", at(0.5), Some(step.name.clone())));
        cards.push(("99 in 100 within", at(0.99), Some(step.name.clone())));
    }
    cards.push(("Failed", format::count(totals.failed), of(totals.failed, totals.begun)));
    cards.push(("Refused", format::count(totals.refused), of(totals.refused, totals.begun)));
    if let Some(cpu) = facts::server_cpu_per_completed(report) {
        let of_it = "server, for each that completed".to_owned();
        cards.push(("Processor time", format::seconds(cpu), Some(of_it)));
    }
    if let Some(rss) = facts::rss_max(report) {
        cards.push(("Memory", format::bytes(rss as f64), Some("server, at most".to_owned())));
    }
    if let Some(share) = facts::client_share(report) {
        let cores = format::cores(facts::client_cores(report) as f64);
        cards.push(("Harness", format::share(share), Some(format!("of its {cores}"))));
    }
    tables::cards(cards.into_iter())
}

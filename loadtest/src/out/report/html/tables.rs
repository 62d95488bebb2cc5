//! Tables of the HTML page.

use maud::{Markup, Render, html};

use crate::out::report::downsampled::{POINTS_MAX, downsampled};
use crate::out::report::facts::{self, QUANTILES, known};
use crate::out::report::format;
use crate::out::report::model::{Point, Report, ServerPoint, Step};
use crate::out::report::table::Table;

/// Renders a table that scrolls separately from the page on a narrow screen.
pub(super) fn scrolling(caption: &str, table: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table { caption { (caption) } (table) }
        }
    }
}

/// Renders a table whose first column has names and whose other columns have numbers.
pub(super) fn table(Table { caption, heads, rows }: &Table) -> Markup {
    let table = html! {
        thead {
            tr {
                @for (index, head) in heads.iter().enumerate() {
                    th.n[index > 0] scope="col" { (head) }
                }
            }
        }
        tbody {
            @for row in rows {
                tr {
                    @for (index, cell) in row.iter().enumerate() {
                        @if index == 0 { th scope="row" { (cell) } } @else { td.n { (cell) } }
                    }
                }
            }
        }
    };
    scrolling(caption, &table)
}

/// Renders single figures, each with its name, its value and a remark.
pub(super) fn cards<'a>(cards: impl Iterator<Item = (&'a str, String, Option<String>)>) -> Markup {
    html! {
        dl.cards {
            @for (name, value, more) in cards {
                div {
                    dt { (name) }
                    dd { strong { (value) } @if let Some(more) = more { span { (more) } } }
                }
            }
        }
    }
}

/// Renders the quantiles of each step.
pub(super) fn steps(report: &Report) -> Markup {
    let rough = |step: &Step, quantile: f64| !facts::is_firm(step.times.len(), quantile);
    let some: Vec<&Step> = report.steps.iter().filter(|step| !step.times.is_empty()).collect();
    let any_rough = some.iter().any(|step| QUANTILES.iter().any(|(q, _)| rough(step, *q)));
    let rows = html! {
        thead {
            tr {
                th scope="col" { "Step" } th.n scope="col" { "Samples" }
                @for (_, name) in QUANTILES { th.n scope="col" { (name) } }
                th.n scope="col" { "longest" } th.n scope="col" { "mean" }
            }
        }
        tbody {
            @for step in some {
                tr {
                    th scope="row" { (step.name) span { (step.about) } }
                    td.n { (format::count(step.times.len())) }
                    @for (quantile, _) in QUANTILES {
                        td.n { (facts::shown_quantile(step, quantile)) }
                    }
                    td.n { (format::time(step.times.max() as f64)) }
                    td.n { (format::time(step.times.mean())) }
                }
            }
        }
    };
    html! {
        (scrolling("Latency of each step", &rows))
        @if any_rough { p.note { "≈ fewer than ten samples lie beyond it." } }
        @if let Some(zeros) = facts::about_zeros(report) { p.note { (zeros) } }
    }
}

/// Renders the table of failures.
pub(super) fn errors(report: &Report) -> Markup {
    let rows = html! {
        thead {
            tr {
                th scope="col" { "Step" } th scope="col" { "Kind, and the first one's words" }
                th.n scope="col" { "Count" }
            }
        }
        tbody {
            @for error in &report.errors {
                tr {
                    th scope="row" { (error.step) }
                    td.long {
                        (error.kind) @if error.refusal { " " span.tag { "refusal" } }
                        span.words { (error.first) }
                    }
                    td.n { (format::count(error.count)) }
                }
            }
        }
    };
    scrolling("Errors by step and kind", &rows)
}

type Figure = (&'static str, fn(&ServerPoint) -> Option<f64>, fn(f64) -> String);

/// Renders the table of the server's figures: first, highest and last value.
pub(super) fn server(report: &Report) -> Markup {
    let whole = |value: f64| format::count(value.round() as u64);
    let figures: [Figure; 7] = [
        ("Cores in use", |s| s.cores, format::plain),
        ("Resident memory", |s| s.rss_bytes.map(|n| n as f64), format::bytes),
        ("Open descriptors", |s| s.descriptors.map(|n| n as f64), whole),
        ("Actors", |s| s.actors.map(|n| n as f64), whole),
        ("Polls held", |s| s.waiters.map(|n| n as f64), whole),
        ("Signatures per batch", |s| s.batch_units, format::plain),
        ("Commits", |s| s.commits.map(|n| n as f64), whole),
    ];
    let rows = figures.iter().filter_map(|(name, of, format)| {
        let values = report.series.iter().filter_map(|point| point.of_server(of));
        let values: Vec<f64> = values.collect();
        let most = values.iter().copied().reduce(f64::max)?;
        let [first, most, last] = [values[0], most, values[values.len() - 1]].map(format);
        Some([(*name).to_owned(), first, most, last])
    });
    let heads = ["Figure", "at first", "at most", "at last"];
    let known = Table::new("The server's metrics", heads, rows);
    html! { @if !known.rows.is_empty() { (table(&known)) } }
}

/// Renders the points of the charts over time as a table.
pub(super) fn series(report: &Report) -> Markup {
    type Column = (&'static str, fn(&Point) -> String);
    let (points, _) = downsampled(&report.series, POINTS_MAX);
    let columns: [Column; 13] = [
        ("Until", |p| format::seconds(p.at_seconds)),
        ("Offered", |p| format::rate(p.offered)),
        ("Completed", |p| format::rate(p.completed)),
        ("Failed", |p| format::rate(p.failed)),
        ("Refused", |p| format::rate(p.refused)),
        ("Under way", |p| format::count(p.in_flight)),
        ("p50", |p| known(p.p50_us, |us| format::time(us as f64))),
        ("p99", |p| known(p.p99_us, |us| format::time(us as f64))),
        ("Server cores", |p| known(p.of_server(|s| s.cores), format::plain)),
        ("Harness cores", |p| format::plain(p.client_cores)),
        ("Server memory", |p| known(p.of_server(|s| s.rss_bytes), |n| format::bytes(n as f64))),
        ("Harness memory", |p| known(p.client_rss_bytes, |n| format::bytes(n as f64))),
        ("Polls held", |p| known(p.of_server(|s| s.waiters), format::count)),
    ];
    let rows = html! {
        thead { tr { @for (head, _) in &columns { th.n scope="col" { (head) } } } }
        tbody {
            @for point in &points {
                tr {
                    th.n scope="row" { (columns[0].1(point)) }
                    @for (_, cell) in &columns[1..] { td.n { (cell(point)) } }
                }
            }
        }
    };
    html! {
        details {
            summary { "The numbers of these charts" }
            (scrolling("Interval by interval", &rows))
        }
    }
}

/// Renders the settings and the scenario's own figures.
pub(super) fn settings(report: &Report) -> Markup {
    html! {
        div {
            (pairs("Settings", facts::settings(report)))
            @if !report.figures.is_empty() { (pairs("Figures", facts::figures(report))) }
        }
    }
}

/// Renders the facts about the server, and about the machine that the load came from.
pub(super) fn machine(report: &Report) -> Markup {
    let (server, machine) = (&report.server, &report.machine);
    let started = if server.spawned { "for the run" } else { "before" };
    let pairs_of = [
        ("Server", server.url.clone()),
        ("Started", started.to_owned()),
        ("Store", known(server.store.clone(), |store| store)),
        ("Workers", known(server.workers, |n| n.to_string())),
        ("Server's cores", facts::pinned(&server.cores)),
        ("Harness's cores", facts::pinned(&server.client_cores)),
        ("Processor", machine.cpu.clone()),
        ("Cores", machine.cores.to_string()),
        ("Memory", format::bytes(machine.memory_bytes as f64)),
        ("Kernel", machine.kernel.clone()),
    ];
    pairs("Server and machine", pairs_of)
}

fn pairs(caption: &str, pairs: impl IntoIterator<Item = (impl Render, String)>) -> Markup {
    html! {
        table.pairs {
            caption { (caption) }
            tbody {
                @for (name, value) in pairs { tr { th scope="row" { (name) } td { (value) } } }
            }
        }
    }
}

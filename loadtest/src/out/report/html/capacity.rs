//! The part of the page that `capacity` adds: the search, the costs and the plan.

use maud::{Markup, html};

use super::tables::scrolling;
use crate::out::report::capacity::{Capacity, Cost, Fit, Trial};
use crate::out::report::chart::{Chart, Line, Look, Scale};
use crate::out::report::format;
use crate::out::report::model::Report;
use crate::out::report::planned::{self, FIT_HEADS, TRIAL_HEADS};
use crate::out::report::sizing_table;
use crate::out::report::stores_table::{self, Table};

/// All of it.
pub(super) fn sections(report: &Report, capacity: &Capacity) -> Markup {
    let is_cpu = |fit: &Fit| fit.cost == Cost::CpuPerLifecycle;
    let drawn = capacity.fits.iter().enumerate().filter(|(_, fit)| !fit.points.is_empty());
    let cpu = drawn.clone().find(|(_, fit)| is_cpu(fit));
    html! {
        section aria-labelledby="search" {
            h2 id="search" { "The highest rate" }
            (cards(capacity))
            div.charts {
                (latency_by_rate(capacity))
                @if let Some((index, fit)) = &cpu { (fit_chart(*index, fit)) }
            }
            details { summary { "The trials" } (trials(capacity)) }
        }
        @if let Some(Table { heads, rows }) = stores_table::table(report, capacity) {
            section aria-labelledby="stores" {
                h2 id="stores" { "The stores side by side" }
                (table("The highest rate and each cost, by store", &heads, rows))
            }
        }
        section aria-labelledby="plan" {
            h2 id="plan" { "What it takes" }
            (plans(report, capacity))
            ul.assumptions {
                @for said in sizing_table::assumptions(report, capacity) { li { (said) } }
            }
        }
        @if !capacity.fits.is_empty() {
            section aria-labelledby="costs" {
                h2 id="costs" { "What one more costs" }
                (fits(capacity))
                p.note { (planned::FIT_NOTE) }
                div.charts {
                    @for (index, fit) in drawn.filter(|(_, fit)| !is_cpu(fit)) {
                        (fit_chart(index, fit))
                    }
                }
            }
        }
    }
}

fn cards(capacity: &Capacity) -> Markup {
    let of = |cost: Cost| capacity.fit(cost).map(planned::of_one);
    let cards = [
        ("Highest rate", Some(format::rate(capacity.highest_rate)), "lifecycles"),
        ("CPU", of(Cost::CpuPerLifecycle), "server, per lifecycle"),
        ("Pending challenge", of(Cost::BytesPerChallenge), "of the server's memory"),
        ("Parked browser", of(Cost::BytesPerWaiterHttp1), "HTTP/1.1, of the server's memory"),
        ("Parked browser", of(Cost::BytesPerWaiterHttp2), "HTTP/2, of the server's memory"),
        ("Active device", of(Cost::BytesPerDevice), "of the server's memory"),
        ("Store writes", of(Cost::WritesPerLifecycle), "per lifecycle"),
    ];
    html! {
        dl.cards {
            @for (name, value, more) in cards {
                @if let Some(value) = value {
                    div { dt { (name) } dd { strong { (value) } span { (more) } } }
                }
            }
        }
    }
}

/// The latency of each trial, and the line that it must not pass.
fn latency_by_rate(capacity: &Capacity) -> Markup {
    let some: Vec<(&Trial, f64)> =
        capacity.trials.iter().filter_map(|t| Some((t, t.latency_us? as f64))).collect();
    let limit = capacity.objective.latency_us as f64;
    let dots = |met: bool| {
        let of = some.iter().filter(|(trial, _)| trial.met == met);
        of.map(|(trial, us)| (trial.rate, Some(*us))).collect::<Vec<_>>()
    };
    let mut hints: Vec<(f64, String)> = Vec::new();
    let mut sorted = some.clone();
    sorted.sort_by(|(one, _), (other, _)| one.rate.total_cmp(&other.rate));
    for (trial, us) in sorted {
        let time = format::time(us);
        match hints.last_mut() {
            Some((rate, text)) if *rate == trial.rate => text.push_str(&format!(", {time}")),
            _ => hints.push((trial.rate, format!("{}: {time}", format::rate(trial.rate)))),
        }
    }
    let rates = || some.iter().map(|(trial, _)| trial.rate);
    let times = || some.iter().map(|(_, us)| *us).chain([limit]);
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::MAX, 1.0_f64), |(low, high), v| (low.min(v), high.max(v)))
    };
    let ((slow, fast), (low, high)) = (ends(&mut rates()), ends(&mut times()));
    let quantile = planned::quantile(&capacity.objective);
    let lines = [("met the objective", 2, true), ("missed it", 4, false)];
    Chart {
        slug: "latency-rate".to_owned(),
        title: format!("{quantile} by rate"),
        about: "Each dot is a trial; from left to right the rate that was offered.".to_owned(),
        x: Scale::log(slow.min(fast), fast, format::rate),
        y: Scale::log(low, high * 1.2, format::short_time),
        lines: lines
            .map(|(name, colour, met)| Line::new(name, colour, dots(met)).drawn(Look::Dots))
            .into(),
        limit: Some((limit, format!("{quantile} ≤ {}", format::short_time(limit)))),
        hints,
    }
    .figure()
}

/// The line of a fit through its measurements.
fn fit_chart(index: usize, fit: &Fit) -> Markup {
    let most = fit.points.iter().map(|(x, _)| *x).fold(0.0, f64::max);
    let on_line = |x: f64| (x, Some(fit.intercept + fit.slope * x));
    let values = || {
        fit.points.iter().map(|(_, y)| *y).chain([0.0, most].map(|x| on_line(x).1.unwrap_or(0.0)))
    };
    let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(f64::MIN, f64::max));
    let unit = if high >= 1024.0 * 1024.0 { 1024.0 * 1024.0 } else { 1.0 };
    let mut points = fit.points.clone();
    points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint =
        |(x, y): &(f64, f64)| (*x, format!("{}: {}", plain(*x), planned::amount(fit.cost, *y)));
    let dots = fit.points.iter().map(|(x, y)| (*x, Some(*y))).collect();
    Chart {
        slug: format!("fit-{index}"),
        title: planned::cost(fit),
        about: format!("{} each: {}.", planned::of_one(fit), planned::counted(fit.cost)),
        x: Scale::seconds(most, plain),
        y: Scale::linear(low.min(high), high, unit, |at| planned::mark(fit.cost, at)),
        lines: vec![
            Line::new("fitted", 7, vec![on_line(0.0), on_line(most)]).drawn(Look::Dashed),
            Line::new("measured", 0, dots).drawn(Look::Dots),
        ],
        limit: None,
        hints: points.iter().map(hint).collect(),
    }
    .figure()
}

fn plain(value: f64) -> String {
    format::trimmed(&format::number(value))
}

fn trials(capacity: &Capacity) -> Markup {
    let rows = capacity.trials.iter().map(|trial| planned::trial_row(trial).to_vec());
    table("Trials in their order", &TRIAL_HEADS, rows.collect())
}

fn plans(report: &Report, capacity: &Capacity) -> Markup {
    html! {
        @for plan in sizing_table::all(report, capacity) {
            @if plan.store.is_some() { h3 { (plan.titled("What it takes")) } }
            (table(
                &plan.titled("Users, and what they take"),
                &plan.table.heads,
                plan.table.rows.clone(),
            ))
        }
    }
}

fn fits(capacity: &Capacity) -> Markup {
    let rows = capacity.fits.iter().map(|fit| planned::fit_row(fit).to_vec());
    table("Costs, and how well they fit", &FIT_HEADS, rows.collect())
}

fn table<H: AsRef<str>>(caption: &str, heads: &[H], rows: Vec<Vec<String>>) -> Markup {
    let table = html! {
        thead {
            tr {
                @for (index, head) in heads.iter().enumerate() {
                    th.n[index > 0] scope="col" { (head.as_ref()) }
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

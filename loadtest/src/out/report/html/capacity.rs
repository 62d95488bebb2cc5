//! The sections of the HTML page for `capacity`: the search, the costs and the plan.

use maud::{Markup, html};

use super::tables::{cards, table};
use crate::out::report::capacity::{Capacity, Cost, Fit, Trial};
use crate::out::report::capacity_text;
use crate::out::report::chart::{Chart, Line, LineStyle, Scale};
use crate::out::report::format;
use crate::out::report::model::Report;
use crate::out::report::sizing_table;
use crate::out::report::stores_table;

/// Renders all sections.
pub(super) fn sections(report: &Report, capacity: &Capacity) -> Markup {
    let is_cpu = |fit: &Fit| fit.cost == Cost::CpuPerLifecycle;
    let drawn = capacity.fits.iter().enumerate().filter(|(_, fit)| !fit.points.is_empty());
    let cpu = drawn.clone().find(|(_, fit)| is_cpu(fit));
    html! {
        section aria-labelledby="search" {
            h2 id="search" { "The highest rate" }
            (found(capacity))
            div.charts {
                (latency_by_rate(capacity))
                @if let Some((index, fit)) = &cpu { (fit_chart(*index, fit)) }
            }
            details { summary { "The trials" } (table(&capacity_text::trials(capacity))) }
        }
        @if let Some(stores) = stores_table::table(report, capacity) {
            section aria-labelledby="stores" {
                h2 id="stores" { "The stores compared" }
                (table(&stores))
            }
        }
        section aria-labelledby="plan" {
            h2 id="plan" { "Plan" }
            @for (title, plan) in sizing_table::all(report, capacity) {
                @if let Some(title) = title { h3 { (title) } }
                (table(&plan))
            }
            ul.assumptions {
                @for said in sizing_table::assumptions(report, capacity) { li { (said) } }
            }
        }
        @if !capacity.fits.is_empty() {
            section aria-labelledby="costs" {
                h2 id="costs" { "Costs" }
                (table(&capacity_text::costs(capacity)))
                p.note { (capacity_text::FIT_NOTE) }
                div.charts {
                    @for (index, fit) in drawn.filter(|(_, fit)| !is_cpu(fit)) {
                        (fit_chart(index, fit))
                    }
                }
            }
        }
    }
}

/// Renders the cards with the main findings.
fn found(capacity: &Capacity) -> Markup {
    let of = |cost: Cost| capacity.fit(cost).map(capacity_text::of_one);
    let all = [
        ("Highest rate", Some(format::rate(capacity.highest_rate)), "lifecycles"),
        ("CPU", of(Cost::CpuPerLifecycle), "server, per lifecycle"),
        ("Pending challenge", of(Cost::BytesPerChallenge), "of the server's memory"),
        ("Parked browser", of(Cost::BytesPerWaiterHttp1), "HTTP/1.1, of the server's memory"),
        ("Parked browser", of(Cost::BytesPerWaiterHttp2), "HTTP/2, of the server's memory"),
        ("Active device", of(Cost::BytesPerDevice), "of the server's memory"),
        ("Store writes", of(Cost::WritesPerLifecycle), "per lifecycle"),
        ("Fresh lifecycle", of(Cost::RedisBytesPerLifecycle), "of Redis's memory"),
        ("Old lifecycle", of(Cost::RedisBytesPerOldLifecycle), "of Redis's memory"),
        ("Fresh lifecycle", of(Cost::DiskBytesPerLifecycle), "of the disk"),
        ("Old lifecycle", of(Cost::DiskBytesPerOldLifecycle), "of the disk"),
    ];
    cards(
        all.into_iter()
            .filter_map(|(name, value, more)| Some((name, value?, Some(more.to_owned())))),
    )
}

/// Renders a chart with the latency of each trial, and the limit of the objective.
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
    let quantile = capacity_text::quantile(&capacity.objective);
    let lines = [("met the objective", 2, true), ("missed it", 4, false)];
    Chart {
        slug: "latency-rate".to_owned(),
        title: format!("{quantile} by rate"),
        about: "Each dot is a trial; from left to right the rate that was offered.".to_owned(),
        x: Scale::log(slow.min(fast), fast, format::rate),
        y: Scale::log(low, high * 1.2, format::short_time),
        lines: lines
            .map(|(name, colour, met)| Line::new(name, colour, dots(met)).drawn(LineStyle::Dots))
            .into(),
        limit: Some((limit, format!("{quantile} ≤ {}", format::short_time(limit)))),
        hints,
    }
    .figure()
}

/// Renders a chart with a fitted line and its measurements.
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
    let hint = |(x, y): &(f64, f64)| {
        (*x, format!("{}: {}", format::plain(*x), capacity_text::amount(fit.cost, *y)))
    };
    let dots = fit.points.iter().map(|(x, y)| (*x, Some(*y))).collect();
    Chart {
        slug: format!("fit-{index}"),
        title: capacity_text::cost(fit),
        about: format!("{} each: {}.", capacity_text::of_one(fit), capacity_text::axes(fit.cost)),
        x: Scale::seconds(most, format::plain),
        y: Scale::linear(low.min(high), high, unit, |at| capacity_text::on_axis(fit.cost, at)),
        lines: vec![
            Line::new("fitted", 7, vec![on_line(0.0), on_line(most)]).drawn(LineStyle::Dashed),
            Line::new("measured", 0, dots).drawn(LineStyle::Dots),
        ],
        limit: None,
        hints: points.iter().map(hint).collect(),
    }
    .figure()
}

//! Charts of the HTML page.

use maud::{Markup, html};

use crate::out::report::chart::{Bar, Chart, Line, LineStyle, Scale, bars};
use crate::out::report::downsampled::{POINTS_MAX, downsampled};
use crate::out::report::facts;
use crate::out::report::format;
use crate::out::report::model::{Point, Report, Step};

/// Number of points in a percentile curve.
const CURVE: usize = 90;
/// Maximum number of error kinds in the bar chart. The table lists all kinds.
const BARS_MAX: usize = 8;

/// Renders the percentile curve of each step: the latency over the share of samples.
pub(super) fn percentiles(report: &Report) -> Markup {
    let steps: Vec<&Step> = report.steps.iter().filter(|step| !step.times.is_empty()).collect();
    let most = steps.iter().map(|step| step.times.len()).max().unwrap_or(0);
    let x = Scale::nines(most);
    let low = steps.iter().map(|step| lowest(step)).min().unwrap_or(1).max(1);
    let high = steps.iter().map(|step| step.times.max()).max().unwrap_or(1);
    let curve = |step: &Step| {
        // The last point of the curve is half a sample below 100 %.
        let last = 1.0 - 0.5 / step.times.len() as f64;
        let places = x.spread(CURVE).filter(|q| *q < last).chain([last]);
        places.map(|q| (q, facts::quantile(step, q).map(|us| us as f64))).collect()
    };
    let headline = facts::headline(report).map(|step| step.name.as_str());
    let lines = steps.iter().enumerate().map(|(index, step)| {
        let whole = headline == Some(step.name.as_str());
        // The whole work of an arrival has the first colour. The other steps have the other colours
        // in turn.
        let (colour, style) =
            if whole { (0, LineStyle::Bold) } else { (index % 7 + 1, LineStyle::Solid) };
        Line::new(step.name.clone(), colour, curve(step)).drawn(style)
    });
    let hint = |quantile: f64, name: &str| {
        let of = |step: &&Step| {
            let time = format::time(facts::quantile(step, quantile)? as f64);
            Some(format!("{} {time}", step.name))
        };
        let all: Vec<_> = steps.iter().filter_map(of).collect();
        (quantile, format!("{name}: {}", all.join(", ")))
    };
    Chart {
        slug: "percentiles".to_owned(),
        title: "Latency by percentile".to_owned(),
        about: "The share of samples that took no longer; each further nine takes the same room."
            .to_owned(),
        hints: facts::QUANTILES.iter().map(|(q, name)| hint(*q, name)).collect(),
        lines: lines.collect(),
        y: Scale::log(low as f64, high as f64, format::short_time),
        limit: None,
        x,
    }
    .figure()
}

/// Returns the start of the vertical axis for a step. Shorter times are of no interest, and a time
/// of almost 0 would stretch a logarithmic axis.
fn lowest(step: &Step) -> u64 {
    let at = |quantile| step.times.value_at_quantile(quantile);
    at(0.1).max(at(0.5) / 10)
}

/// Returns a function that creates a linear scale from 0.
fn from_zero(text: fn(f64) -> String) -> impl FnOnce(f64, f64) -> Scale {
    move |_, high| Scale::linear(0.0, high, 1.0, text)
}

/// The series of a report, reduced to the points that fit in a chart.
pub(super) struct Series {
    points: Vec<Point>,
    each: usize,
}

impl Series {
    pub(super) fn of(report: &Report) -> Self {
        let (points, each) = downsampled(&report.series, POINTS_MAX);
        Self { points, each }
    }

    fn line(&self, name: &str, colour: usize, of: impl Fn(&Point) -> Option<f64>) -> Line {
        let points = self.points.iter().map(|point| (point.at_seconds, of(point))).collect();
        Line::new(name, colour, points)
    }

    /// Renders a chart of lines that share an axis. If no line has a value, it renders a note
    /// instead.
    fn chart(
        &self,
        (slug, title, about): (&str, &str, &str),
        lines: Vec<Line>,
        text: fn(f64) -> String,
        scale: impl FnOnce(f64, f64) -> Scale,
    ) -> Markup {
        let known = |line: &Line| line.points.iter().any(|(_, y)| y.is_some());
        let lines: Vec<Line> = lines.into_iter().filter(known).collect();
        let values = || lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, y)| *y));
        if lines.is_empty() {
            return html! {
                figure {
                    figcaption { h3 { (title) } p { "Not known: the server could not be asked." } }
                }
            };
        }
        let (low, high) = (values().fold(f64::MAX, f64::min), values().fold(0.0, f64::max));
        let hint = |index: usize| {
            let of = |line: &Line| Some(format!("{} {}", line.name, text(line.points[index].1?)));
            let all: Vec<_> = lines.iter().filter_map(of).collect();
            let at = self.points[index].at_seconds;
            (at, format!("{}: {}", format::seconds(at), all.join(", ")))
        };
        let hints = (0..self.points.len()).map(hint).collect();
        let end = self.points.last().map_or(0.0, |point| point.at_seconds);
        let each = match self.each {
            1 => String::new(),
            n => {
                format!(" Each point stands for {n} intervals: averages, and the highest latency.")
            }
        };
        Chart {
            slug: slug.to_owned(),
            title: title.to_owned(),
            about: format!("{about}{each}"),
            x: Scale::seconds(end, format::seconds),
            y: scale(low, high),
            limit: None,
            lines,
            hints,
        }
        .figure()
    }

    /// Renders the median and the p99 of each interval.
    pub(super) fn latency(&self) -> Markup {
        let lines = vec![
            self.line("p99", 1, |p| p.p99_us.map(|us| us as f64)),
            self.line("p50", 0, |p| p.p50_us.map(|us| us as f64)),
        ];
        let texts = (
            "latency-time",
            "Latency over time",
            "Of the arrivals that completed in each interval.",
        );
        self.chart(texts, lines, format::time, |low, high| {
            Scale::log(low.max(1.0), high, format::short_time)
        })
    }

    /// Renders the rates of offered arrivals and of their results.
    pub(super) fn throughput(&self) -> Markup {
        let mut lines = vec![self.line("offered", 7, |p| Some(p.offered)).drawn(LineStyle::Dashed)];
        lines.push(self.line("completed", 2, |p| Some(p.completed)));
        // A series that is always 0 is left out, because it would only cover the axis.
        if self.points.iter().any(|point| point.failed > 0.0) {
            lines.push(self.line("failed", 4, |p| Some(p.failed)));
        }
        if self.points.iter().any(|point| point.refused > 0.0) {
            lines.push(self.line("refused", 1, |p| Some(p.refused)));
        }
        let texts = ("throughput", "Throughput against offered load", "Per second.");
        self.chart(texts, lines, format::rate, from_zero(format::rate))
    }

    /// Renders the lifecycles in progress and the polls that the server holds.
    pub(super) fn under_way(&self) -> Markup {
        let lines = vec![
            self.line("under way", 3, |p| Some(p.in_flight as f64)),
            self.line("polls held", 5, |p| p.of_server(|s| s.waiters.map(|n| n as f64))),
        ];
        let texts =
            ("under-way", "Under way", "Arrivals that had begun and not ended, and parked polls.");
        self.chart(texts, lines, format::plain, from_zero(format::plain))
    }

    /// Renders the cores that the server and the harness used.
    pub(super) fn processors(&self) -> Markup {
        let lines = vec![
            self.line("server", 0, |p| p.of_server(|s| s.cores)),
            self.line("harness", 7, |p| Some(p.client_cores)).drawn(LineStyle::Dashed),
        ];
        let texts =
            ("processors", "Processor time", "Cores in use, on average over each interval.");
        self.chart(texts, lines, format::cores, from_zero(format::plain))
    }

    /// Renders the memory of the server and of the harness.
    pub(super) fn memory(&self) -> Markup {
        let lines = vec![
            self.line("server", 0, |p| p.of_server(|s| s.rss_bytes.map(|n| n as f64))),
            self.line("harness", 7, |p| p.client_rss_bytes.map(|n| n as f64))
                .drawn(LineStyle::Dashed),
        ];
        let texts = ("memory", "Memory", "Resident, at the end of each interval.");
        self.chart(texts, lines, format::bytes, |_, high| {
            let unit = if high < 1024.0 * 1024.0 { 1024.0 } else { 1024.0 * 1024.0 };
            Scale::linear(0.0, high, unit, |at| format::trimmed(&format::bytes(at)))
        })
    }
}

/// Renders a bar chart of the most frequent errors.
pub(super) fn errors(report: &Report) -> Markup {
    let drawn = report.errors.iter().take(BARS_MAX).map(|error| Bar {
        name: format!("{}: {}", error.step, error.kind),
        value: error.count,
        text: format::count(error.count),
        colour: if error.refusal { 1 } else { 4 },
    });
    let drawn: Vec<Bar> = drawn.collect();
    let about = "Number of each; a server should refuse under too much load.";
    bars("errors-kind", "Errors by kind", about, &drawn)
}

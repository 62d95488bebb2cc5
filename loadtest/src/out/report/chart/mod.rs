//! Charts as inline SVG with captions: line charts and bar charts.
//!
//! The page's style sheet sets the colours and text sizes by class, so that the same drawing works
//! in light and dark mode and on wide and narrow screens. Every text is escaped.

mod scale;

use std::fmt::Write as _;

use maud::{Markup, html};

pub(super) use scale::Scale;

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 32.0;

/// Number of colours in the style sheet.
const COLOURS: usize = 8;

/// A line chart.
pub(super) struct Chart {
    /// Name of the chart, for the ids within the page.
    pub(super) slug: String,
    /// Title of the chart.
    pub(super) title: String,
    /// A sentence that explains the chart.
    pub(super) about: String,
    /// Horizontal scale.
    pub(super) x: Scale,
    /// Vertical scale.
    pub(super) y: Scale,
    /// The lines. A later line is drawn over an earlier one.
    pub(super) lines: Vec<Line>,
    /// A horizontal line at a limit, with its label.
    pub(super) limit: Option<(f64, String)>,
    /// Tooltips, each with its place on the horizontal scale.
    pub(super) hints: Vec<(f64, String)>,
}

/// One line of a chart.
pub(super) struct Line {
    /// Name of the series.
    pub(super) name: String,
    /// Index of the colour in the style sheet.
    pub(super) colour: usize,
    /// Style of the line.
    pub(super) style: LineStyle,
    /// Points of the line. A missing value interrupts the line.
    pub(super) points: Vec<(f64, Option<f64>)>,
}

/// Style of a line.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum LineStyle {
    Solid,
    /// A thick line, for the most important series.
    Bold,
    Dashed,
    /// Points without a line.
    Dots,
}

impl Line {
    pub(super) fn new(
        name: impl Into<String>,
        colour: usize,
        points: Vec<(f64, Option<f64>)>,
    ) -> Self {
        Self { name: name.into(), colour: colour % COLOURS, style: LineStyle::Solid, points }
    }

    pub(super) fn drawn(self, style: LineStyle) -> Self {
        Self { style, ..self }
    }

    fn class(&self) -> String {
        let style = match self.style {
            LineStyle::Solid => "line",
            LineStyle::Bold => "line bold",
            LineStyle::Dashed => "line dashed",
            LineStyle::Dots => "line dots",
        };
        format!("{style} c{}", self.colour)
    }
}

/// Length of the short line that marks a single point between missing values.
const ALONE: f64 = 8.0;

impl Chart {
    /// Renders the chart with its caption and, for several lines, its legend.
    pub(super) fn figure(&self) -> Markup {
        html! {
            figure {
                figcaption { h3 { (self.title) } p { (self.about) } }
                (self.svg())
                @if self.lines.len() > 1 {
                    ul.legend {
                        @for line in &self.lines {
                            li {
                                svg.key viewBox="0 0 24 8" aria-hidden="true" {
                                    path class=(line.class()) d=(key(line.style)) {}
                                }
                                (line.name)
                            }
                        }
                    }
                }
            }
        }
    }

    fn svg(&self) -> Markup {
        let id = format!("{}-title", self.slug);
        html! {
            svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby=(id) {
                title id=(id) { (self.title) ": " (self.about) }
                (self.axes())
                @if let Some((at, text)) = &self.limit {
                    @let y = self.down(*at);
                    line.limit x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                    text.limit x=(LEFT + 6.0) y=(y - 6.0) { (text) }
                }
                @for line in &self.lines {
                    path class=(line.class()) d=(self.path(line)) {}
                }
                @for (from, to, text) in self.hint_places() {
                    @let (width, height) = (tenth(to - from), HEIGHT - TOP - BOTTOM);
                    rect.hint x=(from) y=(TOP) width=(width) height=(height) { title { (text) } }
                }
            }
        }
    }

    fn axes(&self) -> Markup {
        html! {
            @for tick in &self.y.ticks {
                @let y = self.down(tick.at);
                line.grid x1=(LEFT) x2=(WIDTH - RIGHT) y1=(y) y2=(y) {}
                text.y.minor[tick.minor] x=(LEFT - 8.0) y=(y + 4.0) { (tick.text) }
            }
            @for tick in &self.x.ticks {
                @let x = self.right(tick.at);
                line.tick x1=(x) x2=(x) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM + 4.0) {}
                text.x.minor[tick.minor].end[self.x.place(tick.at) > 0.93] x=(x) y=(HEIGHT - 10.0) {
                    (tick.text)
                }
            }
            line.axis x1=(LEFT) x2=(WIDTH - RIGHT) y1=(HEIGHT - BOTTOM) y2=(HEIGHT - BOTTOM) {}
        }
    }

    /// Returns the stripe of each tooltip: its left and right end, and its text. A stripe ends
    /// halfway to the next tooltip.
    fn hint_places(&self) -> Vec<(f64, f64, &str)> {
        let at: Vec<f64> = self.hints.iter().map(|(x, _)| self.right(*x)).collect();
        let half = |a: usize, b: usize| tenth((at[a] + at[b]) / 2.0);
        let stripe = |index: usize| {
            let from = if index == 0 { LEFT } else { half(index - 1, index) };
            let to = if index + 1 == at.len() { WIDTH - RIGHT } else { half(index, index + 1) };
            (from, to.max(from), self.hints[index].1.as_str())
        };
        (0..at.len()).map(stripe).collect()
    }

    fn path(&self, line: &Line) -> String {
        let mut path = String::new();
        let known = |index: usize| line.points.get(index).is_some_and(|(_, y)| y.is_some());
        for (index, (x, y)) in line.points.iter().enumerate() {
            let Some(y) = y else { continue };
            let (x, y) = (self.right(*x), self.down(*y));
            let goes_on = index > 0 && known(index - 1);
            let drawn = if line.style == LineStyle::Dots {
                // A dot is drawn as a line of zero length with round ends.
                write!(path, "M{x} {y}h0")
            } else if goes_on {
                write!(path, "L{x} {y}")
            } else if known(index + 1) {
                write!(path, "M{x} {y}")
            } else {
                // A single point is drawn as a short line, so that it is visible.
                write!(path, "M{} {y}h{ALONE}", tenth(x - ALONE / 2.0))
            };
            drawn.expect("a string takes every text");
        }
        path
    }

    fn right(&self, x: f64) -> f64 {
        tenth(LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT))
    }

    fn down(&self, y: f64) -> f64 {
        tenth(HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM))
    }
}

/// One bar of a bar chart.
pub(super) struct Bar {
    /// Name of the bar.
    pub(super) name: String,
    /// Value of the bar, which determines its length.
    pub(super) value: u64,
    /// Label after the bar.
    pub(super) text: String,
    /// Index of the colour in the style sheet.
    pub(super) colour: usize,
}

/// Renders a bar chart, with one bar below the other and each bar's name above it.
pub(super) fn bars(slug: &str, title: &str, about: &str, bars: &[Bar]) -> Markup {
    const ROW: f64 = 48.0;
    let most = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1) as f64;
    let id = format!("{slug}-title");
    let height = ROW * bars.len().max(1) as f64;
    html! {
        figure {
            figcaption { h3 { (title) } p { (about) } }
            svg.chart viewBox={ "0 0 " (WIDTH) " " (height) } role="img" aria-labelledby=(id) {
                title id=(id) { (title) ": " (about) }
                @for (index, bar) in bars.iter().enumerate() {
                    @let top = ROW * index as f64;
                    @let width = tenth((bar.value as f64 / most * (WIDTH - 120.0)).max(2.0));
                    text.name x="0" y=(top + 17.0) { (shortened(&bar.name)) }
                    rect class={ "bar c" (bar.colour % COLOURS) } x="0" y=(top + 25.0)
                        width=(width) height="12" rx="3" { title { (bar.name) } }
                    text.value x=(width + 8.0) y=(top + 36.5) { (bar.text) }
                }
            }
        }
    }
}

/// Shortens a name so that it fits the narrowest screen.
fn shortened(name: &str) -> String {
    const CHARACTERS_MAX: usize = 44;
    if name.chars().count() <= CHARACTERS_MAX {
        return name.to_owned();
    }
    name.chars().take(CHARACTERS_MAX - 1).chain(['…']).collect()
}

fn key(style: LineStyle) -> &'static str {
    if style == LineStyle::Dots { "M12 4h0" } else { "M2 4H22" }
}

/// Rounds to a tenth of an SVG unit, which is too small to be seen.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, Option<f64>)>) -> Chart {
        Chart {
            slug: "test".to_owned(),
            title: "<b>Title</b>".to_owned(),
            about: "About".to_owned(),
            x: Scale::seconds(10.0, |at| at.to_string()),
            y: Scale::linear(0.0, 100.0, 1.0, |at| at.to_string()),
            lines: vec![Line::new("a & b", 9, points)],
            limit: None,
            hints: vec![(2.0, "two".to_owned()), (4.0, "four".to_owned())],
        }
    }

    #[test]
    fn a_line_is_interrupted_where_there_is_no_value() {
        let points = vec![(0.0, Some(0.0)), (5.0, Some(50.0)), (6.0, None), (10.0, Some(100.0))];
        let chart = chart(points);
        assert_eq!(chart.path(&chart.lines[0]), "M76 228L263 120M446 12h8");
        assert_eq!(chart.lines[0].class(), "line c1");
    }

    #[test]
    fn text_is_escaped_and_hints_cover_the_whole_chart() {
        let chart = chart(vec![]);
        let figure = chart.figure().into_string();
        assert!(figure.contains("&lt;b&gt;Title") && !figure.contains("<b>"), "{figure}");
        let places = chart.hint_places();
        assert_eq!((places[0].0, places[1].1), (LEFT, WIDTH - RIGHT));
        assert_eq!(places[0].1, places[1].0);
    }
}

//! A report as a few lines of Markdown, for a pull request. A `capacity` report becomes a longer
//! document.

mod capacity;

use std::fmt::Write as _;

use super::doubts::doubts;
use super::facts::{self, QUANTILES};
use super::format;
use super::model::Report;

/// Maximum number of error kinds that are listed. Other kinds are only counted.
const ERRORS_MAX: usize = 5;

/// Renders a report.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    write(report, &mut out).expect("a string takes every text");
    out
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    if let Some(found) = &report.capacity {
        return capacity::write(report, found, out);
    }
    writeln!(out, "### Load: {}\n", text(&report.scenario))?;
    writeln!(out, "{}\n", text(&facts::sentence(report)))?;
    writeln!(out, "{}\n", fenced(&report.command))?;
    for doubt in doubts(report) {
        writeln!(out, "> **Read with care:** {}\n", text(&doubt))?;
    }
    totals(report, out)?;
    steps(report, out)?;
    errors(report, out)
}

fn totals(report: &Report, out: &mut String) -> std::fmt::Result {
    let totals = &report.totals;
    let mut said = vec![format!("{} completed", format::count(totals.completed))];
    if let Some(rate) = facts::Window::of(report).completed_rate(report) {
        said[0].push_str(&format!(" ({})", format::rate(rate)));
    }
    said.push(format!("{} failed", format::count(totals.failed)));
    said.push(format!("{} refused", format::count(totals.refused)));
    if let Some(cpu) = facts::server_cpu_per_completed(report) {
        said.push(format!("{} of server CPU each", format::seconds(cpu)));
    }
    if let Some(rss) = facts::rss_max(report) {
        said.push(format!("server's memory {} at most", format::bytes(rss as f64)));
    }
    if let Some(share) = facts::client_share(report) {
        let cores = format::cores(facts::client_cores(report) as f64);
        said.push(format!("harness {} of its {cores}", format::share(share)));
    }
    writeln!(out, "{}.\n", said.join(" · "))
}

fn steps(report: &Report, out: &mut String) -> std::fmt::Result {
    let mut some = report.steps.iter().filter(|step| !step.times.is_empty()).peekable();
    if some.peek().is_none() {
        return Ok(());
    }
    let heads = QUANTILES.map(|(_, name)| name).join(" | ");
    writeln!(out, "| step | samples | {heads} | longest |")?;
    writeln!(out, "|---|---:|{}---:|", "---:|".repeat(QUANTILES.len()))?;
    for step in some {
        write!(out, "| {} | {} |", text(&step.name), format::count(step.times.len()))?;
        for (quantile, _) in QUANTILES {
            write!(out, " {} |", facts::shown_quantile(step, quantile))?;
        }
        writeln!(out, " {} |", format::time(step.times.max() as f64))?;
    }
    if let Some(zeros) = facts::about_zeros(report) {
        writeln!(out, "\n{zeros}")?;
    }
    writeln!(out)
}

fn errors(report: &Report, out: &mut String) -> std::fmt::Result {
    for error in report.errors.iter().take(ERRORS_MAX) {
        let (count, step) = (format::count(error.count), text(&error.step));
        writeln!(out, "* {count} × {step}: {} ({})", text(&error.kind), text(&error.first))?;
    }
    let more = report.errors.len().saturating_sub(ERRORS_MAX);
    if more > 0 {
        writeln!(out, "* and {}", format::several(more as u64, "other kind", "other kinds"))?;
    }
    Ok(())
}

/// Escapes text from outside, so that it is not read as markup and cannot end a table cell or begin
/// a line.
fn text(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                out.push('\\');
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Renders text as a code block, with a fence longer than any run of backticks in it.
fn fenced(code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}\n{code}\n{fence}")
}

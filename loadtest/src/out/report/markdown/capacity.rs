//! The Markdown of a `capacity` report, which we commit without edits.

use std::fmt::{Result, Write as _};

use super::{fenced, text};
use crate::out::report::capacity::Capacity;
use crate::out::report::capacity_text;
use crate::out::report::facts;
use crate::out::report::model::Report;
use crate::out::report::sizing_table;
use crate::out::report::stores_table;
use crate::out::report::table::Table;

/// Writes the whole document.
pub(super) fn write(report: &Report, capacity: &Capacity, out: &mut String) -> Result {
    writeln!(out, "# Capacity of a Countersign server\n")?;
    writeln!(out, "{}\n", capacity_text::conclusion(capacity))?;
    let measured =
        format!("Measured at {}, from {}.", facts::server(report), facts::machine(report));
    writeln!(out, "{} Begun {}, by:\n", text(&measured), text(&report.started_at))?;
    writeln!(out, "{}\n", fenced(&report.command))?;
    if let Some(why) = &report.cut_short {
        writeln!(out, "> **Read with care:** cut short: {}\n", text(why))?;
    }
    for doubt in capacity_text::doubts(report, capacity) {
        writeln!(out, "> **Read with care:** {}\n", text(&doubt))?;
    }
    if let Some(stores) = stores_table::table(report, capacity) {
        writeln!(out, "## The stores compared\n")?;
        table(out, &stores)?;
    }
    writeln!(out, "## Plan\n")?;
    for (title, plan) in sizing_table::all(report, capacity) {
        if let Some(title) = title {
            writeln!(out, "### {}\n", text(&title))?;
        }
        table(out, &plan)?;
    }
    for said in sizing_table::assumptions(report, capacity) {
        writeln!(out, "* {}", text(&said))?;
    }
    if !capacity.fits.is_empty() {
        writeln!(out, "\n## Costs\n")?;
        table(out, &capacity_text::costs(capacity))?;
        writeln!(out, "{}", capacity_text::FIT_NOTE)?;
    }
    writeln!(out, "\n## The search\n")?;
    table(out, &capacity_text::trials(capacity))
}

fn table(out: &mut String, Table { heads, rows, .. }: &Table) -> Result {
    let line = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| text(cell)).collect();
        format!("| {} |", cells.join(" | "))
    };
    writeln!(out, "{}", line(heads))?;
    writeln!(out, "|---|{}", "---:|".repeat(heads.len() - 1))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))?;
    writeln!(out)
}

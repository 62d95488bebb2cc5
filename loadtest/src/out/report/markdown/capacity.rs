//! The Markdown of a capacity report, which is committed as it is.

use std::fmt::{Result, Write as _};

use super::{fenced, text};
use crate::out::report::capacity::Capacity;
use crate::out::report::facts;
use crate::out::report::model::Report;
use crate::out::report::planned::{self, FIT_HEADS, TRIAL_HEADS};
use crate::out::report::sizing_table;
use crate::out::report::stores_table::{self, Table};

/// Writes all of it.
pub(super) fn write(report: &Report, capacity: &Capacity, out: &mut String) -> Result {
    writeln!(out, "# How much a Countersign server bears\n")?;
    writeln!(out, "{}\n", planned::conclusion(capacity))?;
    let measured =
        format!("Measured at {}, from {}.", facts::server(report), facts::machine(report));
    writeln!(out, "{} Begun {}, by:\n", text(&measured), text(&report.started_at))?;
    writeln!(out, "{}\n", fenced(&report.command))?;
    if let Some(why) = &report.cut_short {
        writeln!(out, "> **Read with care:** cut short: {}\n", text(why))?;
    }
    for doubt in planned::doubts(report, capacity) {
        writeln!(out, "> **Read with care:** {}\n", text(&doubt))?;
    }
    if let Some(Table { heads, rows }) = stores_table::table(report, capacity) {
        writeln!(out, "## The stores side by side\n")?;
        table(out, &heads, rows.into_iter())?;
    }
    writeln!(out, "## What it takes\n")?;
    for plan in sizing_table::all(report, capacity) {
        if plan.store.is_some() {
            writeln!(out, "### {}\n", text(&plan.titled("What it takes")))?;
        }
        table(out, &plan.table.heads, plan.table.rows.iter())?;
    }
    for said in sizing_table::assumptions(report, capacity) {
        writeln!(out, "* {}", text(&said))?;
    }
    if !capacity.fits.is_empty() {
        writeln!(out, "\n## What one more costs\n")?;
        table(out, &FIT_HEADS, capacity.fits.iter().map(planned::fit_row))?;
        writeln!(out, "{}", planned::FIT_NOTE)?;
    }
    writeln!(out, "\n## The search\n")?;
    table(out, &TRIAL_HEADS, capacity.trials.iter().map(planned::trial_row))
}

fn table<H: AsRef<str>>(
    out: &mut String,
    heads: &[H],
    rows: impl Iterator<Item = impl AsRef<[String]>>,
) -> Result {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    writeln!(out, "{}", line(heads.iter().map(|head| text(head.as_ref())).collect()))?;
    writeln!(out, "|---|{}", "---:|".repeat(heads.len() - 1))?;
    for row in rows {
        writeln!(out, "{}", line(row.as_ref().iter().map(|cell| text(cell)).collect()))?;
    }
    writeln!(out)
}

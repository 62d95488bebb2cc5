//! A report as text for the terminal.

use std::fmt;

use crate::out::report::capacity::{Capacity, Fit};
use crate::out::report::doubts;
use crate::out::report::facts;
use crate::out::report::model::{Report, Step};
use crate::out::report::{capacity_text, format, stores_table};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {}", self.scenario, self.machine)?;
        self.write_server(f)?;
        self.write_totals(f)?;
        if !self.steps.is_empty() {
            let [name, columns @ ..] = ["us", "count", "p50", "p90", "p99", "p99.9", "max"];
            write!(f, "\n  {name:<16}")?;
            columns.iter().try_for_each(|column| write!(f, "{column:>10}"))?;
            writeln!(f)?;
        }
        self.steps.iter().try_for_each(|step| write_step(f, step))?;
        if let Some(zeros) = facts::about_zeros(self) {
            writeln!(f, "\n  {zeros}")?;
        }
        for failures in &self.errors {
            let what = if failures.refusal { "refused" } else { "failed" };
            writeln!(f, "\n  {} × {what}: {}, {}", failures.count, failures.step, failures.kind)?;
            write!(f, "      {}", failures.first)?;
        }
        if !self.errors.is_empty() {
            writeln!(f)?;
        }
        if !self.figures.is_empty() {
            writeln!(f)?;
        }
        let figures = facts::figures(self);
        figures.iter().try_for_each(|(name, value)| writeln!(f, "  {name}: {value}"))?;
        self.capacity.iter().try_for_each(|capacity| write_capacity(f, capacity))?;
        let of_capacity = self.capacity.iter().flat_map(|found| capacity_text::doubts(self, found));
        for doubt in of_capacity.chain(doubts::of_figures(self)) {
            writeln!(f, "\n  Read with care: {doubt}")?;
        }
        match &self.cut_short {
            Some(why) => writeln!(f, "\n  cut short: {why}"),
            None => Ok(()),
        }
    }
}

impl Report {
    fn write_server(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = &self.server;
        write!(f, "  server {}", server.url)?;
        if let Some(store) = &server.store {
            write!(f, ", {store}")?;
        }
        if let Some(workers) = server.workers {
            write!(f, ", {}", format::several(workers as u64, "worker", "workers"))?;
        }
        if !server.cores.is_empty() {
            write!(f, ", cores {:?}; harness on {:?}", server.cores, server.client_cores)?;
        }
        writeln!(f)
    }

    fn write_totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = &self.totals;
        let seconds = self.took_seconds.max(1e-9);
        let spread = facts::arrivals(self).map_or_else(String::new, |spread| format!(" {spread}"));
        writeln!(
            f,
            "  {} offered{spread}, {} completed ({:.1} per second), {} failed, {} refused in \
             {seconds:.1} s",
            t.offered,
            t.completed,
            t.completed as f64 / seconds,
            t.failed,
            t.refused
        )?;
        if t.late > 0 {
            let longest = t.late_max_us as f64 / 1e3;
            writeln!(f, "  {} begun late, the latest by {longest:.1} ms", t.late)?;
        }
        let each = |cpu: f64| cpu * 1e6 / t.completed.max(1) as f64;
        if let Some(cpu) = t.server_cpu_seconds {
            let cores = cpu / seconds;
            writeln!(f, "  server: {cores:.2} cores, {:.0} us for each completed", each(cpu))?;
        }
        let cores = t.client_cpu_seconds / seconds;
        writeln!(f, "  harness: {cores:.2} cores, {:.0} us for each", each(t.client_cpu_seconds))
    }
}

fn write_capacity(f: &mut fmt::Formatter<'_>, capacity: &Capacity) -> fmt::Result {
    writeln!(f, "\n  {}", capacity_text::conclusion(capacity))?;
    write_costs(f, &capacity.fits)?;
    for other in &capacity.beside {
        let rate = stores_table::highest_rate(other.highest_rate, other.conclusion);
        writeln!(f, "\n  with {}: {rate}", other.store)?;
        write_costs(f, &other.fits)?;
    }
    Ok(())
}

fn write_costs(f: &mut fmt::Formatter<'_>, fits: &[Fit]) -> fmt::Result {
    let mut each = fits.iter();
    each.try_for_each(|fit| {
        writeln!(f, "  {}: {}", capacity_text::cost(fit), capacity_text::of_one_with_error(fit))
    })
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    let at = |quantile| facts::known(facts::quantile(step, quantile), |us| us.to_string());
    write!(f, "  {:<16}{:>10}{:>10}{:>10}", step.name, step.times.len(), at(0.5), at(0.9))?;
    writeln!(f, "{:>10}{:>10}{:>10}", at(0.99), at(0.999), step.times.max())
}

//! What was measured, as text and as JSON.

pub mod capacity;
mod chart;
pub mod doubts;
mod error;
pub(crate) mod facts;
mod histogram;
pub mod html;
pub mod json;
pub mod markdown;
pub mod model;
pub(crate) mod planned;
mod thinned;
pub mod words;

pub use error::ReportError;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::recorder::Times;

/// What a scenario measured.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The scenario.
    pub scenario: &'static str,
    /// The machine that the load came from.
    pub machine: Machine,
    /// Single numbers: what was asked for, and totals.
    pub figures: Map<String, Value>,
    /// Distributions, by what they belong to.
    pub sections: Vec<Section>,
}

/// Distributions that were measured together.
#[derive(Debug, Serialize)]
pub struct Section {
    /// What they belong to.
    pub title: String,
    /// The distributions.
    pub times: Vec<Times>,
}

/// The machine that something was measured on.
#[derive(Debug, Serialize)]
pub struct Machine {
    /// Its processors' model.
    pub cpu: String,
    /// How many of them the process may use.
    pub cores: usize,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": "));
        let cpu = model.map_or("unknown processor", |(_, model)| model).to_owned();
        Self { cpu, cores: std::thread::available_parallelism().map_or(1, Into::into) }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cores, {}", self.cores, self.cpu)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {}", self.scenario, self.machine)?;
        for (name, value) in &self.figures {
            writeln!(f, "  {name}: {value}")?;
        }
        for section in &self.sections {
            writeln!(f, "\n{}", section.title)?;
            let head = ["us", "count", "p50", "p90", "p99", "max", "mean"];
            let [name, columns @ ..] = head;
            write!(f, "  {name:<18}")?;
            columns.iter().try_for_each(|column| write!(f, "{column:>10}"))?;
            writeln!(f)?;
            for t in &section.times {
                write!(f, "  {:<18}{:>10}{:>10}", t.name, t.count, t.p50_us)?;
                writeln!(f, "{:>10}{:>10}{:>10}{:>10.0}", t.p90_us, t.p99_us, t.max_us, t.mean_us)?;
            }
        }
        Ok(())
    }
}

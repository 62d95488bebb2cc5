//! A comparison as a Markdown table, whose columns are also aligned in a terminal.

use std::fmt;

use super::{Comparison, Row, Verdict};
use crate::out::report::format;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "> {warning}")?;
        }
        if !self.warnings.is_empty() {
            writeln!(f)?;
        }
        let head = ["", "A", "B", "change", "noise", ""].map(str::to_owned);
        let cells: Vec<_> = std::iter::once(head).chain(self.rows.iter().map(Row::cells)).collect();
        let width = |column: usize| {
            let widths = cells.iter().map(|row| row[column].chars().count());
            widths.max().unwrap_or(0).max(3)
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        for (index, row) in cells.iter().enumerate() {
            line(f, row, &widths)?;
            if index == 0 {
                let rule = |column: usize| match column {
                    0 | 5 => "-".repeat(widths[column]),
                    _ => format!("{}:", "-".repeat(widths[column] - 1)),
                };
                line(f, &std::array::from_fn(rule), &widths)?;
            }
        }
        writeln!(f, "\n{}", self.conclusion())
    }
}

impl Comparison {
    /// Summarizes the comparison: the figures that got worse or better, and the meaning of noise.
    pub fn conclusion(&self) -> String {
        let names = |verdict: Verdict| {
            let of = self.rows.iter().filter(move |row| row.verdict == verdict);
            of.map(|row| row.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        let said = [(Verdict::Worse, "Worse"), (Verdict::Better, "Better")];
        let mut out: String = said
            .iter()
            .map(|(verdict, word)| (word, names(*verdict)))
            .filter(|(_, names)| !names.is_empty())
            .map(|(word, names)| format!("{word} beyond noise: {names}.\n"))
            .collect();
        if out.is_empty() {
            out.push_str("No difference beyond noise.\n");
        }
        out.push_str(
            "Noise is what samples and seconds within the two runs vary by (99 % confidence); a \
             machine that others use varies more from run to run.",
        );
        out
    }
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let shown = self.format;
        let relative = |value: f64| {
            if self.a.value > 0.0 { format::share(value / self.a.value) } else { shown(value) }
        };
        let difference = self.b.value - self.a.value;
        let sign = if difference > 0.0 { "+" } else { "" };
        let noise =
            if self.noise.is_finite() { relative(self.noise) } else { "unknown".to_owned() };
        let verdict = match self.verdict {
            Verdict::Same => "",
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Unclear => "unclear",
        };
        [
            self.name.clone(),
            shown(self.a.value),
            shown(self.b.value),
            format!("{sign}{}", relative(difference)),
            format!("± {noise}"),
            verdict.to_owned(),
        ]
    }
}

fn line(f: &mut fmt::Formatter<'_>, row: &[String; 6], widths: &[usize; 6]) -> fmt::Result {
    for (column, (text, width)) in row.iter().zip(widths).enumerate() {
        match column {
            0 | 5 => write!(f, "| {text:<width$} ")?,
            _ => write!(f, "| {text:>width$} ")?,
        }
    }
    writeln!(f, "|")
}

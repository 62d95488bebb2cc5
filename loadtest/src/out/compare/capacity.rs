//! Comparison of two searches for the highest rate.

use super::noise::{Estimate, students};
use super::{Good, Row};
use crate::out::report::capacity::{Capacity, Fit};
use crate::out::report::capacity_text;
use crate::out::report::format;

/// Degrees of freedom of a fit that has no list of points.
const FREEDOM_UNKNOWN: usize = 3;

/// Compares the highest rate, and each cost that both reports have.
pub(super) fn rows(a: &Capacity, b: &Capacity) -> Vec<Row> {
    let highest = (highest_rate(a), highest_rate(b));
    let mut rows =
        vec![Row::new("highest rate".to_owned(), highest, 0.0, Good::More, format::rate)];
    for before in &a.fits {
        let same = |fit: &&Fit| fit.cost == before.cost && fit.step == before.step;
        if let Some(after) = b.fits.iter().find(same) {
            let format = capacity_text::format_of(before.cost);
            let name = capacity_text::cost(before);
            rows.push(Row::new(name, (slope(before), slope(after)), 0.0, Good::Less, format));
        }
    }
    rows
}

/// Returns the highest rate with its uncertainty: the distance to the next higher rate that missed
/// the objective.
fn highest_rate(capacity: &Capacity) -> Estimate {
    let highest = capacity.highest_rate;
    let above = capacity.trials.iter().filter(|t| !t.met && t.rate > highest).map(|t| t.rate);
    Estimate::around(highest, above.fold(f64::INFINITY, f64::min) - highest)
}

fn slope(fit: &Fit) -> Estimate {
    let freedom = fit.points.len().checked_sub(2).filter(|n| *n > 0).unwrap_or(FREEDOM_UNKNOWN);
    let noise = fit.slope_error.map_or(f64::INFINITY, |error| students(freedom as f64) * error);
    Estimate::around(fit.slope, noise)
}

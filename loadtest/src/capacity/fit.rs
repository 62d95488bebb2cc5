//! Marginal costs: lines fitted through measurements by least squares, with their standard errors.

use nalgebra::{DMatrix, DVector};

use crate::out::report::capacity::{Cost, Fit};

/// Ratio of a singular value to the largest one, below which the singular value counts as a
/// rounding error.
const RANK_EPSILON: f64 = 1e-9;

/// One row of a joint fit: the rate of each step, and the cores that all steps used together.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// Rate of each step per second. The steps have the same order in every row.
    pub rates: Vec<f64>,
    /// The cores that the server used.
    pub cores: f64,
}

/// A solution by least squares.
struct Solution {
    coefficients: Vec<f64>,
    /// Standard error of each coefficient; empty if there are no more rows than coefficients.
    errors: Vec<f64>,
    r2: Option<f64>,
    deviation_max: f64,
}

impl Solution {
    /// Builds the fit of one cost. Its slope is the coefficient of `column`. Its intercept is the
    /// coefficient of column 0, which is the cost without load.
    fn fit(&self, cost: Cost, step: Option<String>, column: usize, points: &[(f64, f64)]) -> Fit {
        Fit {
            cost,
            step,
            slope: self.coefficients[column],
            slope_error: self.errors.get(column).copied(),
            intercept: self.coefficients[0],
            r2: self.r2,
            deviation_max: self.deviation_max,
            points: points.to_vec(),
        }
    }
}

/// Fits a line through points of a count and its cost; `None` if fewer than two counts differ.
///
/// Two points always lie on a line: give three or more, so that the residuals mean something.
pub fn line(cost: Cost, points: &[(f64, f64)]) -> Option<Fit> {
    Some(through(points)?.fit(cost, None, 1, points))
}

/// Returns the slope of the line through points; `None` if fewer than two counts differ.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<f64> {
    Some(through(points)?.coefficients[1])
}

fn through(points: &[(f64, f64)]) -> Option<Solution> {
    let rows: Vec<Vec<f64>> = points.iter().map(|(x, _)| vec![1.0, *x]).collect();
    let values: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
    solve(&rows, &values)
}

/// Fits the processor cost of each step in `names`, from runs that mix the steps differently.
/// Returns `None` if there are too few mixtures, or if they are too similar to separate the steps.
///
/// All returned fits have the same `r2` and `deviation_max`, because they come from one solution.
pub fn steps(names: &[&str], mixtures: &[Mixture]) -> Option<Vec<Fit>> {
    if mixtures.iter().any(|mixture| mixture.rates.len() != names.len()) {
        return None;
    }
    let with_one = |mixture: &Mixture| [&[1.0], mixture.rates.as_slice()].concat();
    let rows: Vec<Vec<f64>> = mixtures.iter().map(with_one).collect();
    let values: Vec<f64> = mixtures.iter().map(|mixture| mixture.cores).collect();
    let solution = solve(&rows, &values)?;
    let fit = |(index, name): (usize, &&str)| {
        solution.fit(Cost::CpuPerStep, Some((*name).to_owned()), index + 1, &[])
    };
    Some(names.iter().enumerate().map(fit).collect())
}

/// Solves rows of equal length by least squares. Returns `None` if a value is not finite, or if the
/// rows do not determine each coefficient.
fn solve(rows: &[Vec<f64>], values: &[f64]) -> Option<Solution> {
    let width = rows.first()?.len();
    if rows.len() < width || rows.iter().flatten().chain(values).any(|value| !value.is_finite()) {
        return None;
    }
    let mut columns = DMatrix::from_fn(rows.len(), width, |row, column| rows[row][column]);
    // Each column gets length 1, so that the rank does not depend on units.
    let lengths: Vec<f64> = columns.column_iter().map(|column| column.norm()).collect();
    for (mut column, length) in columns.column_iter_mut().zip(&lengths) {
        column /= *length;
    }
    if columns.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let decomposed = columns.svd(true, true);
    let singular = &decomposed.singular_values;
    if singular.min() <= singular.max() * RANK_EPSILON {
        return None;
    }
    let solution = decomposed.solve(&DVector::from_column_slice(values), 0.0).ok()?;
    let coefficients: Vec<f64> = solution.iter().zip(&lengths).map(|(c, l)| c / l).collect();
    let fitted: Vec<f64> = rows.iter().map(|row| weighted_sum(row, &coefficients)).collect();
    let squares: f64 = values.iter().zip(&fitted).map(|(value, fit)| (value - fit).powi(2)).sum();
    let freedom = rows.len() - width;
    let variance = squares / freedom as f64;
    let axes = decomposed.v_t?;
    let error = |column: usize| {
        let along = axes.column(column).component_div(singular).norm_squared();
        (variance * along).sqrt() / lengths[column]
    };
    Some(Solution {
        errors: if freedom > 0 { (0..width).map(error).collect() } else { Vec::new() },
        r2: r2(values, &fitted),
        deviation_max: deviation_max(values, &fitted),
        coefficients,
    })
}

/// Returns the share of the values' variation that the fit explains; `None` if all values are
/// equal.
fn r2(values: &[f64], fitted: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let left: f64 = values.iter().zip(fitted).map(|(value, fit)| (value - fit).powi(2)).sum();
    (total > 0.0).then(|| 1.0 - left / total)
}

/// Returns the largest residual as a share of the range of the values. As a share of the values
/// themselves it would look small, because they contain the base load of an idle server.
fn deviation_max(values: &[f64], fitted: &[f64]) -> f64 {
    let off = values.iter().zip(fitted).map(|(value, fit)| (value - fit).abs());
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    if range > 0.0 { off.fold(0.0, f64::max) / range } else { 0.0 }
}

fn weighted_sum(row: &[f64], weights: &[f64]) -> f64 {
    row.iter().zip(weights).map(|(value, weight)| value * weight).sum()
}

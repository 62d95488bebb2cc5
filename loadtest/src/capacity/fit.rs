//! What one more costs: lines through measurements, by least squares, with how far off they are.

use crate::out::report::capacity::{Cost, Fit};

/// What a step takes, fitted with others: each row has how often per second each step was done, and
/// what it took all together.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// How often each step was done, per second, in the same order in all of them.
    pub rates: Vec<f64>,
    /// The cores that it took.
    pub cores: f64,
}

/// A solution by least squares.
struct Solution {
    coefficients: Vec<f64>,
    /// The standard error of each; empty if there are no more rows than coefficients.
    errors: Vec<f64>,
    r2: Option<f64>,
    deviation_max: f64,
}

/// The line through points, of how many and what it took; none if fewer than two differ in how
/// many.
///
/// Two points always lie on a line: take three or more, so that the residual says something.
#[must_use]
pub fn line(cost: Cost, points: &[(f64, f64)]) -> Option<Fit> {
    let rows: Vec<Vec<f64>> = points.iter().map(|(x, _)| vec![1.0, *x]).collect();
    let values: Vec<f64> = points.iter().map(|(_, y)| *y).collect();
    let Solution { coefficients, errors, r2, deviation_max } = solve(&rows, &values)?;
    Some(Fit {
        cost,
        step: None,
        slope: coefficients[1],
        slope_error: errors.get(1).copied(),
        intercept: coefficients[0],
        r2,
        deviation_max,
        points: points.to_vec(),
    })
}

/// What each of the steps `names` costs the processor, from runs that mix them differently; none if
/// the mixtures are too few or too alike to tell the steps apart.
///
/// Residuals are of all steps together.
#[must_use]
pub fn steps(names: &[&str], mixtures: &[Mixture]) -> Option<Vec<Fit>> {
    if mixtures.iter().any(|mixture| mixture.rates.len() != names.len()) {
        return None;
    }
    let with_one = |mixture: &Mixture| [&[1.0], mixture.rates.as_slice()].concat();
    let rows: Vec<Vec<f64>> = mixtures.iter().map(with_one).collect();
    let values: Vec<f64> = mixtures.iter().map(|mixture| mixture.cores).collect();
    let Solution { coefficients, errors, r2, deviation_max } = solve(&rows, &values)?;
    let fit = |(index, name): (usize, &&str)| Fit {
        cost: Cost::CpuPerStep,
        step: Some((*name).to_owned()),
        slope: coefficients[index + 1],
        slope_error: errors.get(index + 1).copied(),
        intercept: coefficients[0],
        r2,
        deviation_max,
        points: Vec::new(),
    };
    Some(names.iter().enumerate().map(fit).collect())
}

/// Least squares over rows of equal length, by orthogonal columns (modified Gram–Schmidt), which
/// needs no squares of large numbers; none if the columns do not tell the coefficients apart.
fn solve(rows: &[Vec<f64>], values: &[f64]) -> Option<Solution> {
    let width = rows.first()?.len();
    if rows.len() < width || rows.iter().flatten().chain(values).any(|value| !value.is_finite()) {
        return None;
    }
    let mut columns: Vec<Vec<f64>> =
        (0..width).map(|column| rows.iter().map(|row| row[column]).collect()).collect();
    let mut rest = values.to_vec();
    let mut upper = vec![vec![0.0; width]; width];
    let mut along = vec![0.0; width];
    for column in 0..width {
        let before = dot(&columns[column], &columns[column]).sqrt();
        for earlier in 0..column {
            let part = dot(&columns[earlier], &columns[column]);
            upper[earlier][column] = part;
            let unit = columns[earlier].clone();
            take(&mut columns[column], part, &unit);
        }
        let length = dot(&columns[column], &columns[column]).sqrt();
        // What is left of a column that the others explain is rounding.
        if length <= before * 1e-9 {
            return None;
        }
        columns[column].iter_mut().for_each(|value| *value /= length);
        upper[column][column] = length;
        along[column] = dot(&columns[column], &rest);
        take(&mut rest, along[column], &columns[column]);
    }
    let mut coefficients = vec![0.0; width];
    for column in (0..width).rev() {
        let later: f64 = (column + 1..width).map(|k| upper[column][k] * coefficients[k]).sum();
        coefficients[column] = (along[column] - later) / upper[column][column];
    }
    let fitted: Vec<f64> = rows.iter().map(|row| dot(row, &coefficients)).collect();
    let freedom = rows.len() - width;
    let variance = dot(&rest, &rest) / freedom as f64;
    let error = |row: &Vec<f64>| (variance * dot(row, row)).sqrt();
    Some(Solution {
        errors: if freedom > 0 { inverse(&upper).iter().map(error).collect() } else { Vec::new() },
        r2: r2(values, &fitted),
        deviation_max: deviation_max(values, &fitted),
        coefficients,
    })
}

/// The inverse of an upper triangle.
fn inverse(upper: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let width = upper.len();
    let mut inverse = vec![vec![0.0; width]; width];
    for column in 0..width {
        inverse[column][column] = 1.0 / upper[column][column];
        for row in (0..column).rev() {
            let later: f64 = (row + 1..=column).map(|k| upper[row][k] * inverse[k][column]).sum();
            inverse[row][column] = -later / upper[row][row];
        }
    }
    inverse
}

/// The share of what values vary by that is explained; none if they do not vary.
fn r2(values: &[f64], fitted: &[f64]) -> Option<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let total: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let left: f64 = values.iter().zip(fitted).map(|(value, fit)| (value - fit).powi(2)).sum();
    (total > 0.0).then(|| 1.0 - left / total)
}

/// The largest distance of a value from what is fitted, as a part of the range of the values: as a
/// part of the values themselves, what an empty server has would hide it.
fn deviation_max(values: &[f64], fitted: &[f64]) -> f64 {
    let off = values.iter().zip(fitted).map(|(value, fit)| (value - fit).abs());
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let range = values.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    if range > 0.0 { off.fold(0.0, f64::max) / range } else { 0.0 }
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// Takes `part` of `unit` from a column.
fn take(column: &mut [f64], part: f64, unit: &[f64]) {
    column.iter_mut().zip(unit).for_each(|(value, unit)| *value -= part * unit);
}

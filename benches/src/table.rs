//! Statistics of several rounds.

/// Returns the median; for an even number of values, the lower one of the two in the middle.
///
/// # Panics
/// If there are no values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) / 2]
}

/// Returns the smallest and the largest value.
pub fn range(values: &[f64]) -> (f64, f64) {
    let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
    (smallest, values.iter().copied().fold(f64::NEG_INFINITY, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_mind_one_that_is_far_off() {
        assert!((median(&[3.0, 1.0, 99.0]) - 3.0).abs() < f64::EPSILON);
        assert!((median(&[2.0, 1.0]) - 1.0).abs() < f64::EPSILON);
        assert_eq!(range(&[3.0, 1.0, 99.0]), (1.0, 99.0));
    }
}

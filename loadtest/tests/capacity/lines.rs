//! Lines through measurements: they are exact, and say how far off the measurements are.

use countersign_loadtest::capacity::fit::{self, Mixture};
use countersign_loadtest::out::report::capacity::Cost;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_line_is_found_as_it_was_drawn(
        slope in 1e-6..1e6f64, intercept in 0.0..1e9f64, step in 1.0..1e5f64,
    ) {
        let points: Vec<_> =
            (1..=6).map(|n| (n as f64 * step, intercept + slope * n as f64 * step)).collect();
        let fit = fit::line(Cost::BytesPerDevice, &points).unwrap();
        let scale = intercept + slope * step;
        prop_assert!((fit.slope - slope).abs() * step <= 1e-9 * scale);
        prop_assert!((fit.intercept - intercept).abs() <= 1e-9 * scale);
        prop_assert!(fit.deviation_max < 1e-9);
    }
}

#[test]
fn a_line_says_how_far_off_its_measurements_are() {
    // Least squares by hand: slope 1.9, intercept 0.5. The total sum of squares is 18.75, and 18.05
    // of it is explained by the line.
    let points = [(1.0, 2.0), (2.0, 5.0), (3.0, 6.0), (4.0, 8.0)];
    let fit = fit::line(Cost::CpuPerLifecycle, &points).unwrap();
    assert!((fit.slope - 1.9).abs() < 1e-12 && (fit.intercept - 0.5).abs() < 1e-12);
    assert!((fit.r2.unwrap() - (1.0 - 0.7 / 18.75)).abs() < 1e-12);
    // The sum of the squared residuals is 0.7. With two degrees of freedom and a spread of 5 the
    // error is √(0.35 / 5).
    assert!((fit.slope_error.unwrap() - 0.07f64.sqrt()).abs() < 1e-12);
    // The second value is 5, and the line has 4.3 there. The values range from 2 to 8.
    assert!((fit.deviation_max - 0.7 / 6.0).abs() < 1e-12);
}

#[test]
fn what_does_not_make_a_line_is_none() {
    let fit = |points: &[(f64, f64)]| fit::line(Cost::BytesPerDevice, points);
    assert_eq!(fit(&[]), None);
    assert_eq!(fit(&[(1.0, 2.0)]), None);
    assert_eq!(fit(&[(5.0, 1.0), (5.0, 2.0), (5.0, 3.0)]), None);
    assert_eq!(fit(&[(1.0, 2.0), (2.0, f64::NAN)]), None);
    let two = fit(&[(1.0, 7.0), (2.0, 7.0)]).unwrap();
    assert_eq!((two.r2, two.slope_error), (None, None));
}

#[test]
fn steps_are_told_apart_by_mixtures_of_them() {
    let costs = [0.000_2, 0.000_5, 0.000_9];
    let mixture = |rates: [f64; 3]| Mixture {
        cores: 0.03 + costs.iter().zip(rates).map(|(cost, rate)| cost * rate).sum::<f64>(),
        rates: rates.to_vec(),
    };
    let names = ["track", "challenge", "decide"];
    let mixtures = [
        [100.0, 0.0, 0.0],
        [200.0, 0.0, 0.0],
        [100.0, 100.0, 0.0],
        [100.0, 100.0, 100.0],
        [300.0, 200.0, 100.0],
    ]
    .map(mixture);
    let fits = fit::steps(&names, &mixtures).unwrap();
    for (fit, (name, cost)) in fits.iter().zip(names.iter().zip(costs)) {
        assert_eq!((fit.cost, fit.step.as_deref()), (Cost::CpuPerStep, Some(*name)));
        assert!((fit.slope - cost).abs() < 1e-12 && (fit.intercept - 0.03).abs() < 1e-9);
    }
    // Every mixture has all steps at the same rate, so that the steps cannot be separated.
    let alike = [100.0, 200.0, 300.0, 400.0].map(|rate| mixture([rate; 3]));
    assert_eq!(fit::steps(&names, &alike), None);
    assert_eq!(fit::steps(&names[..2], &mixtures), None);
    assert_eq!(fit::steps(&names, &mixtures[..3]), None);
}

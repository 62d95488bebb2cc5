//! Numbers as people read them: three digits that matter, and a unit.

/// A number with three digits that matter and a mark every three places: `0.0421`, `3.14`,
/// `12,300`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // Rounded first: rounding may make it a digit longer, as it does 9.999.
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    let places = (2.0 - rounded.abs().log10().floor()).clamp(0.0, 9.0);
    grouped(&format!("{rounded:.*}", places as usize))
}

/// The same with no digit that says nothing: `12.5`, `3`.
pub(crate) fn plain(value: f64) -> String {
    trimmed(&number(value))
}

/// A whole number with a mark every three places: `1,234,567`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A time from microseconds: `812 µs`, `4.21 ms`, `1.20 s`, `2.50 min`.
pub fn time(us: f64) -> String {
    unit(us, &[(1.0, "µs"), (1e3, "ms"), (1e6, "s"), (60e6, "min"), (3600e6, "h")])
}

/// A time from microseconds, as it stands on an axis: `10 ms`, with no digit that says nothing.
pub(super) fn short_time(us: f64) -> String {
    trimmed(&time(us))
}

/// A time from seconds: `4.20 ms`, `30.0 s`.
pub fn seconds(value: f64) -> String {
    if value == 0.0 {
        return "0 s".to_owned();
    }
    trimmed(&time(value * 1e6))
}

/// Memory from bytes: `512 B`, `3.40 KiB`, `1.20 GiB`.
pub fn bytes(value: f64) -> String {
    const KIB: f64 = 1024.0;
    let mib = KIB * KIB;
    unit(value, &[(1.0, "B"), (KIB, "KiB"), (mib, "MiB"), (mib * KIB, "GiB"), (mib * mib, "TiB")])
}

/// A rate: `1,230/s`.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", plain(per_second))
}

/// A part of a whole, from 0 to 1, in percent: `0.012 %`.
pub fn share(part: f64) -> String {
    format!("{} %", plain(part * 100.0))
}

/// Cores in use: `0.84 cores`.
pub fn cores(value: f64) -> String {
    format!("{} {}", plain(value), if value == 1.0 { "core" } else { "cores" })
}

/// A count with its noun, singular for one: `1 core`, `2 cores`.
pub(crate) fn several(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// The largest unit of which there is at least one.
fn unit(value: f64, units: &[(f64, &str)]) -> String {
    let fits = units.iter().rev().find(|(size, _)| value.abs() >= *size * 0.9995);
    let (size, name) = fits.unwrap_or(&units[0]);
    format!("{} {name}", number(value / size))
}

/// Removes zeros at the end of a fraction, and leaves the unit.
pub(super) fn trimmed(text: &str) -> String {
    let (digits, unit) = text.split_once(' ').map_or((text, None), |(d, u)| (d, Some(u)));
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    unit.map_or_else(|| digits.to_owned(), |unit| format!("{digits} {unit}"))
}

/// Puts a mark between the thousands of the whole part.
fn grouped(text: &str) -> String {
    let (whole, fraction) = text.split_once('.').map_or((text, ""), |(w, f)| (w, f));
    let digits = whole.trim_start_matches('-');
    let mut out = if whole.len() > digits.len() { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_matter() {
        let cases = [(0.0, "0"), (0.042_12, "0.0421"), (2.3456, "2.35"), (9.999, "10.0")];
        cases.iter().for_each(|(value, text)| assert_eq!(number(*value), *text));
        let cases = [(12_345.0, "12,300"), (-1_234_567.0, "-1,230,000"), (999.9, "1,000")];
        cases.iter().for_each(|(value, text)| assert_eq!(number(*value), *text));
        assert_eq!(number(f64::NAN), "–");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn units_are_the_largest_of_which_there_is_one() {
        assert_eq!(time(812.0), "812 µs");
        assert_eq!(time(4_214.0), "4.21 ms");
        assert_eq!(time(999.8), "1.00 ms");
        assert_eq!(time(150e6), "2.50 min");
        assert_eq!(bytes(512.0), "512 B");
        assert_eq!(bytes(3_481.6), "3.40 KiB");
        assert_eq!(bytes(1.2 * 1024f64.powi(3)), "1.20 GiB");
        assert_eq!(short_time(10_000.0), "10 ms");
        assert_eq!(seconds(30.0), "30 s");
        assert_eq!(share(0.000_123), "0.0123 %");
        assert_eq!(cores(1.0), "1 core");
        assert_eq!(rate(200.0), "200/s");
    }
}

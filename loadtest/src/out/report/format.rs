//! Numbers in readable form: three significant digits and a unit.

/// Formats a number with three significant digits and a comma between thousands: `0.0421`, `3.14`,
/// `12,300`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // The number is rounded first, because rounding may add a digit before the point: 9.999 becomes
    // 10.0.
    let rounded: f64 = format!("{value:.2e}").parse().unwrap_or(value);
    let places = (2.0 - rounded.abs().log10().floor()).clamp(0.0, 9.0);
    grouped(&format!("{rounded:.*}", places as usize))
}

/// Formats a number as [`number`] does, without zeros at the end of the fraction: `12.5`, `3`.
pub(crate) fn plain(value: f64) -> String {
    trimmed(&number(value))
}

/// Formats a whole number with a comma between thousands: `1,234,567`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// Formats a time in microseconds: `812 µs`, `4.21 ms`, `1.20 s`, `2.50 min`.
pub fn time(us: f64) -> String {
    unit(us, &[(1.0, "µs"), (1e3, "ms"), (1e6, "s"), (60e6, "min"), (3600e6, "h")])
}

/// Formats a time in microseconds for an axis, without zeros at the end of the fraction: `10 ms`.
pub(super) fn short_time(us: f64) -> String {
    trimmed(&time(us))
}

/// Formats a time in seconds, without zeros at the end of the fraction: `4.2 ms`, `30 s`.
pub fn seconds(value: f64) -> String {
    if value == 0.0 {
        return "0 s".to_owned();
    }
    trimmed(&time(value * 1e6))
}

/// Formats a number of bytes: `512 B`, `3.40 KiB`, `1.20 GiB`.
pub fn bytes(value: f64) -> String {
    const KIB: f64 = 1024.0;
    let mib = KIB * KIB;
    unit(value, &[(1.0, "B"), (KIB, "KiB"), (mib, "MiB"), (mib * KIB, "GiB"), (mib * mib, "TiB")])
}

/// Formats a rate per second: `1,230/s`.
pub fn rate(per_second: f64) -> String {
    format!("{}/s", plain(per_second))
}

/// Formats a share from 0 to 1 as a percentage: `0.012 %`.
pub fn share(part: f64) -> String {
    format!("{} %", plain(part * 100.0))
}

/// Formats a number of used cores: `0.84 cores`.
pub fn cores(value: f64) -> String {
    format!("{} {}", plain(value), if value == 1.0 { "core" } else { "cores" })
}

/// Formats a count with its noun, which is singular for one: `1 core`, `2 cores`.
pub(crate) fn several(value: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(value), if value == 1 { one } else { many })
}

/// Formats a value in the largest unit that is not larger than the value.
fn unit(value: f64, units: &[(f64, &str)]) -> String {
    let fits = units.iter().rev().find(|(size, _)| value.abs() >= *size * 0.9995);
    let (size, name) = fits.unwrap_or(&units[0]);
    format!("{} {name}", number(value / size))
}

/// Removes zeros at the end of a fraction, and keeps the unit.
pub(super) fn trimmed(text: &str) -> String {
    let (digits, unit) = text.split_once(' ').map_or((text, None), |(d, u)| (d, Some(u)));
    let digits = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    unit.map_or_else(|| digits.to_owned(), |unit| format!("{digits} {unit}"))
}

/// Inserts commas between the thousands of the whole part.
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

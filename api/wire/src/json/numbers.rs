//! Check for numbers that would change when they are parsed.
//!
//! JSON allows numbers of any length, but the parser stores a 64-bit integer or a double. It could
//! parse two different numbers to the same value. The server would then treat two different
//! contents as the same, such as two orders.

use super::{JsonPath, Step};

/// Member of a body whose numbers must not change.
const KEPT: &str = "custom";

/// Number of characters up to which every integer fits into 64 bits.
const SHORT: usize = 18;

/// Returns the place of the first number in `custom` that would change when it is parsed, or None
/// if there is no such number. `bytes` must be JSON.
pub(super) fn first_changed(bytes: &[u8]) -> Option<JsonPath> {
    // Few bodies have a number that may change, and the search for its place costs much more.
    if may_change(bytes) { first_changed_at(bytes) } else { None }
}

/// Returns true if any number is not a short integer.
fn may_change(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = end_of_text(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = end_of_number(bytes, at);
                let is_integer = bytes[at..end].iter().all(|b| matches!(b, b'-' | b'0'..=b'9'));
                if !is_integer || end - at > SHORT {
                    return true;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    false
}

fn first_changed_at(bytes: &[u8]) -> Option<JsonPath> {
    let mut steps: Vec<Step> = Vec::new();
    let mut key: Option<String> = None;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let mut end = at + 1;
        match byte {
            b'{' => steps.push(Step::Key(String::new())),
            b'[' => steps.push(Step::Index(0)),
            b'}' | b']' => drop(steps.pop()),
            b',' => {
                if let Some(Step::Index(index)) = steps.last_mut() {
                    *index += 1;
                }
            }
            b':' => {
                if let (Some(Step::Key(step)), Some(key)) = (steps.last_mut(), key.take()) {
                    *step = key;
                }
            }
            b'"' => {
                end = end_of_text(bytes, at);
                key = serde_json::from_slice(&bytes[at..end]).ok();
            }
            b'-' | b'0'..=b'9' => {
                end = end_of_number(bytes, at);
                let kept = matches!(steps.first(), Some(Step::Key(key)) if key == KEPT);
                if kept && !bytes.get(at..end).is_some_and(is_kept) {
                    return Some(JsonPath::of(&steps));
                }
            }
            _ => {}
        }
        at = end;
    }
    None
}

/// Returns the position behind the string literal that begins at `begin`.
fn end_of_text(bytes: &[u8], begin: usize) -> usize {
    let mut at = begin + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Returns the position behind the number that begins at `begin`.
fn end_of_number(bytes: &[u8], begin: usize) -> usize {
    let is_of_number = |b: &&u8| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    begin + bytes[begin..].iter().take_while(is_of_number).count()
}

/// Returns true if the parser keeps this number unchanged: a 64-bit integer, or a double. A double
/// may be written in its shortest form, or with 17 significant digits, because some writers give
/// every double 17.
fn is_kept(number: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(number) else { return false };
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return true;
    }
    let Ok(double) = text.parse::<f64>() else { return false };
    let written = value(text);
    written.is_some()
        && (written == value(&format!("{double:e}")) || written == value(&format!("{double:.16e}")))
}

/// Returns a number's significant digits and the power of ten of the last digit. The sign is left
/// out. Returns None if the power does not fit into 64 bits.
fn value(text: &str) -> Option<(String, i64)> {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (digits, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some((String::new(), 0));
    }
    let zeros = i64::try_from(all.len() - all.trim_end_matches('0').len()).ok()?;
    let power = power.parse::<i64>().ok()?.checked_add(zeros)?;
    let power = power.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Some((significant.to_owned(), power))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(body: &str) -> Option<String> {
        first_changed(body.as_bytes()).map(|place| place.to_string())
    }

    #[test]
    fn a_number_that_would_change_is_found_with_its_place() {
        for (body, found) in [
            (r#"{"custom":{"points":100000000000000000001}}"#, "custom.points"),
            (
                r#"{"a":"\"{","custom":{"x":[1,{"y":"]"},[0.12345678901234567890]]}}"#,
                "custom.x[2][0]",
            ),
            (r#"{"\u0063ustom":{"a":{"b":2},"c" : -9007199254740993.0 }}"#, "custom.c"),
            (r#"{"custom":{"a":1e-400}}"#, "custom.a"),
            (r#"{"custom":18446744073709551616}"#, "custom"),
        ] {
            assert_eq!(place(body).as_deref(), Some(found), "{body}");
        }
    }

    #[test]
    fn numbers_that_stay_and_numbers_elsewhere_are_left_alone() {
        for number in [
            "0",
            "-0",
            "0.0",
            "0e99999999999999999999",
            "1.10",
            "0.1",
            "10.50",
            "1e3",
            "1E+3",
            "18446744073709551615",
            "-9223372036854775808",
            "100000000000000000000",
            "1e308",
            "0.10000000000000001",
            "1.7976931348623157e308",
            "5e-324",
        ] {
            assert_eq!(place(&format!(r#"{{"custom":{{"a":{number}}}}}"#)), None, "{number}");
        }
        assert_eq!(place(r#"{"other":{"custom":100000000000000000001}}"#), None);
        assert_eq!(place(r#"{"custom":{"a":"100000000000000000001"}}"#), None);
    }

    proptest! {
        #[test]
        fn what_the_parser_writes_stays(number in any::<f64>()) {
            prop_assume!(number.is_finite());
            let body = serde_json::json!({ "custom": { "a": [number] } }).to_string();
            prop_assert_eq!(place(&body), None);
        }

        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = first_changed(&bytes);
        }
    }
}

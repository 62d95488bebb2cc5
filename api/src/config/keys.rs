//! Known keys and their types, derived from the structs of [`super::file`].
//!
//! This module compares the types, so that serde does not: serde's messages quote the value, which
//! may be a secret.

use toml::{Table, Value};

use super::error::ConfigError;
use super::file::File;
use super::nearest::nearest;

/// Refuses unknown keys and values of a wrong type.
pub(super) fn check(actual: &Table) -> Result<(), ConfigError> {
    check_table(actual, &File::template(), "")
}

fn check_table(actual: &Table, known: &Table, path: &str) -> Result<(), ConfigError> {
    for (name, value) in actual {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match known.get(name) {
            Some(expected) => check_value(value, expected, &key)?,
            None => return Err(unknown(&key)),
        }
    }
    Ok(())
}

fn check_value(actual: &Value, expected: &Value, key: &str) -> Result<(), ConfigError> {
    match (actual, expected) {
        (Value::Table(actual), Value::Table(known)) => check_table(actual, known, key),
        (Value::Array(entries), Value::Array(_)) => {
            let text = Value::String(String::new());
            let expected = section_of_list(expected).unwrap_or(&text);
            let each = entries.iter().enumerate();
            each.into_iter().try_for_each(|(i, e)| check_value(e, expected, &format!("{key}[{i}]")))
        }
        (Value::Integer(i64::MIN..0), Value::Integer(_)) => {
            Err(ConfigError::value(key, "is negative", "a whole number from 0 is allowed"))
        }
        (actual, expected) if actual.same_type(expected) => Ok(()),
        (actual, expected) => Err(ConfigError::value(
            key,
            format!("is of type {}", actual.type_str()),
            allowed(expected),
        )),
    }
}

/// Returns the template of one section, if `expected` is a list of sections such as `tenants`.
pub(super) fn section_of_list(expected: &Value) -> Option<&Value> {
    expected.as_array().and_then(|entries| entries.first()).filter(|first| first.is_table())
}

/// Describes the allowed type of a key, for a message.
pub(super) fn allowed(expected: &Value) -> String {
    if section_of_list(expected).is_some() {
        return "sections are allowed, one [[…]] each".into();
    }
    match expected.type_str() {
        "integer" => "a whole number from 0 is allowed".into(),
        "string" => "text in quotes is allowed".into(),
        "array" => "a list of texts is allowed".into(),
        "table" => "a section is allowed".into(),
        other => format!("a {other} is allowed"),
    }
}

/// Creates the error of an unknown key. It names the most similar known key.
pub(super) fn unknown(key: &str) -> ConfigError {
    let nearest = nearest_key(key);
    let name = key.escape_debug().to_string();
    ConfigError::Unknown { kind: "key", name, place: None, nearest }
}

/// Returns the known key that is most similar to `key`, with the tenant's index of `key`.
pub(super) fn nearest_key(key: &str) -> String {
    let number = key.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(n, _)| n);
    let number = number.filter(|n| n.parse::<u16>().is_ok()).unwrap_or("0");
    let known: Vec<String> =
        known().iter().map(|k| k.replace("[]", &format!("[{number}]"))).collect();
    nearest(key, &known)
}

/// Returns every known key and section. A section of a list is written as `tenants[]`.
pub(super) fn known() -> Vec<String> {
    fn collect(table: &Table, path: &str, all: &mut Vec<String>) {
        for (name, value) in table {
            let key = format!("{path}{name}");
            all.push(key.clone());
            if let Value::Table(section) = value {
                collect(section, &format!("{key}."), all);
            } else if let Some(Value::Table(section)) = section_of_list(value) {
                collect(section, &format!("{key}[]."), all);
            }
        }
    }
    let mut all = Vec::new();
    collect(&File::template(), "", &mut all);
    all
}

/// Returns the known keys that have a value, which excludes sections.
pub(super) fn leaves() -> Vec<String> {
    let all = known();
    let holds = |key: &String, other: &String| {
        let rest = other.strip_prefix(key.as_str());
        rest.is_some_and(|rest| rest.starts_with('.') || rest.starts_with("[]."))
    };
    all.iter().filter(|key| !all.iter().any(|other| holds(key, other))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(toml: &str) -> String {
        check(&toml.parse().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_refused_beside_the_nearest_known_one() {
        for (toml, name, nearest) in [
            ("[server]\nlistn = 'x'", "server.listn", "server.listen"),
            ("[servr]\nlisten = 'x'", "servr", "server"),
            ("public_url = 'x'", "public_url", "server.public_url"),
            (
                "[[tenants]]\n[[tenants]]\nsecret_key = []",
                "tenants[1].secret_key",
                "tenants[1].secret_keys",
            ),
            (
                "[[tenants]]\n[tenants.push]\nwebhook-url = ''",
                "tenants[0].push.webhook-url",
                "tenants[0].push.webhook_url",
            ),
        ] {
            let expected = format!("unknown key {name}: the nearest known name is {nearest}");
            assert_eq!(refusal(toml), expected);
        }
    }

    #[test]
    fn an_unknown_key_cannot_forge_a_line_of_a_log_nor_exhaust_memory() {
        assert!(refusal("\"a\\nb\" = 1").starts_with("unknown key a\\nb: "));
        assert!(refusal(&format!("{} = 1", "x".repeat(1_000_000))).starts_with("unknown key xx"));
    }

    #[test]
    fn a_wrong_type_is_refused_without_its_value() {
        for (toml, expected) in [
            (
                "[[tenants]]\nsecret_keys = [1234567890123456]",
                "tenants[0].secret_keys[0] is of type integer: text in quotes is allowed",
            ),
            (
                "[[tenants]]\nsecret_keys = 'one-secret-only'",
                "tenants[0].secret_keys is of type string: a list of texts is allowed",
            ),
            (
                "[tenants]\nid = 'a'",
                "tenants is of type table: sections are allowed, one [[…]] each",
            ),
            ("server = 'x'", "server is of type string: a section is allowed"),
            (
                "[server]\nworkers = '2'",
                "server.workers is of type string: a whole number from 0 is allowed",
            ),
            (
                "[server]\nworkers = -1",
                "server.workers is negative: a whole number from 0 is allowed",
            ),
        ] {
            assert_eq!(refusal(toml), expected);
        }
    }
}

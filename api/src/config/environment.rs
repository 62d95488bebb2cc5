//! Environment variables that set or override keys.
//!
//! `COUNTERSIGN__SECTION__KEY` sets any key, and `COUNTERSIGN__TENANTS__0__…` a key of a tenant. A
//! few short names set up one tenant without a file. An unknown variable with our prefix is
//! refused, except those that Kubernetes sets for a service named `countersign`, and those of our
//! own tests.

use std::collections::BTreeMap;
use std::ffi::OsString;

use toml::{Table, Value};

use super::error::ConfigError;
use super::file::File;
use super::nearest::nearest;
use super::{keys, limits};

const PREFIX: &str = "COUNTERSIGN_";

/// Variables that the command line reads, and this module ignores.
const OF_THE_COMMAND_LINE: &[&str] = &["COUNTERSIGN_CONFIG"];

/// Variables of the tests and of `make`. This module ignores them, because a server may be started
/// in the same shell.
const OF_THE_TESTS: &[&str] = &[
    "COUNTERSIGN_BIN",
    "COUNTERSIGN_COMPOSITIONS",
    "COUNTERSIGN_CONVERSIONS",
    "COUNTERSIGN_CONVERTED",
    "COUNTERSIGN_DECISIONS",
    "COUNTERSIGN_EVERY_BYTE",
    "COUNTERSIGN_FIXTURE",
    "COUNTERSIGN_FUZZ_SEED",
    "COUNTERSIGN_FUZZ_SEQUENCES",
    "COUNTERSIGN_KILLS",
    "COUNTERSIGN_KILLS_ASYNC",
    "COUNTERSIGN_KILLS_REDIS",
    "COUNTERSIGN_KILL_SEED",
    "COUNTERSIGN_PAUSE_SECONDS",
    "COUNTERSIGN_PLACES",
    "COUNTERSIGN_RESTARTS",
    "COUNTERSIGN_RULE",
    "COUNTERSIGN_SEED",
    "COUNTERSIGN_SEEDED",
    "COUNTERSIGN_SEEDS",
    "COUNTERSIGN_SIMULATIONS",
    "COUNTERSIGN_STATEMENTS",
    "COUNTERSIGN_TEST_OUTBOX_FILE",
    "COUNTERSIGN_THROUGH",
    "COUNTERSIGN_TURNS",
    "COUNTERSIGN_USERS",
];

const SECRET_KEY: &str = "COUNTERSIGN_SECRET_KEY";

/// Short names for a server without a file, each with the long name of the same key.
const SHORT: &[(&str, &str)] = &[
    ("COUNTERSIGN_LISTEN", "COUNTERSIGN__SERVER__LISTEN"),
    ("COUNTERSIGN_STORE", "COUNTERSIGN__STORE__URL"),
    ("COUNTERSIGN_TENANT_ID", "COUNTERSIGN__TENANTS__0__ID"),
    (SECRET_KEY, "COUNTERSIGN__TENANTS__0__SECRET_KEYS"),
    ("COUNTERSIGN_WEBHOOK_URL", "COUNTERSIGN__TENANTS__0__PUSH__WEBHOOK_URL"),
    ("COUNTERSIGN_WEBHOOK_ALLOW_HOSTS", "COUNTERSIGN__TENANTS__0__PUSH__WEBHOOK_ALLOW_HOSTS"),
];

/// Step of a path to a key. Steps are ordered, so that tenant 2 comes before tenant 10.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Key(String),
    Index(usize),
}

/// Returns the process's variables that begin with our prefix.
///
/// # Errors
/// [`ConfigError::Unusable`] for a variable that is not UTF-8.
pub fn of_process() -> Result<Vec<(String, String)>, ConfigError> {
    as_text(std::env::vars_os())
}

fn as_text(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, ConfigError> {
    let ours = all.filter(|(name, _)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    ours.map(|(name, value)| {
        let shown = name.to_string_lossy().escape_debug().to_string();
        let refused = |_: OsString| {
            let problem = format!("the variable {shown} is not UTF-8: write it as UTF-8 text");
            ConfigError::Unusable(problem)
        };
        Ok((name.into_string().map_err(refused)?, value.into_string().map_err(refused)?))
    })
    .collect()
}

/// Writes the values of `variables` into `table`, after a check of their types. Returns the
/// variable of each key that was set.
pub(super) fn apply(
    table: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let template = Value::Table(File::template());
    let file_has_tenants = table.contains_key("tenants");
    let mut settings = BTreeMap::new();
    for (variable, value) in variables {
        if !variable.starts_with(PREFIX)
            || OF_THE_COMMAND_LINE.contains(&variable.as_str())
            || OF_THE_TESTS.contains(&variable.as_str())
            || is_service_link(&variable, &value)
        {
            continue;
        }
        let long = long_name(&variable)?;
        if file_has_tenants && long != variable && long.contains("__TENANTS__") {
            let problem = "is for one tenant without [[tenants]] in the file";
            return Err(ConfigError::Unusable(format!("{variable} {problem}: use {long}")));
        }
        let path = path_of(long);
        let nearest = || variable_of(&keys::nearest_key(&spelled(&path)));
        let expected = expected(&template, &path).ok_or_else(|| unknown(&variable, nearest()))?;
        let parsed = if variable == SECRET_KEY {
            // The whole value is one secret, because a comma may be part of it.
            Value::Array(vec![Value::String(value)])
        } else {
            parse(expected, value).map_err(|problem| {
                let allowed = allowed(expected);
                ConfigError::value(spelled(&path), problem, allowed)
                    .with_source(|_| Some(source(&variable)))
            })?
        };
        if let Some((first, _)) = settings.insert(path.clone(), (variable.clone(), parsed)) {
            let key = spelled(&path);
            let problem = format!("{first} and {variable} both set {key}: keep one");
            return Err(ConfigError::Unusable(problem));
        }
    }
    let mut sources = BTreeMap::new();
    for (path, (variable, value)) in settings {
        set(table, &path, value).map_err(|e| e.with_source(|_| Some(source(&variable))))?;
        sources.insert(spelled(&path), variable);
    }
    Ok(sources)
}

/// Formats a variable as the source of a key, for a message.
pub(super) fn source(variable: &str) -> String {
    format!("from {variable}")
}

/// Returns the short variable that sets a key, if there is one.
pub(super) fn short_name(key: &str) -> Option<&'static str> {
    let found = SHORT.iter().find(|(_, long)| spelled(&path_of(long)) == key);
    found.map(|(short, _)| *short)
}

/// Returns true if Kubernetes set this variable for a service whose name starts with `countersign`.
fn is_service_link(name: &str, value: &str) -> bool {
    let name = &name[PREFIX.len()..];
    let of_port = |rest: &str| {
        let number = rest.split('_').next().unwrap_or_default();
        number.parse::<u16>().is_ok() && (rest.contains("_TCP") || rest.contains("_UDP"))
    };
    if name.starts_with('_') {
        return false;
    }
    name.ends_with("SERVICE_HOST")
        || name.ends_with("SERVICE_PORT")
        || name.contains("SERVICE_PORT_")
        || name.split("PORT_").skip(1).any(of_port)
        || (name.ends_with("PORT") && (value.starts_with("tcp://") || value.starts_with("udp://")))
}

fn long_name(variable: &str) -> Result<&str, ConfigError> {
    if variable.starts_with("COUNTERSIGN__") {
        return Ok(variable);
    }
    if let Some((_, long)) = SHORT.iter().find(|(short, _)| *short == variable) {
        return Ok(long);
    }
    let short = SHORT.iter().map(|(short, _)| (*short).to_owned());
    let long = keys::leaves().into_iter().map(|key| variable_of(&key.replace("[]", "[0]")));
    let nearest = nearest(variable, &short.chain(long).collect::<Vec<_>>());
    Err(unknown(variable, nearest))
}

fn unknown(variable: &str, nearest: String) -> ConfigError {
    let name = variable.escape_debug().to_string();
    ConfigError::Unknown { kind: "variable", name, place: None, nearest }
}

fn path_of(long: &str) -> Vec<Step> {
    let steps = long.split("__").skip(1);
    steps
        .map(|step| match step.parse() {
            Ok(index) => Step::Index(index),
            Err(_) => Step::Key(step.to_lowercase()),
        })
        .collect()
}

/// Formats a path for a message, such as `tenants[0].push.webhook_url`.
fn spelled(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(name) if text.is_empty() => text.push_str(name),
            Step::Key(name) => text.push_str(&format!(".{name}")),
        }
    }
    text
}

/// Returns the long variable that sets a key.
fn variable_of(key: &str) -> String {
    let name = key.replace('[', "__").replace(']', "").replace('.', "__").to_uppercase();
    format!("COUNTERSIGN__{name}")
}

fn expected<'a>(template: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(template, |value, step| match step {
        Step::Key(name) => value.as_table()?.get(name),
        Step::Index(_) => keys::section_of_list(value),
    })
}

/// Parses a variable's text as the type of its key. The error never quotes the text, because it may
/// be a secret.
fn parse(expected: &Value, text: String) -> Result<Value, &'static str> {
    if expected.is_table() || keys::section_of_list(expected).is_some() {
        return Err("is a section and not one value");
    }
    if expected.is_str() {
        return Ok(Value::String(text));
    }
    let trimmed = text.trim();
    if expected.is_array() && !trimmed.starts_with('[') {
        let entries = trimmed.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        return Ok(Value::Array(entries.map(|entry| Value::String(entry.to_owned())).collect()));
    }
    let parsed: Option<Value> = trimmed.parse().ok();
    parsed.filter(|value| value.same_type(expected)).ok_or("cannot be read")
}

fn allowed(expected: &Value) -> String {
    if expected.is_table() || keys::section_of_list(expected).is_some() {
        "set its keys by variables of their own, such as COUNTERSIGN__TENANTS__0__ID".into()
    } else if expected.is_array() {
        "a comma separated list or a TOML array of texts is allowed".into()
    } else {
        keys::allowed(expected)
    }
}

/// Writes one value. The index of a tenant must be that of an existing tenant, or the next one.
fn set(table: &mut Table, path: &[Step], value: Value) -> Result<(), ConfigError> {
    let mismatch = || ConfigError::value(spelled(path), "cannot be set", "a known key is allowed");
    match path {
        [Step::Key(name)] => {
            table.insert(name.clone(), value);
            Ok(())
        }
        [Step::Key(name), Step::Index(index), rest @ ..] => {
            let list = table.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            let list = list.as_array_mut().ok_or_else(mismatch)?;
            if *index > list.len() || *index >= limits::TENANTS_MAX {
                let allowed =
                    format!("0 to {} is allowed here", list.len().min(limits::TENANTS_MAX - 1));
                return Err(ConfigError::value(
                    format!("{name}[{index}]"),
                    "leaves a gap in the numbers, or is one too many",
                    allowed,
                ));
            }
            if *index == list.len() {
                list.push(Value::Table(Table::new()));
            }
            let section = list[*index].as_table_mut().ok_or_else(mismatch)?;
            set(section, rest, value)
        }
        [Step::Key(name), rest @ ..] => {
            let section = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
            set(section.as_table_mut().ok_or_else(mismatch)?, rest, value)
        }
        _ => Err(mismatch()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn every_known_key_has_a_variable_that_leads_back_to_it() {
        let template = Value::Table(File::template());
        for key in keys::known() {
            let key = key.replace("[]", "[0]");
            let path = path_of(&variable_of(&key));
            assert_eq!(spelled(&path), key);
            assert!(expected(&template, &path).is_some(), "{key}");
        }
    }

    #[test]
    fn every_short_name_stands_for_a_known_key() {
        let template = Value::Table(File::template());
        for (short, long) in SHORT {
            assert!(expected(&template, &path_of(long)).is_some(), "{short}");
        }
    }

    #[test]
    fn variables_that_kubernetes_sets_for_a_service_are_not_ours() {
        for (name, value) in [
            ("COUNTERSIGN_SERVICE_HOST", "10.0.0.1"),
            ("COUNTERSIGN_SERVICE_PORT", "8080"),
            ("COUNTERSIGN_SERVICE_PORT_HTTP", "8080"),
            ("COUNTERSIGN_PORT", "tcp://10.0.0.1:8080"),
            ("COUNTERSIGN_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("COUNTERSIGN_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("COUNTERSIGN_OPERATIONS_PORT_9464_TCP_PROTO", "tcp"),
            ("COUNTERSIGN_OPERATIONS_SERVICE_HOST", "10.0.0.1"),
        ] {
            assert!(is_service_link(name, value), "{name}");
        }
        for (name, value) in
            [("COUNTERSIGN_PORT", "8080"), ("COUNTERSIGN__SERVER__PORT", "tcp://x")]
        {
            assert!(!is_service_link(name, value), "{name}");
        }
    }

    #[test]
    fn only_our_variables_must_be_utf8() {
        let bad = || OsString::from_vec(vec![0xff]);
        let theirs = [(OsString::from("PATH"), bad())];
        assert_eq!(as_text(theirs.into_iter()).unwrap(), []);
        let ours = [(OsString::from("COUNTERSIGN_STORE"), bad())];
        let refusal = as_text(ours.into_iter()).unwrap_err().to_string();
        assert!(refusal.contains("COUNTERSIGN_STORE is not UTF-8"), "{refusal}");
    }
}

//! Replies of Redis, and their conversions.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may come to know kinds of replies that nobody here asks for"
)]

use redis::{ServerError, ServerErrorKind, Value};

use super::trouble::Trouble;
use crate::store::record::Stored;

pub(super) fn is_unknown_script(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::NoScript))
}

pub(super) fn is_read_only(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.kind() == Some(ServerErrorKind::ReadOnly))
}

/// Returns the reply of a command, or its error.
pub(super) fn checked(value: Value) -> Result<Value, Trouble> {
    match value {
        Value::ServerError(error) => Err(server_trouble(&error)),
        value => Ok(value),
    }
}

/// Classifies an error of Redis. Its text names commands and limits, never stored values.
fn server_trouble(error: &ServerError) -> Trouble {
    let details = error.details().unwrap_or_default();
    said_trouble(format!("{} {details}", error.code()))
}

/// Classifies an error by its text, which begins with its code.
fn said_trouble(said: String) -> Trouble {
    match said.split(' ').next() {
        // Redis is loading its file, has become a replica, or is busy. A later attempt, or another
        // server, may succeed.
        Some("LOADING" | "READONLY" | "MASTERDOWN" | "BUSY" | "UNKILLABLE") => Trouble::Lost(said),
        _ => Trouble::Refused(format!("Redis refuses: {said}")),
    }
}

/// Returns a field of the reply to `INFO`.
pub(super) fn info_field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = info.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
}

pub(super) fn unexpected(what: &str) -> Trouble {
    Trouble::Unreadable(format!("Redis answers otherwise than expected: {what}"))
}

pub(super) fn array(value: Value) -> Result<Vec<Value>, Trouble> {
    match checked(value)? {
        Value::Array(values) => Ok(values),
        Value::Nil => Ok(Vec::new()),
        _ => Err(unexpected("not a list")),
    }
}

/// Converts a reply into bytes; none if the value is missing.
pub(super) fn bytes(value: Value) -> Result<Option<Vec<u8>>, Trouble> {
    match checked(value)? {
        Value::BulkString(bytes) => Ok(Some(bytes)),
        Value::SimpleString(text) => Ok(Some(text.into_bytes())),
        Value::Nil => Ok(None),
        _ => Err(unexpected("not bytes")),
    }
}

/// Decodes the record in a reply; none if the value is missing.
pub(super) fn row<T: Stored>(value: Value) -> Result<Option<T>, Trouble> {
    Ok(bytes(value)?.map(|row| T::from_row(&row)).transpose()?)
}

pub(super) fn text(value: Value) -> Result<Option<String>, Trouble> {
    let bytes = bytes(value)?;
    bytes.map(|b| String::from_utf8(b).map_err(|_| unexpected("not text"))).transpose()
}

pub(super) fn texts(value: Value) -> Result<Vec<String>, Trouble> {
    array(value)?.into_iter().map(|v| text(v)?.ok_or_else(|| unexpected("nothing"))).collect()
}

pub(super) fn number(value: Value) -> Result<u64, Trouble> {
    match checked(value)? {
        Value::Int(number) => u64::try_from(number).map_err(|_| unexpected("negative")),
        value => {
            let text = text(value)?.unwrap_or_else(|| "0".to_owned());
            text.parse().map_err(|_| unexpected("not a number"))
        }
    }
}

/// Reply of a script: a word, and values.
pub(super) struct Said {
    pub(super) word: String,
    values: std::vec::IntoIter<Value>,
}

impl Said {
    /// Returns the next value; nil after the last one.
    pub(super) fn next(&mut self) -> Value {
        self.values.next().unwrap_or(Value::Nil)
    }
}

/// Splits the reply of a script into its word and its values. The words for a partition or a store
/// that cannot be used are errors.
pub(super) fn said(value: Value) -> Result<Said, Trouble> {
    let mut values = array(value)?.into_iter();
    let word = values.next().map(text).transpose()?.flatten();
    let word = word.ok_or_else(|| unexpected("no word"))?;
    match word.as_str() {
        "lost" => Err(Trouble::Rolled),
        "moved" => Err(Trouble::Moved),
        "absent" => Err(Trouble::Absent),
        "fenced" => Err(Trouble::Fenced),
        "error" => {
            let said = text(values.next().unwrap_or(Value::Nil))?.unwrap_or_default();
            // An error of a script's own command begins with a minus sign in some versions.
            Err(said_trouble(said.trim_start_matches('-').to_owned()))
        }
        _ => Ok(Said { word, values }),
    }
}

/// Word for a unit that is recorded.
pub(super) const RECORDED: &str = "recorded";

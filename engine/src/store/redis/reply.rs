//! Replies of Redis, and their conversions.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library may come to know kinds of replies that nobody here asks for"
)]

use countersign_core::challenge::Challenge;
use countersign_core::change::{CommitId, Version};
use countersign_core::time::UnixMillis;
use redis::{ServerError, ServerErrorKind, Value};

use super::trouble::Trouble;
use crate::ports::store::Committed;
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
    let said = format!("{} {}", error.code(), error.details().unwrap_or_default());
    match error.code() {
        // Redis is loading its file, has become a replica, or is busy. A later attempt, or another
        // server, may succeed.
        "LOADING" | "READONLY" | "MASTERDOWN" | "BUSY" | "UNKILLABLE" => Trouble::Lost(said),
        _ => Trouble::Refused(format!("Redis refuses: {said}")),
    }
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
pub(super) type Said = (String, Vec<Value>);

/// Splits the reply of a script into its word and its values.
pub(super) fn said(value: Value) -> Result<Said, Trouble> {
    let mut values = array(value)?.into_iter();
    let word = values.next().map(text).transpose()?.flatten();
    let word = word.ok_or_else(|| unexpected("no word"))?;
    match word.as_str() {
        "lost" => Err(Trouble::Rolled),
        "fenced" => Err(Trouble::Fenced),
        _ => Ok((word, values.collect())),
    }
}

/// Word for a unit that is recorded.
pub(super) const RECORDED: &str = "recorded";
/// Word for a change whose expected revision is not the recorded one.
pub(super) const STALE: &str = "stale";
/// Word for a change of a challenge whose recorded end is another one.
pub(super) const ENDED: &str = "ended";

pub(super) fn committed((word, values): Said) -> Result<Committed, Trouble> {
    match word.as_str() {
        RECORDED => Ok(Committed::Recorded),
        STALE => {
            let recorded = Version { number: number(first(values))?, commit: CommitId::NONE };
            Ok(Committed::Stale { recorded })
        }
        ENDED => {
            let recorded: Option<Challenge> = row(first(values))?;
            let recorded = recorded.and_then(|c| Some((c.id, c.ended?)));
            let (challenge, ended) = recorded.ok_or_else(|| unexpected("no end"))?;
            Ok(Committed::Ended { challenge, recorded: Box::new(ended) })
        }
        _ => Err(unexpected("an unknown word")),
    }
}

/// Decodes the secret that is recorded.
pub(super) fn secret((_, values): Said) -> Result<[u8; 32], Trouble> {
    row(first(values))?.ok_or_else(|| unexpected("no secret"))
}

/// Decodes the highest time that was recorded before this call.
pub(super) fn observed((_, values): Said) -> Result<UnixMillis, Trouble> {
    number(first(values)).map(UnixMillis)
}

pub(super) fn nothing(_: Said) -> Result<(), Trouble> {
    Ok(())
}

fn first(values: Vec<Value>) -> Value {
    values.into_iter().next().unwrap_or(Value::Nil)
}

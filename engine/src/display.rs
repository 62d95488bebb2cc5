//! What a device shows of a challenge, and hashes: canonical JSON in one text.
//!
//! Keys are in order and there is no white space. Text is in Unicode's normal form C. A number that
//! not every reader takes for the same, one that is no integer or is beyond 2^53, is written as
//! text.

use countersign_core::action::Action;
use countersign_core::display::DisplayText;
use countersign_core::refusal::Refusal;
use countersign_core::text::{self, Line};
use countersign_core::time::UnixMillis;
use icu_normalizer::ComposingNormalizerBorrowed;
use serde_json::{Map, Value};

/// The largest integer up to which a double-precision number names every one.
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// Builds the text for an action. `public` names the members of its custom data that a device may
/// see.
///
/// # Errors
/// [`Refusal::DisplayTooLong`], or [`Refusal::DisplayUnsafe`] for an action that was recorded
/// before its characters were refused.
pub(crate) fn build(
    action: &Action,
    public: &[String],
    issued_at: UnixMillis,
) -> Result<DisplayText, Refusal> {
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
    put("action", action.key.code.as_str().into());
    put("requester", action.account.tenant.as_str().into());
    put("issuedAt", issued_at.seconds().into());
    let lines =
        [("ipAddress", &action.context.ip_address), ("userAgent", &action.context.user_agent)];
    for (name, line) in lines {
        if let Some(line) = line {
            put(name, normal(line)?);
        }
    }
    let custom = custom(action.context.custom.as_deref(), public)?;
    if !custom.is_empty() {
        put("custom", Value::Object(custom));
    }
    DisplayText::new(&Value::Object(shown).to_string())
}

fn normal(line: &Line) -> Result<Value, Refusal> {
    text(line.as_str()).map(Value::String)
}

fn custom(json: Option<&str>, public: &[String]) -> Result<Map<String, Value>, Refusal> {
    let Some(json) = json.filter(|_| !public.is_empty()) else { return Ok(Map::new()) };
    let all: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let public = all.into_iter().filter(|(name, _)| public.contains(name));
    members(public)
}

fn members(of: impl Iterator<Item = (String, Value)>) -> Result<Map<String, Value>, Refusal> {
    of.map(|(name, member)| Ok((text(&name)?, value(member)?))).collect()
}

/// Recursion ends: parsed JSON is at most 128 levels deep.
fn value(of: Value) -> Result<Value, Refusal> {
    Ok(match of {
        Value::Null | Value::Bool(_) => of,
        Value::Number(number) => {
            let exact = number.as_i64().is_some_and(|n| n.unsigned_abs() <= INTEGER_MAX);
            if exact { Value::Number(number) } else { Value::String(number.to_string()) }
        }
        Value::String(line) => Value::String(text(&line)?),
        Value::Array(values) => {
            Value::Array(values.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => Value::Object(members(object.into_iter())?),
    })
}

/// Checked before it becomes JSON, which would escape what is not to be there.
fn text(line: &str) -> Result<String, Refusal> {
    let normal = ComposingNormalizerBorrowed::new_nfc().normalize(line);
    if !text::is_safe(&normal) {
        return Err(Refusal::DisplayUnsafe);
    }
    Ok(normal.into_owned())
}

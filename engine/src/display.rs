//! What a device shows of a challenge, and hashes: canonical JSON in one text.
//!
//! Keys are in order and there is no white space. Text is in Unicode's normal form C. A number that
//! not every reader takes for the same, one that is no integer or is beyond 2^53, is written as
//! text.

use std::borrow::Cow;

use countersign_core::action::Action;
use countersign_core::display::DisplayText;
use countersign_core::refusal::Refusal;
use countersign_core::text::{self, Line};
use countersign_core::time::UnixMillis;
use icu_normalizer::ComposingNormalizerBorrowed;
use serde::Serialize;
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
    let shown = Shown {
        action: action.key.code.as_str(),
        custom: custom(action.context.custom.as_deref(), public)?,
        ip_address: line(action.context.ip_address.as_ref())?,
        issued_at: issued_at.seconds(),
        requester: action.account.tenant.as_str(),
        user_agent: line(action.context.user_agent.as_ref())?,
    };
    let written = serde_json::to_string(&shown).expect("all of it is JSON");
    DisplayText::new(&written)
}

/// Members in the order of their names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    action: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    custom: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<Cow<'a, str>>,
    issued_at: u64,
    requester: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<Cow<'a, str>>,
}

fn line(line: Option<&Line>) -> Result<Option<Cow<'_, str>>, Refusal> {
    line.map(|line| text(line.as_str())).transpose()
}

fn custom(json: Option<&str>, public: &[String]) -> Result<Map<String, Value>, Refusal> {
    let Some(json) = json.filter(|_| !public.is_empty()) else { return Ok(Map::new()) };
    let all: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let public = all.into_iter().filter(|(name, _)| public.contains(name));
    members(public)
}

fn members(of: impl Iterator<Item = (String, Value)>) -> Result<Map<String, Value>, Refusal> {
    of.map(|(name, member)| Ok((text(&name)?.into_owned(), value(member)?))).collect()
}

/// Recursion ends: parsed JSON is at most 128 levels deep.
fn value(of: Value) -> Result<Value, Refusal> {
    Ok(match of {
        Value::Null | Value::Bool(_) => of,
        Value::Number(number) => {
            let exact = number.as_i64().is_some_and(|n| n.unsigned_abs() <= INTEGER_MAX);
            if exact { Value::Number(number) } else { Value::String(number.to_string()) }
        }
        Value::String(line) => Value::String(text(&line)?.into_owned()),
        Value::Array(values) => {
            Value::Array(values.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        Value::Object(object) => Value::Object(members(object.into_iter())?),
    })
}

/// Checked before it becomes JSON, which would escape what is not to be there.
fn text(line: &str) -> Result<Cow<'_, str>, Refusal> {
    let normal = ComposingNormalizerBorrowed::new_nfc().normalize(line);
    if !text::is_safe(&normal) {
        return Err(Refusal::DisplayUnsafe);
    }
    Ok(normal)
}

#[cfg(test)]
mod tests {
    use countersign_core::action::{ActionContext, ActionState};
    use countersign_core::id::{
        AccountKey, ActionCode, ActionKey, IdempotencyKey, TenantId, UserId,
    };
    use countersign_core::policy::DISPLAY_BYTES_MAX;

    use super::*;

    fn action(custom: Option<&str>) -> Action {
        let tenant = TenantId::parse("shop").unwrap();
        Action {
            account: AccountKey { tenant, user: UserId::parse("ann").unwrap() },
            key: ActionKey {
                code: ActionCode::parse("pay").unwrap(),
                idempotency_key: IdempotencyKey::parse("one").unwrap(),
            },
            state: ActionState::Allow,
            context: ActionContext { custom: custom.map(Into::into), ..ActionContext::default() },
            created_at: UnixMillis(0),
            state_updated_at: UnixMillis(0),
            decided_by: None,
            approved: None,
            revision: 0,
        }
    }

    fn shown(custom: &str, public: &[&str]) -> Result<String, Refusal> {
        let public: Vec<_> = public.iter().map(ToString::to_string).collect();
        let text = build(&action(Some(custom)), &public, UnixMillis(1_735_689_600_999))?;
        Ok(text.as_str().to_owned())
    }

    const BARE: &str = r#"{"action":"pay","issuedAt":1735689600,"requester":"shop"}"#;

    #[test]
    fn only_what_is_public_is_shown_and_keys_are_in_order() {
        let custom = r#"{"z":1,"payee":{"name":"Bob","account":"DE1"},"amount":1000}"#;
        assert_eq!(shown(custom, &[]).as_deref(), Ok(BARE));
        assert_eq!(shown(custom, &["absent"]).as_deref(), Ok(BARE));
        let expected = concat!(
            r#"{"action":"pay","custom":{"amount":1000,"payee":{"account":"DE1","name":"Bob"}},"#,
            r#""issuedAt":1735689600,"requester":"shop"}"#
        );
        assert_eq!(shown(custom, &["payee", "amount"]).as_deref(), Ok(expected));
    }

    #[test]
    fn a_number_that_not_every_reader_takes_for_the_same_is_written_as_text() {
        for (number, written) in [
            ("0", "0"),
            ("-7", "-7"),
            ("9007199254740991", "9007199254740991"),
            ("9007199254740992", r#""9007199254740992""#),
            ("-9007199254740992", r#""-9007199254740992""#),
            ("18446744073709551615", r#""18446744073709551615""#),
            ("12.5", r#""12.5""#),
            ("1e3", r#""1000.0""#),
        ] {
            let text = shown(&format!(r#"{{"a":[{number}]}}"#), &["a"]).unwrap();
            assert!(text.contains(&format!(r#""custom":{{"a":[{written}]}}"#)), "{text}");
        }
    }

    #[test]
    fn text_is_in_its_one_normal_form() {
        let decomposed = shown("{\"e\u{301}\":\"A\u{30a}\"}", &["e\u{301}"]).unwrap();
        assert!(decomposed.contains("\"custom\":{\"\u{e9}\":\"\u{c5}\"}"), "{decomposed}");
    }

    #[test]
    fn what_hides_or_reorders_is_refused_even_where_json_would_escape_it() {
        for bad in ["\\n", "\\u0007", "\u{202e}", "\u{200b}", "\\u202e", "x\u{200d}y"] {
            for custom in [format!("{{\"a\":\"{bad}\"}}"), format!("{{\"a\":[{{\"{bad}\":1}}]}}")] {
                assert_eq!(shown(&custom, &["a"]), Err(Refusal::DisplayUnsafe), "{custom:?}");
                assert_eq!(shown(&custom, &["b"]).as_deref(), Ok(BARE), "it is not shown");
            }
        }
    }

    #[test]
    fn a_text_of_the_longest_is_shown_and_a_longer_one_refused() {
        let around = shown(r#"{"a":""}"#, &["a"]).unwrap().len();
        let of = |length: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(length));
        let longest = DISPLAY_BYTES_MAX - around;
        assert_eq!(shown(&of(longest), &["a"]).unwrap().len(), DISPLAY_BYTES_MAX);
        let refused = Refusal::DisplayTooLong { max: DISPLAY_BYTES_MAX };
        assert_eq!(shown(&of(longest + 1), &["a"]), Err(refused));
    }
}

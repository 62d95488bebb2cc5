//! Custom data that the relying party attaches to an action or a user.

use std::sync::Arc;

use countersign_core::policy::CUSTOM_BYTES_MAX;
use countersign_core::text::{self, Line};
use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};
use serde_json::{Map, Value};

use crate::InvalidField;

/// A JSON object.
pub type Object = Map<String, Value>;

/// Parses an object that may be absent. An empty list counts as an empty object, because PHP
/// encodes an empty map as a list.
pub(crate) fn object<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Object>, D::Error> {
    // The error names a rejected value by its type only, because it must not repeat the value.
    let unexpected = match Value::deserialize(reader)? {
        Value::Null => return Ok(None),
        Value::Object(object) => return Ok(Some(object)),
        Value::Array(values) if values.is_empty() => return Ok(Some(Object::new())),
        Value::Array(_) => Unexpected::Seq,
        Value::Bool(_) => Unexpected::Other("boolean"),
        Value::Number(_) => Unexpected::Other("number"),
        Value::String(_) => Unexpected::Other("string"),
    };
    Err(D::Error::invalid_type(unexpected, &"a map"))
}

/// Writes an object as canonical JSON: sorted keys, no white space. It does not check the
/// characters, because devices show only the members that the tenant's configuration names.
///
/// # Errors
/// [`InvalidField`] naming `custom`, for an object that is too large.
pub(crate) fn canonical(custom: Option<&Object>) -> Result<Option<Arc<str>>, InvalidField> {
    let Some(custom) = custom else { return Ok(None) };
    let text = serde_json::to_string(custom).expect("keys are strings and numbers are finite");
    if text.len() > CUSTOM_BYTES_MAX {
        return Err(InvalidField::new("custom", format!("longer than {CUSTOM_BYTES_MAX} bytes")));
    }
    Ok(Some(text.into()))
}

/// Returns all members of a stored object, for the relying party itself.
#[must_use]
pub fn all(json: &str) -> Object {
    serde_json::from_str(json).unwrap_or_default()
}

/// Returns the members of a stored object that a device may see: those in `names`. If `names` is
/// empty, the device sees none.
///
/// The object may have been stored before `names` contained a member, so that nobody has checked
/// that member's characters. Characters that hide, reorder or forge content are replaced.
#[must_use]
pub fn public_custom(json: &str, names: &[String]) -> Object {
    let mut object = if names.is_empty() { Object::new() } else { all(json) };
    object.retain(|key, _| names.iter().any(|name| name == key));
    if object_is_safe(&object) { object } else { cleaned_object(object) }
}

fn cleaned_object(object: Object) -> Object {
    object.into_iter().map(|(key, value)| (cleaned_text(&key), cleaned(value))).collect()
}

fn cleaned(value: Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
        Value::String(text) => Value::String(cleaned_text(&text)),
        Value::Array(values) => Value::Array(values.into_iter().map(cleaned).collect()),
        Value::Object(object) => Value::Object(cleaned_object(object)),
    }
}

fn cleaned_text(text: &str) -> String {
    Line::cleaned(&text::without_stray_marks(text), usize::MAX).as_str().to_owned()
}

/// The recursion is bounded, because parsed JSON is at most 128 levels deep.
fn is_safe(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(value) => text::is_safe(value),
        Value::Array(values) => values.iter().all(is_safe),
        Value::Object(object) => object_is_safe(object),
    }
}

/// Returns true if no key and no text in the object, at any depth, has characters that hide,
/// reorder or forge content.
#[must_use]
pub fn object_is_safe(object: &Object) -> bool {
    object.iter().all(|(key, value)| text::is_safe(key) && is_safe(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Result<Option<Arc<str>>, InvalidField> {
        canonical(value.as_object())
    }

    #[test]
    fn an_object_is_written_in_one_way() {
        let a =
            serde_json::from_str(r#" { "b" : [1, true, null], "a" : { "d" : "é", "c" : 1.5 } } "#)
                .unwrap();
        let text = of(&a).unwrap().unwrap();
        assert_eq!(&*text, r#"{"a":{"c":1.5,"d":"é"},"b":[1,true,null]}"#);
        assert_eq!(canonical(None), Ok(None));
    }

    #[test]
    fn characters_are_checked_where_a_device_shows_them_and_not_here() {
        let value = json!({"a\u{7}": ["x\u{202e}y", {"b\n": "\u{2066}"}]});
        let text = of(&value).unwrap().unwrap();
        assert_eq!(Value::Object(all(&text)), value, "the relying party gets back what it gave");
        assert!(!object_is_safe(value.as_object().unwrap()));
    }

    #[test]
    fn a_member_that_was_recorded_before_devices_saw_it_is_shown_safely() {
        let names = ["a".to_owned(), "name".to_owned()];
        let value = json!({
            "a": [{"b\n": "x\u{202e}y"}], "name": "Acme\u{200f}", "hidden": "\u{202e}",
        });
        let shown = public_custom(&value.to_string(), &names);
        let expected = json!({"a": [{"b\u{fffd}": "x\u{fffd}y"}], "name": "Acme"});
        assert_eq!(Value::Object(shown), expected);
        let right_to_left = json!({"name": "\u{200f}אברהם"});
        let shown = public_custom(&right_to_left.to_string(), &names);
        assert_eq!(Value::Object(shown), right_to_left);
    }

    #[test]
    fn the_size_is_that_of_the_canonical_text() {
        let fits = "x".repeat(CUSTOM_BYTES_MAX - r#"{"a":""}"#.len());
        assert!(of(&json!({ "a": fits })).is_ok());
        assert!(of(&json!({ "a": fits + "x" })).is_err());
    }

    #[test]
    fn a_device_sees_only_what_is_named() {
        let names = ["amount".to_owned(), "absent".to_owned()];
        let json = r#"{"amount":"10.00","secret":{"amount":1}}"#;
        assert_eq!(Value::Object(public_custom(json, &names)), json!({"amount": "10.00"}));
        assert!(public_custom(json, &[]).is_empty());
        assert!(public_custom("damaged", &names).is_empty());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_read_back(texts in ["\\PC{0,10}", "\\PC{0,20}"], n in -1e9..1e9) {
            let [key, text] = texts;
            let value = json!({ key: [text, n] });
            if let Ok(Some(canonical)) = of(&value) {
                prop_assert_eq!(Value::Object(all(&canonical)), value);
            }
        }
    }
}

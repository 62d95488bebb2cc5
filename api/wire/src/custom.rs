//! The relying party's own data about an action or a user.

use std::sync::Arc;

use countersign_core::policy::CUSTOM_BYTES_MAX;
use countersign_core::text;
use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};
use serde_json::{Map, Value};

use crate::InvalidField;

/// A JSON object.
pub type Object = Map<String, Value>;

/// Reads an object that may be absent. An empty list is an empty object, since PHP writes its empty
/// map so.
pub(crate) fn object<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Object>, D::Error> {
    // What is refused is named by its type, and nothing of it is repeated.
    let unexpected = match Value::deserialize(reader)? {
        Value::Null => return Ok(None),
        Value::Object(object) => return Ok(Some(object)),
        Value::Array(values) if values.is_empty() => return Ok(Some(Object::new())),
        Value::Array(_) => Unexpected::Seq,
        Value::Bool(_) => Unexpected::Other("boolean"),
        Value::Number(_) => Unexpected::Other("number"),
        Value::String(_) => Unexpected::Other("string"),
    };
    Err(D::Error::invalid_type(unexpected, &"an object"))
}

/// Checks an object and writes it as canonical JSON: keys in order, no white space.
///
/// # Errors
/// [`InvalidField`] naming `custom`, for an object that is too large, or that has a control or
/// bidirectional character in a key or a text at any depth: devices show it.
pub(crate) fn canonical(custom: Option<&Object>) -> Result<Option<Arc<str>>, InvalidField> {
    let Some(custom) = custom else { return Ok(None) };
    if !object_is_safe(custom) {
        let rule = "control and bidirectional characters are not allowed";
        return Err(InvalidField::new("custom", rule));
    }
    let text = serde_json::to_string(custom).expect("keys are strings and numbers are finite");
    if text.len() > CUSTOM_BYTES_MAX {
        return Err(InvalidField::new("custom", format!("longer than {CUSTOM_BYTES_MAX} bytes")));
    }
    Ok(Some(text.into()))
}

/// The whole of a stored object, for the relying party itself.
#[must_use]
pub fn all(json: &str) -> Object {
    serde_json::from_str(json).unwrap_or_default()
}

/// The members of a stored object that a device may see. Where nothing is named, nothing is shown.
#[must_use]
pub fn public_custom(json: &str, names: &[String]) -> Object {
    let mut object = if names.is_empty() { Object::new() } else { all(json) };
    object.retain(|key, _| names.iter().any(|name| name == key));
    object
}

/// Recursion ends: parsed JSON is at most 128 levels deep.
fn is_safe(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(value) => text::is_safe(value),
        Value::Array(values) => values.iter().all(is_safe),
        Value::Object(object) => object_is_safe(object),
    }
}

/// Whether no key or text in an object, at any depth, hides, reorders or forges what is shown.
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
    fn characters_that_hide_or_reorder_are_refused_at_any_depth() {
        for value in [
            json!({"a": "x\u{202e}y"}),
            json!({"a\u{7}": 1}),
            json!({"a": [{"b": ["\u{2066}"]}]}),
            json!({"a": {"b\n": 1}}),
        ] {
            assert_eq!(of(&value).unwrap_err().field, "custom");
        }
        assert!(of(&json!({"name": "👩\u{200d}💻"})).is_ok());
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

//! Strict parser of request bodies. It rejects a text that two parsers could understand
//! differently.
//!
//! The server limits a body's size before it calls this parser. The parser limits nesting to 128
//! levels.

mod numbers;
mod path;
mod shape;

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

pub use self::path::JsonPath;
use self::path::Step;

/// Reason why a body is rejected. It names the place of the error, and never a value, because
/// values may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The body is not JSON in UTF-8.
    #[error("the body is not JSON: line {line}, column {column}")]
    Syntax {
        /// Line of the error, from 1.
        line: usize,
        /// Column of the error, from 1.
        column: usize,
    },
    /// The body is JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotAnObject,
    /// An object has the same key twice.
    #[error("{path}: stands twice in one object")]
    DuplicateKey {
        /// Path of the key.
        path: JsonPath,
    },
    /// A required field is missing.
    #[error("{path}: is missing")]
    MissingField {
        /// Path of the missing field.
        path: JsonPath,
    },
    /// A number in `custom` would lose digits when it is parsed.
    #[error("{path}: has more digits than a number keeps: send it as text")]
    NumberChanged {
        /// Path of the number.
        path: JsonPath,
    },
    /// A field has a value of the wrong type.
    #[error("{path}: {rule}")]
    WrongType {
        /// Path of the field.
        path: JsonPath,
        /// Description of the expected type.
        rule: String,
    },
}

/// Parses a request body. An empty body counts as `{}`. A byte order mark at the start is skipped,
/// because editors and some platforms write one.
///
/// [`JsonError`] if the body is not one JSON object, if any object in it has a duplicate key, if a
/// number in `custom` would change, or if the object does not have the fields of `T`. Unknown
/// fields are ignored.
pub fn parse_strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let bytes = without_mark(bytes);
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    refuse_duplicates(bytes)?;
    if let Some(path) = numbers::first_changed(bytes) {
        return Err(JsonError::NumberChanged { path });
    }
    serde_json::from_slice(bytes).map_err(|e| shape::refused::<T>(bytes, &e))
}

/// Returns the bytes without a leading byte order mark.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)
}

fn refuse_duplicates(bytes: &[u8]) -> Result<(), JsonError> {
    serde_json::from_slice::<Distinct>(bytes).map_err(|error| match error.classify() {
        // `Distinct` accepts a value of any type, so that the only data error it can report is a
        // duplicate key.
        Category::Data => JsonError::DuplicateKey { path: shape::place::<Distinct>(bytes) },
        Category::Io | Category::Syntax | Category::Eof => {
            JsonError::Syntax { line: error.line(), column: error.column() }
        }
    })?;
    match bytes.iter().find(|b| !b.is_ascii_whitespace()) {
        Some(b'{') => Ok(()),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Parser target that accepts any JSON value without duplicate keys. It stores nothing.
struct Distinct;

/// Parser target for the value of a duplicate key. Parsing it always fails.
struct Duplicate;

impl<'de> Deserialize<'de> for Duplicate {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("duplicate key"))
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<Key<'_>>()? {
            if seen.insert(key) {
                map.next_value::<Self>()?;
            } else {
                map.next_value::<Duplicate>()?;
            }
        }
        Ok(self)
    }
}

/// An object's key after its escapes are resolved: `"a"` and `"\u0061"` are the same key.
#[derive(Deserialize, PartialEq, Eq, Hash)]
#[serde(transparent)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Body {
        id: String,
        note: Option<String>,
    }

    fn parse(text: &str) -> Result<Body, JsonError> {
        parse_strict(text.as_bytes())
    }

    #[test]
    fn an_empty_body_is_an_empty_object() {
        let empty: Result<Value, _> = parse_strict(b"");
        assert_eq!(empty, Ok(Value::Object(serde_json::Map::new())));
        assert_eq!(parse("").unwrap_err().to_string(), "id: is missing");
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        let marked = |text: &str| parse(&format!("\u{feff}{text}"));
        assert_eq!(marked(r#"{"id":"a"}"#), parse(r#"{"id":"a"}"#));
        assert_eq!(marked(""), parse(""));
        assert!(matches!(marked("\u{feff}{}"), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn explicit_null_is_absent_and_unknown_fields_are_ignored() {
        let body = parse(r#" {"id":"a","note":null,"more":[{"x":1}]} "#);
        assert_eq!(body, Ok(Body { id: "a".into(), note: None }));
    }

    #[test]
    fn a_key_is_never_there_twice_at_any_depth_or_spelling() {
        for (text, path) in [
            (r#"{"id":"a","id":"b"}"#, "id"),
            (r#"{"id":"a","x":{"y":1,"y":1}}"#, "x.y"),
            (r#"{"id":"a","x":[{},{"y":[{"z":1,"z":2}]}]}"#, "x[1].y[0].z"),
            (r#"{"id":"a","\u0069d":"b"}"#, "id"),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(matches!(refused, JsonError::DuplicateKey { .. }), "{text}");
            assert_eq!(refused.to_string(), format!("{path}: stands twice in one object"));
        }
    }

    #[test]
    fn anything_but_one_object_is_refused() {
        for text in ["[]", "null", "\"a\"", "1", " [1]"] {
            assert_eq!(parse(text), Err(JsonError::NotAnObject), "{text}");
        }
        let deep = format!("{{\"id\":\"a\",\"x\":{}", "[".repeat(200_000));
        for text in
            [r#"{"id":"a"} x"#, r#"{"id":"a"}{}"#, "{", " ", "{'id':1}", "{\"id\":1e999}", &deep]
        {
            assert!(matches!(parse(text), Err(JsonError::Syntax { .. })), "{text:.40}");
        }
        let not_utf8: Result<Value, _> = parse_strict(b"{\"id\":\"\xff\"}");
        assert!(matches!(not_utf8, Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn an_error_does_not_repeat_what_was_sent() {
        let error = parse(r#"{"id":"a","note":["hunter2"]}"#).unwrap_err();
        assert_eq!(error.to_string(), "note: must be text");
        let error = parse_strict::<Vec<u8>>(br#"{"hunter2":1}"#).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _: Result<Body, _> = parse_strict(&bytes);
        }

        #[test]
        fn no_text_of_json_characters_panics(text in "[\\[\\]{}\":,a0\\\\u. -]{0,80}") {
            let _: Result<Body, _> = parse_strict(text.as_bytes());
        }
    }
}

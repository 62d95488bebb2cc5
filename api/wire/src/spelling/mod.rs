//! Alternative spellings of field names, for clients other than the official SDKs.
//!
//! Some SDKs and many scripts write `user_id` for `userId`. A snake-case name counts as the
//! camel-case field if the request has that field. If a body has both, the camel-case one wins,
//! unless it is null. A name that matches no field gets a warning, because a misspelled field would
//! otherwise be ignored silently. Only the top-level members of a body are checked, because the
//! content of `custom` belongs to the caller.

mod fields;

use countersign_core::text::Line;
use indexmap::IndexMap;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::{Map, Value};

use fields::fields_of;

use crate::json::{JsonError, Key, parse_strict, without_mark};

/// Maximum number of fields that the warnings of one response name.
pub const WARNINGS_MAX: usize = 8;
/// Longest field name in a warning, in bytes.
pub const WARNING_NAME_BYTES_MAX: usize = 64;

/// A body or query of the Server API. Its field names are those of its `Deserialize`.
pub trait ServerRequest: DeserializeOwned {
    /// Fields of the contract that this server does not read. They cause no warning.
    const UNREAD: &'static [&'static str] = &[];
}

/// A parsed request with the warnings about it.
#[derive(Clone, Debug)]
pub struct Parsed<T> {
    /// The parsed body or query.
    pub body: T,
    /// Warnings that the response has to contain.
    pub warnings: Warnings,
}

/// Parses a body of the Server API.
///
/// # Errors
/// Those of [`parse_strict`].
pub fn parse<T: ServerRequest>(bytes: &[u8]) -> Result<Parsed<T>, JsonError> {
    let fields = fields_of::<T>();
    let strangers = strangers(without_mark(bytes), fields);
    if strangers.is_empty() {
        return Ok(Parsed { body: parse_strict(bytes)?, warnings: Warnings::default() });
    }
    let camel = |name: &String| camel_case(name).filter(|camel| fields.contains(&&**camel));
    let respelt: Vec<_> =
        strangers.iter().filter_map(|name| Some((name.clone(), camel(name)?))).collect();
    let unread = |name: &str| {
        let camel = camel_case(name);
        T::UNREAD.iter().any(|unread| *unread == name || Some(*unread) == camel.as_deref())
    };
    let unknown = strangers.iter().filter(|name| camel(name).is_none() && !unread(name));
    let warnings = Warnings::of_fields(unknown.map(String::as_str));
    let body = match respelt.is_empty() {
        true => parse_strict(bytes)?,
        false => parse_strict(&respell(bytes, &respelt)?)?,
    };
    Ok(Parsed { body, warnings })
}

/// Returns the field of `T` that a snake-case name stands for. Returns None if the name is a field
/// itself, or stands for no field.
#[must_use]
pub fn meant_by<T: ServerRequest>(name: &str) -> Option<String> {
    let fields = fields_of::<T>();
    let camel = Some(name).filter(|name| !fields.contains(name)).and_then(camel_case);
    camel.filter(|camel| fields.contains(&&**camel))
}

/// Replaces the alternative names by those of the contract. If both spellings are present and the
/// camel-case value is null, the other value wins, because the caller means the one with a value.
fn respell(bytes: &[u8], respelt: &[(String, String)]) -> Result<Vec<u8>, JsonError> {
    // This parse rejects duplicate keys, before any name is replaced.
    let mut object: Map<String, Value> = parse_strict(bytes)?;
    for (name, camel) in respelt {
        let Some(value) = object.remove(name) else { continue };
        if object.get(camel).is_none_or(Value::is_null) {
            object.insert(camel.clone(), value);
        }
    }
    Ok(serde_json::to_vec(&object).expect("keys are strings and numbers are finite"))
}

/// Lists the members of a JSON object that are not among `fields`. Returns none if the bytes are no
/// object, because the parser reports that error.
fn strangers(bytes: &[u8], fields: &[&str]) -> Vec<String> {
    let members = serde_json::from_slice::<IndexMap<Key<'_>, IgnoredAny>>(bytes);
    let names = members.unwrap_or_default().into_keys().map(|Key(name)| name.into_owned());
    names.filter(|name| !fields.contains(&&**name)).collect()
}

/// Converts snake case to camel case: `user_id` becomes `userId`. Returns None if the name has no
/// underscore, or has anything but lower-case words and digits.
fn camel_case(name: &str) -> Option<String> {
    let mut words = name.split('_');
    let is_word =
        |w: &str| w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) && !w.is_empty();
    if !name.contains('_') || !name.split('_').all(is_word) {
        return None;
    }
    let mut camel = words.next()?.to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    Some(camel)
}

/// Warnings in a response. The server carried out the request in spite of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Warnings(Vec<String>);

impl Warnings {
    fn of_fields<'n>(unknown: impl Iterator<Item = &'n str>) -> Self {
        let mut warnings = Self::default();
        let mut more = 0;
        for name in unknown {
            if warnings.0.len() < WARNINGS_MAX {
                let name = Line::cleaned(name, WARNING_NAME_BYTES_MAX);
                warnings.0.push(format!("{}: is not a field of this call", name.as_str()));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            warnings.0.push(format!("{more} more are not fields of this call"));
        }
        warnings
    }

    /// Adds a warning about a field.
    pub fn add(&mut self, field: &str, text: &str) {
        self.0.push(format!("{field}: {text}"));
    }

    /// Returns true if there is no warning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the texts of the warnings. They contain field names and no values of the request.
    #[must_use]
    pub fn texts(&self) -> &[String] {
        &self.0
    }
}

/// A response with the warnings about its request. Without a warning, it is written like the plain
/// response.
#[derive(Clone, Debug, Serialize)]
pub struct Warned<'w, T> {
    /// The plain response.
    #[serde(flatten)]
    pub answer: T,
    /// The warnings about the request.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub warnings: &'w [String],
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::action::{ActionsQuery, UpdateActionRequest};
    use crate::track::TrackRequest;
    use crate::user::{UpdateUserRequest, UsersQuery};
    use crate::validate::ValidateRequest;

    fn track(body: &str) -> Parsed<TrackRequest> {
        parse(body.as_bytes()).unwrap()
    }

    /// Converts a camel-case name to snake case: `userId` becomes `user_id`.
    fn snake_case(name: &str) -> String {
        let spelt = |c: char| match c.is_ascii_uppercase() {
            true => format!("_{}", c.to_ascii_lowercase()),
            false => c.to_string(),
        };
        name.chars().map(spelt).collect()
    }

    #[test]
    fn every_field_of_every_request_is_known_in_snake_case_too() {
        fn check<T: ServerRequest>(least: usize) {
            let fields = fields_of::<T>();
            assert!(fields.len() >= least, "{fields:?}");
            for field in fields {
                let snake = snake_case(field);
                assert_eq!(meant_by::<T>(field), None, "{field} is itself");
                let meant = (snake != *field).then(|| (*field).to_owned());
                assert_eq!(meant_by::<T>(&snake), meant, "{snake}");
            }
        }
        check::<TrackRequest>(12);
        check::<UpdateActionRequest>(1);
        check::<ValidateRequest>(3);
        check::<UpdateUserRequest>(8);
        check::<ActionsQuery>(3);
        check::<UsersQuery>(5);
    }

    #[test]
    fn snake_case_is_taken_and_nothing_is_said_about_it() {
        let parsed = track(
            r#"{"idempotency_key":"k","ip_address":"192.0.2.1","redirect_to_settings":true,
                "phone_number":null}"#,
        );
        assert_eq!(parsed.body.idempotency_key.as_deref(), Some("k"));
        assert_eq!(parsed.body.ip_address.as_deref(), Some("192.0.2.1"));
        assert_eq!(parsed.body.redirect_to_settings, Some(true));
        assert!(parsed.warnings.is_empty());
    }

    #[test]
    fn camel_case_wins_unless_it_is_null() {
        let user = |body: &str| parse::<ValidateRequest>(body.as_bytes()).unwrap().body.user_id;
        for (body, expected) in [
            (r#"{"token":"t","user_id":"a"}"#, "a"),
            (r#"{"token":"t","userId":"a","user_id":"b"}"#, "a"),
            (r#"{"token":"t","user_id":"b","userId":"a"}"#, "a"),
            (r#"{"token":"t","userId":null,"user_id":"b"}"#, "b"),
            (r#"{"token":"t","userId":"a","user_id":null}"#, "a"),
        ] {
            assert_eq!(user(body).as_deref(), Some(expected), "{body}");
        }
    }

    #[test]
    fn what_is_the_callers_own_is_left_as_it_is() {
        let parsed =
            track(r#"{"user_agent":"x","custom":{"user_id":1,"userId":2,"a_b":{"c_d":3}}}"#);
        let custom = Value::Object(parsed.body.custom.unwrap());
        assert_eq!(custom, json!({"user_id": 1, "userId": 2, "a_b": {"c_d": 3}}));
        assert!(parsed.warnings.is_empty());
    }

    #[test]
    fn a_key_is_never_there_twice_whatever_else_is_respelt() {
        for body in [
            r#"{"user_id":"a","user_id":"b"}"#,
            r#"{"user_agent":"a","custom":{"x":1,"x":2}}"#,
            r#"{"emial":"a","emial":"b"}"#,
            r#"{"email":"a","email":"b","user_agent":"c"}"#,
        ] {
            let refused = parse::<TrackRequest>(body.as_bytes()).map(|_| ());
            assert!(matches!(refused, Err(JsonError::DuplicateKey { .. })), "{body}: {refused:?}");
        }
    }

    #[test]
    fn a_name_that_is_no_field_is_reported_once_and_without_its_value() {
        let parsed = track(r#"{"emial":"hunter2","email_adress":"hunter2","challengeId":"c"}"#);
        let expected =
            ["emial: is not a field of this call", "email_adress: is not a field of this call"];
        assert_eq!(parsed.warnings.texts(), expected);
        // The server ignores these fields of the contract in both spellings, and does not warn
        // about them.
        assert!(
            track(r#"{"custom_domain":"x","customDomain":"x","crypto":{}}"#).warnings.is_empty()
        );
        let update = parse::<UpdateActionRequest>(br#"{"state":"ALLOW","custom":{}}"#).unwrap();
        assert!(update.warnings.is_empty());
    }

    #[test]
    fn many_and_long_names_make_a_short_list() {
        let names: Vec<_> = (0..WARNINGS_MAX + 2).map(|n| format!("\"x{n}\":{n}")).collect();
        let parsed = track(&format!("{{{}}}", names.join(",")));
        assert_eq!(parsed.warnings.texts().len(), WARNINGS_MAX + 1);
        assert_eq!(parsed.warnings.texts()[WARNINGS_MAX], "2 more are not fields of this call");
        let parsed = track(&format!("{{\"a\\u202e\\n{}\":1}}", "x".repeat(5000)));
        let [text] = parsed.warnings.texts() else { panic!("one text") };
        assert!(text.len() < 100 && text.starts_with("a\u{fffd}\u{fffd}x"), "{text}");
    }

    #[test]
    fn an_answer_without_a_warning_is_the_answer() {
        let answer = json!({ "a": 1 });
        let warned = |warnings: &[String]| {
            serde_json::to_value(Warned { answer: &answer, warnings }).unwrap()
        };
        assert_eq!(warned(&[]), answer);
        assert_eq!(warned(&["b".to_owned()]), json!({ "a": 1, "warnings": ["b"] }));
    }

    #[test]
    fn only_lower_case_words_with_underscores_are_snake_case() {
        for (name, expected) in
            [("user_id", Some("userId")), ("a_b_2c", Some("aB2c")), ("userid", None)]
        {
            assert_eq!(camel_case(name).as_deref(), expected, "{name}");
        }
        for name in ["_user", "user_", "user__id", "User_Id", "USER_ID", "user_ïd", "_", "", "a-b"]
        {
            assert_eq!(camel_case(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_both_parsers_take_the_same(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            text in "\\{(\"[a-z_]{1,9}\":(1|\"\\PC{0,5}\"|\\[\\]|null),?){0,4}\\}?",
        ) {
            for bytes in [bytes, text.into_bytes()] {
                let strictly = parse_strict::<Map<String, Value>>(&bytes).is_ok();
                prop_assert!(strictly || parse::<UpdateUserRequest>(&bytes).is_err());
            }
        }
    }
}

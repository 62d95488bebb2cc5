//! Error messages for a value of the wrong type. They have its place and the expected type, and
//! never the value.

use serde::de::DeserializeOwned;
use serde_json::error::Category;

use super::JsonError;
use super::path::JsonPath;

/// Returns the place of the first value that does not fit `T`. Only rejected bodies are parsed this
/// way, because tracking the place costs time.
pub(super) fn place<T: DeserializeOwned>(bytes: &[u8]) -> JsonPath {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize::<_, T>(&mut reader);
    read.err().map_or_else(JsonPath::default, |error| JsonPath::at(error.path()))
}

/// Describes why valid JSON does not fit `T`.
pub(super) fn refused<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> JsonError {
    let path = place::<T>(bytes);
    let message = error.to_string();
    if let Some(rest) = message.strip_prefix("missing field `")
        && let Some((name, _)) = rest.split_once('`')
    {
        return JsonError::MissingField { path: path.key(name) };
    }
    // If an enumeration's name is expected and the value has another type, the parser reports a
    // syntax error.
    let is_name = error.classify() != Category::Data;
    let rule = if is_name { "must be text".to_owned() } else { rule(&message) };
    JsonError::WrongType { path, rule }
}

/// Returns the rule from the parser's error message. The message quotes the value first. The words
/// behind the last `, expected ` come from our own types, so they are safe to show.
fn rule(message: &str) -> String {
    let wanted = message.rsplit_once(", expected ").map_or("", |(_, wanted)| wanted);
    let wanted = wanted.rsplit_once(" at line ").map_or(wanted, |(wanted, _)| wanted);
    match wanted {
        "a string" | "string or map" | "variant identifier" => "must be text".to_owned(),
        "a boolean" => "must be true or false".to_owned(),
        "a map" => "must be an object".to_owned(),
        "a sequence" => "must be a list".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "must be a whole number from 0".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "must be a whole number".to_owned(),
        "f32" | "f64" => "must be a number".to_owned(),
        _ if wanted.starts_with("struct ") => "must be an object".to_owned(),
        _ if wanted.contains('`') => format!("must be {}", wanted.replace('`', "")),
        _ => "has a value of the wrong type".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::json::parse_strict;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only the shape matters")]
    struct Body {
        list: Vec<Entry>,
        user_name: Option<String>,
        flag: Option<bool>,
        count: Option<u64>,
        choice: Option<Choice>,
        more: Option<serde_json::Map<String, serde_json::Value>>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only the shape matters")]
    struct Entry {
        token: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        Allow,
        Block,
        Other,
    }

    fn refusal(text: &str) -> String {
        parse_strict::<Body>(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_by_its_place_and_not_shown() {
        for (body, expected) in [
            (r#"{}"#, "list: is missing"),
            (r#"{"list":{}}"#, "list: must be a list"),
            (r#"{"list":[1]}"#, "list[0]: must be an object"),
            (r#"{"list":[{"token":"a"},{}]}"#, "list[1].token: is missing"),
            (r#"{"list":[{"token":7}]}"#, "list[0].token: must be text"),
            (r#"{"list":[],"userName":true}"#, "userName: must be text"),
            (r#"{"list":[],"flag":"hunter2, expected x"}"#, "flag: must be true or false"),
            (r#"{"list":[],"count":-1}"#, "count: must be a whole number from 0"),
            (r#"{"list":[],"count":"hunter2"}"#, "count: must be a whole number from 0"),
            (r#"{"list":[],"choice":"hunter2"}"#, "choice: must be one of allow, block, other"),
            (r#"{"list":[],"choice":1}"#, "choice: must be text"),
            (r#"{"list":[],"choice":{}}"#, "choice: must be text"),
            (r#"{"list":[],"choice":[]}"#, "choice: must be text"),
            (r#"{"list":[],"more":"hunter2"}"#, "more: must be an object"),
        ] {
            assert_eq!(refusal(body), expected, "{body}");
        }
    }
}

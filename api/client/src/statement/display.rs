//! The text that a person is shown, as it was received: what you see is what you sign.

use countersign_core::policy::DISPLAY_BYTES_MAX;
use countersign_core::statement::Digest;
use countersign_core::text;
use countersign_wire::custom::{Object, object_is_safe};
use countersign_wire::json::parse_strict;
use serde_json::Value;

use super::rows::{Row, rows};

/// A text that no device shows, and so none signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDisplay {
    /// It is longer than a display may be.
    #[error("longer than {DISPLAY_BYTES_MAX} bytes")]
    TooLong,
    /// It has characters that hide, reorder or forge its content, written as such or as escapes.
    #[error("it has control, bidirectional or invisible characters")]
    Unsafe,
    /// It is not one JSON object with every key once.
    #[error("not a JSON object with every key once")]
    Malformed,
    /// It names no action.
    #[error("it names no action")]
    NoAction,
}

/// The display text of a challenge, and its content.
#[derive(Clone, PartialEq)]
pub struct Display {
    text: String,
    members: Object,
}

impl Display {
    /// Reads a text. It is kept byte by byte.
    ///
    /// # Errors
    /// [`InvalidDisplay`].
    pub fn parse(text: &str) -> Result<Self, InvalidDisplay> {
        if text.len() > DISPLAY_BYTES_MAX {
            return Err(InvalidDisplay::TooLong);
        }
        if !text::is_safe(text) {
            return Err(InvalidDisplay::Unsafe);
        }
        // Strictly: another parser could show another of two values.
        let members: Object = Some(text).filter(|t| !t.is_empty()).map_or_else(
            || Err(InvalidDisplay::Malformed),
            |t| parse_strict(t.as_bytes()).map_err(|_| InvalidDisplay::Malformed),
        )?;
        if !object_is_safe(&members) {
            return Err(InvalidDisplay::Unsafe);
        }
        let action = members.get("action").and_then(Value::as_str);
        if action.is_none_or(str::is_empty) {
            return Err(InvalidDisplay::NoAction);
        }
        Ok(Self { text: text.to_owned(), members })
    }

    /// The text as it was received.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The action to decide.
    #[must_use]
    pub fn action(&self) -> &str {
        self.members.get("action").and_then(Value::as_str).unwrap_or_default()
    }

    /// The rows of `custom`, with the texts of `amounts` in place of its amounts.
    #[must_use]
    pub fn custom_rows(&self) -> Vec<Row> {
        let object = |name| self.members.get(name).and_then(Value::as_object);
        rows(object("custom").unwrap_or(&Object::new()), object("amounts"))
    }

    /// The browser's name, as the server wrote it.
    #[must_use]
    pub fn browser(&self) -> Option<&str> {
        self.members.get("browser").and_then(Value::as_str)
    }

    /// All that it says; every member is to be shown.
    #[must_use]
    pub const fn members(&self) -> &Object {
        &self.members
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }
}

impl std::fmt::Debug for Display {
    /// Prints the length only, because a person is shown the text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Display({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_is_kept_as_it_was_received() {
        let text = r#"{"b": 1,"action":"signIn","custom":{"amount":1000}}"#;
        let display = Display::parse(text).unwrap();
        assert_eq!((display.text(), display.action()), (text, "signIn"));
        assert_eq!(display.members().len(), 3);
        assert_eq!(display.digest(), Digest::of(text));
        assert!(!format!("{display:?}").contains("signIn"));
    }

    #[test]
    fn what_cannot_be_shown_whole_is_refused() {
        use InvalidDisplay::{Malformed, NoAction, TooLong, Unsafe};
        let long = format!(r#"{{"action":"{}"}}"#, "a".repeat(DISPLAY_BYTES_MAX));
        for (text, expected) in [
            ("", Malformed),
            ("signIn", Malformed),
            ("[]", Malformed),
            (r#"{"action":"signIn""#, Malformed),
            (r#"{"action":"signIn","action":"pay"}"#, Malformed),
            (r#"{"action":"signIn","\u0061ction":"pay"}"#, Malformed),
            (r#"{"action":"signIn"} {}"#, Malformed),
            ("{}", NoAction),
            (r#"{"action":""}"#, NoAction),
            (r#"{"action":1}"#, NoAction),
            (long.as_str(), TooLong),
            ("{\"action\":\"sign\u{202e}In\"}", Unsafe),
            ("{\n\"action\":\"signIn\"}", Unsafe),
            (r#"{"action":"sign\u202eIn"}"#, Unsafe),
            (r#"{"action":"signIn","custom":{"a":["\u0007"]}}"#, Unsafe),
            (r#"{"action":"signIn","custom":{"a\u200b":1}}"#, Unsafe),
        ] {
            assert_eq!(Display::parse(text).unwrap_err(), expected, "{text:.60}");
        }
    }
}

//! The text that a device displays to a person. The device signs the text byte for byte as it
//! received it, so that the person sees what is signed.

use countersign_core::policy::DISPLAY_BYTES_MAX;
use countersign_core::statement::Digest;
use countersign_core::text;
use countersign_wire::custom::{Object, object_is_safe};
use countersign_wire::json::parse_strict;
use serde_json::Value;

use super::rows::{Row, rows};

/// Reason why a device must neither display nor sign a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDisplay {
    /// The text is longer than `DISPLAY_BYTES_MAX`.
    #[error("longer than {DISPLAY_BYTES_MAX} bytes")]
    TooLong,
    /// The text has characters that hide, reorder or forge its content, as plain characters or as
    /// escapes.
    #[error("it has control, bidirectional or invisible characters")]
    Unsafe,
    /// The text is not a JSON object, or has a duplicate key.
    #[error("not a JSON object with every key once")]
    Malformed,
    /// The text names no action.
    #[error("it names no action")]
    NoAction,
}

/// The display text of a challenge, with its parsed content.
#[derive(Clone, PartialEq)]
pub struct Display {
    text: String,
    members: Object,
}

impl Display {
    /// Parses a display text. The text is stored unchanged, byte for byte.
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
        // The strict parser rejects duplicate keys, because two parsers could show different values
        // for one key.
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

    /// Returns the text byte for byte as it was received.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the code of the action to approve or deny.
    #[must_use]
    pub fn action(&self) -> &str {
        self.members.get("action").and_then(Value::as_str).unwrap_or_default()
    }

    /// Returns the rows of `custom` to display. Each amount has the text that `amounts` gives for
    /// it.
    #[must_use]
    pub fn custom_rows(&self) -> Vec<Row> {
        let object = |name| self.members.get(name).and_then(Value::as_object);
        rows(object("custom").unwrap_or(&Object::new()), object("amounts"))
    }

    /// Returns the server's description of the browser, if there is one.
    #[must_use]
    pub fn browser(&self) -> Option<&str> {
        self.members.get("browser").and_then(Value::as_str)
    }

    /// Returns all members of the text. A device must display every one of them.
    #[must_use]
    pub const fn members(&self) -> &Object {
        &self.members
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.text)
    }
}

impl std::fmt::Debug for Display {
    /// Prints only the length, because the text is private to the person.
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

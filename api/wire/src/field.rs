//! Checks of single fields, and the error that names a field.

use countersign_core::id::InvalidId;
use countersign_core::text::Line;

/// Error about a field that breaks a rule. It has the field's name and the rule, and never the
/// value, because values may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct InvalidField {
    /// Name of the field on the wire.
    pub field: &'static str,
    /// The broken rule, in words for developers.
    pub rule: String,
}

impl InvalidField {
    /// Makes the error about a field that breaks a rule.
    #[must_use]
    pub fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }

    /// Makes the error about a field whose text is not a valid id.
    #[must_use]
    pub fn id(field: &'static str, error: &InvalidId) -> Self {
        Self::new(field, format!("must be {}", error.expected))
    }
}

/// Parses a text that people read. Returns `None` for an empty text, and an error for an invalid
/// one.
pub(crate) fn line(
    field: &'static str,
    text: Option<&str>,
    max: usize,
) -> Result<Option<Line>, InvalidField> {
    let text = text.filter(|t| !t.is_empty());
    text.map(|t| Line::parse(t, max).map_err(|e| InvalidField::new(field, e.to_string())))
        .transpose()
}

/// Cleans a text that people read. It repairs the text and does not reject it, because the sender
/// cannot correct it. Returns `None` for an empty text.
pub(crate) fn cleaned(text: Option<&str>, max: usize) -> Option<Line> {
    text.filter(|t| !t.is_empty()).map(|t| Line::cleaned(t, max))
}

/// Copies a text for a response.
pub(crate) fn text(line: Option<&Line>) -> Option<String> {
    line.map(|l| l.as_str().to_owned())
}

/// Parses an id of any kind with the given parser.
pub(crate) fn id<T>(
    field: &'static str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, InvalidId>,
) -> Result<Option<T>, InvalidField> {
    text.map(|t| parse(t).map_err(|e| InvalidField::id(field, &e))).transpose()
}

/// Checks a text that the server only passes on: visible ASCII of at most `max` bytes.
pub(crate) fn ascii(
    field: &'static str,
    text: Option<String>,
    max: usize,
) -> Result<Option<String>, InvalidField> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(None) };
    if text.len() > max {
        return Err(InvalidField::new(field, format!("longer than {max} bytes")));
    }
    if !text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Err(InvalidField::new(field, "must be printable ASCII"));
    }
    Ok(Some(text))
}

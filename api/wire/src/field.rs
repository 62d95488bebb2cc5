//! Checks of single fields, and the error that names the field.

use countersign_core::id::InvalidId;
use countersign_core::text::Line;

/// A field that breaks a rule. It names both, and never shows the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {rule}")]
pub struct InvalidField {
    /// The field, as spelled on the wire.
    pub field: &'static str,
    /// The rule, in words.
    pub rule: String,
}

impl InvalidField {
    /// A field that breaks a rule.
    #[must_use]
    pub fn new(field: &'static str, rule: impl Into<String>) -> Self {
        Self { field, rule: rule.into() }
    }

    /// A field whose text is not a valid name.
    #[must_use]
    pub fn id(field: &'static str, error: &InvalidId) -> Self {
        Self::new(field, format!("must be {}", error.expected))
    }
}

/// A text that people read; absent where it is empty.
pub(crate) fn line(
    field: &'static str,
    text: Option<&str>,
    max: usize,
) -> Result<Option<Line>, InvalidField> {
    let text = text.filter(|t| !t.is_empty());
    text.map(|t| Line::parse(t, max).map_err(|e| InvalidField::new(field, e.to_string())))
        .transpose()
}

/// A text that people read and whose writer nobody can correct; absent where it is empty.
pub(crate) fn cleaned(text: Option<&str>, max: usize) -> Option<Line> {
    text.filter(|t| !t.is_empty()).map(|t| Line::cleaned(t, max))
}

/// A text as it stands in an answer.
pub(crate) fn text(line: Option<&Line>) -> Option<String> {
    line.map(|l| l.as_str().to_owned())
}

/// Any name, by its parser.
pub(crate) fn id<T>(
    field: &'static str,
    text: Option<&str>,
    parse: impl Fn(&str) -> Result<T, InvalidId>,
) -> Result<Option<T>, InvalidField> {
    text.map(|t| parse(t).map_err(|e| InvalidField::id(field, &e))).transpose()
}

/// A text that is passed on: visible ASCII of a limited length.
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

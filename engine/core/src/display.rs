//! The text that a device shows and hashes: JSON in one JSON string.
//!
//! The core takes it as it is: its builder decides on the content and the order.

use std::fmt;
use std::sync::Arc;

use crate::policy::DISPLAY_BYTES_MAX;
use crate::refusal::Refusal;
use crate::statement::Digest;
use crate::text::is_safe;

/// A text of bounded length without characters that hide, reorder or forge its content.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayText(Arc<str>);

impl DisplayText {
    /// Takes a text.
    ///
    /// # Errors
    /// [`Refusal::DisplayTooLong`], or [`Refusal::DisplayUnsafe`] for a character that a
    /// [`Line`](crate::text::Line) would not have.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        if text.len() > DISPLAY_BYTES_MAX {
            return Err(Refusal::DisplayTooLong { max: DISPLAY_BYTES_MAX });
        }
        if !is_safe(text) {
            return Err(Refusal::DisplayUnsafe);
        }
        Ok(Self(text.into()))
    }

    /// The text in the form that was stored.
    #[must_use]
    pub fn restore(text: &str) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text's digest in a statement.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for DisplayText {
    /// Prints the length only, because a person is shown the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DisplayText({} bytes)", self.0.len())
    }
}

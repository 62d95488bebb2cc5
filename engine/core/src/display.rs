//! The text that a device shows and hashes, which is JSON within one JSON string.
//!
//! The core does not read the JSON. Its builder in another crate chooses the content and order.

use std::fmt;
use std::sync::Arc;

use crate::policy::DISPLAY_BYTES_MAX;
use crate::refusal::Refusal;
use crate::statement::Digest;
use crate::text::is_safe;

/// A text of at most [`DISPLAY_BYTES_MAX`] bytes without characters that hide, reorder or forge its
/// content.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayText(Arc<str>);

impl DisplayText {
    /// Checks a text and wraps it.
    ///
    /// # Errors
    /// [`Refusal::DisplayTooLong`] above [`DISPLAY_BYTES_MAX`] bytes, [`Refusal::DisplayUnsafe`]
    /// for a character that [`is_safe`] refuses.
    pub fn new(text: &str) -> Result<Self, Refusal> {
        if text.len() > DISPLAY_BYTES_MAX {
            return Err(Refusal::DisplayTooLong { max: DISPLAY_BYTES_MAX });
        }
        if !is_safe(text) {
            return Err(Refusal::DisplayUnsafe);
        }
        Ok(Self(text.into()))
    }

    /// Restores a stored text without a check.
    #[must_use]
    pub fn restore(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the digest of the text, which statements contain.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for DisplayText {
    /// Prints the length only, because the text may hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DisplayText({} bytes)", self.0.len())
    }
}

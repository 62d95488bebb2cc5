//! The text that a device shows and hashes: JSON in one JSON string.
//!
//! The core takes it as it is: its builder decides on the content and the order.

use std::fmt;
use std::sync::Arc;

use crate::policy::DISPLAY_BYTES_MAX;
use crate::refusal::Refusal;
use crate::statement::Digest;
use crate::text::is_safe;

/// Fault of a member of the custom data that a device would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomFault {
    /// It has characters that hide, reorder or forge.
    #[error("control, bidirectional and invisible characters are not allowed")]
    Unsafe,
    /// It stands beside an amount, and is not a currency.
    #[error("must be a currency code of ISO 4217, such as EUR")]
    UnknownCurrency,
    /// It stands beside an amount, and ISO 4217 gives it no decimals.
    #[error("ISO 4217 gives this code no decimals, so no amount can be shown in it")]
    NoDecimals,
    /// It stands beside a currency, and is not an amount in it.
    #[error(
        "must be minor units (an integer, or digits){}",
        decimals_rule(*decimals)
    )]
    NotAnAmount {
        /// Decimals of the currency.
        decimals: usize,
    },
}

fn decimals_rule(decimals: usize) -> String {
    match decimals {
        0 => String::new(),
        1 => ", or a text with exactly 1 decimal".to_owned(),
        _ => format!(", or a text with exactly {decimals} decimals"),
    }
}

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

//! Text that people read: no characters that hide, reorder or forge what is shown.

use std::fmt;
use std::sync::Arc;

/// One line of text without control or bidirectional characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Line(Arc<str>);

/// A text that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// It has a control or bidirectional character.
    #[error("control and bidirectional characters are not allowed")]
    Unsafe,
    /// It is longer than its limit.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The limit, in bytes.
        max: usize,
    },
}

impl Line {
    /// Parses a text of at most `max` bytes.
    ///
    /// # Errors
    /// [`InvalidText`] for a text that is too long or has a character that [`is_unsafe`] refuses.
    pub fn parse(text: &str, max: usize) -> Result<Self, InvalidText> {
        if text.len() > max {
            return Err(InvalidText::TooLong { max });
        }
        if text.chars().any(is_unsafe) {
            return Err(InvalidText::Unsafe);
        }
        Ok(Self(text.into()))
    }

    /// Makes a line of any text: unsafe characters become U+FFFD, and what is over `max` bytes is
    /// cut.
    #[must_use]
    pub fn cleaned(text: &str, max: usize) -> Self {
        let mut line = String::with_capacity(text.len().min(max));
        for c in text.chars() {
            let c = if is_unsafe(c) { char::REPLACEMENT_CHARACTER } else { c };
            if line.len() + c.len_utf8() > max {
                break;
            }
            line.push(c);
        }
        Self(line.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Line {
    /// Shows the length only: a line may be somebody's name or number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} bytes)", self.0.len())
    }
}

/// Whether a character may not stand in a text that people read.
///
/// Control characters, line and paragraph separators, and the bidirectional controls. Joiners
/// (U+200C, U+200D) stay allowed: letters of several scripts and emoji need them.
#[must_use]
pub const fn is_unsafe(c: char) -> bool {
    c.is_ascii_control()
        || matches!(c,
            '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_changes_and_controls_are_refused() {
        for c in
            ['\u{202e}', '\u{2066}', '\u{61c}', '\n', '\u{1b}', '\u{9b}', '\u{2028}', '\u{feff}']
        {
            assert_eq!(Line::parse(&format!("a{c}b"), 10), Err(InvalidText::Unsafe), "{c:?}");
        }
    }

    #[test]
    fn joiners_of_letters_and_emoji_are_kept() {
        for text in ["👩\u{200d}💻", "می\u{200c}خواهم"] {
            assert_eq!(Line::parse(text, 64).map(|l| l.as_str() == text), Ok(true));
        }
    }

    #[test]
    fn cleaning_replaces_and_cuts_at_a_character() {
        assert_eq!(Line::cleaned("a\u{202e}b", 10).as_str(), "a\u{fffd}b");
        assert_eq!(Line::cleaned("aéé", 4).as_str(), "aé");
    }

    #[test]
    fn a_line_does_not_show_itself_in_a_log() {
        assert_eq!(format!("{:?}", Line::cleaned("secret", 10)), "Line(6 bytes)");
    }
}

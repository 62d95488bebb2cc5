//! Readable text without characters that hide, reorder or forge its content.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// One line of text that [`is_safe`] accepts: without control characters and without bidirectional
/// controls, except for direction marks in a text that has a right-to-left letter.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Line(Arc<str>);

/// Error for a text that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// The text has a character that hides, reorders or forges its content.
    #[error("control and bidirectional characters are not allowed")]
    Unsafe,
    /// The text is longer than its limit.
    #[error("longer than {max} bytes")]
    TooLong {
        /// The limit that is exceeded, in bytes.
        max: usize,
    },
}

impl Line {
    /// Parses a line of at most `max` bytes.
    ///
    /// # Errors
    /// [`InvalidText`] if the text is longer than `max` bytes, or if [`is_safe`] refuses it.
    pub fn parse(text: &str, max: usize) -> Result<Self, InvalidText> {
        if text.len() > max {
            return Err(InvalidText::TooLong { max });
        }
        if !is_safe(text) {
            return Err(InvalidText::Unsafe);
        }
        Ok(Self(text.into()))
    }

    /// Makes a line from any text. It replaces unsafe characters by U+FFFD and cuts the text to at
    /// most `max` bytes, at a character boundary.
    #[must_use]
    pub fn cleaned(text: &str, max: usize) -> Self {
        if text.len() <= max && is_safe(text) {
            return Self(text.into());
        }
        let mut line = String::with_capacity(text.len().min(max));
        for (c, safe) in judged(text) {
            let c = if safe { c } else { char::REPLACEMENT_CHARACTER };
            if line.len() + c.len_utf8() > max {
                break;
            }
            line.push(c);
        }
        // A joiner or mark is safe only beside certain letters, and the cut may have removed such a
        // letter.
        if is_safe(&line) { Self(line.into()) } else { Self::cleaned(&line, max) }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Line {
    /// Prints the length only, because a line may be a person's name or phone number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} bytes)", self.0.len())
    }
}

/// Returns true if a text has no characters that hide, reorder or forge its content.
///
/// A [direction mark](is_mark) is allowed in a text that has a right-to-left letter, because such a
/// text needs marks to order its spaces and brackets.
#[must_use]
pub fn is_safe(text: &str) -> bool {
    // Fast path for most texts: ASCII is unsafe only if it has a control character.
    if text.is_ascii() {
        return !text.bytes().any(|b| b.is_ascii_control());
    }
    judged(text).all(|(_, safe)| safe)
}

/// Removes the [direction marks](is_mark) from a text without right-to-left letters, where they
/// have no use. Returns any other text unchanged.
#[must_use]
pub fn without_stray_marks(text: &str) -> Cow<'_, str> {
    if text.contains(is_mark) && !has_right_to_left_letter(text) {
        return text.replace(is_mark, "").into();
    }
    text.into()
}

/// Returns every character, with true if it is allowed at its position. A joiner is allowed between
/// two characters that are not ASCII, blanks or joiners, such as letters of several scripts and
/// emoji.
fn judged(text: &str) -> impl Iterator<Item = (char, bool)> {
    let has_marks_place = has_right_to_left_letter(text);
    let mut before = None;
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        let c = rest.next()?;
        let joins = |neighbour: Option<char>| {
            neighbour.is_some_and(|n| !n.is_ascii() && !n.is_whitespace() && !is_joiner(n))
        };
        let lone = is_joiner(c) && !(joins(before) && joins(rest.peek().copied()));
        before = Some(c);
        let placed = is_mark(c) && has_marks_place;
        Some((c, placed || (!lone && !is_unsafe(c))))
    })
}

/// Returns true for the three direction marks U+200E, U+200F and U+061C, which people and keyboards
/// insert into right-to-left names. Other bidirectional controls reorder whole passages; a mark
/// affects only the characters beside it.
#[must_use]
pub const fn is_mark(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Returns true if a text has a letter from Unicode's blocks for right-to-left scripts
/// (`DerivedBidiClass.txt`).
fn has_right_to_left_letter(text: &str) -> bool {
    let of_block = |c| {
        matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
            | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
    };
    text.chars().any(|c| of_block(c) && c.is_alphabetic())
}

const fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Returns true for characters that are not allowed in readable text: control characters, line and
/// paragraph separators, bidirectional controls, and characters that are invisible or have no width
/// (soft hyphens, fillers, tags). [`is_safe`] allows one exception: direction marks in
/// right-to-left text.
#[must_use]
pub const fn is_unsafe(c: char) -> bool {
    c.is_ascii_control()
        || matches!(c,
            '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
            | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
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

    /// Puts each unsafe character at the beginning, in the middle and at the end of a text.
    #[test]
    fn nothing_that_hides_or_reorders_gets_into_a_text() {
        let controls = ('\0'..'\u{20}').chain('\u{7f}'..='\u{9f}');
        let reordering = "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\
                          \u{2067}\u{2068}\u{2069}";
        let invisible = "\u{ad}\u{34f}\u{115f}\u{1160}\u{17b4}\u{180e}\u{200b}\u{2028}\u{2029}\
                         \u{2060}\u{2061}\u{2064}\u{206a}\u{2800}\u{3164}\u{feff}\u{ffa0}\u{fff9}\
                         \u{1d173}\u{e0001}\u{e0041}\u{e007f}\u{e0100}";
        let mut texts = 0;
        for c in controls.chain(reordering.chars()).chain(invisible.chars()) {
            for text in [format!("{c}pay 10"), format!("pay {c}10"), format!("pay 10{c}")] {
                assert!(!is_safe(&text), "{text:?}");
                assert!(is_safe(Line::cleaned(&text, 64).as_str()), "{text:?}");
                texts += 1;
            }
        }
        assert!(texts >= 200, "{texts}");
    }

    #[test]
    fn a_joiner_that_joins_nothing_is_refused() {
        for joiner in ['\u{200c}', '\u{200d}'] {
            for text in ["pay{}pal", "{}می", "می{}", "می {}می", "می{}{}می", "{}"] {
                let text = text.replace("{}", &joiner.to_string());
                assert!(!is_safe(&text), "{text:?}");
            }
        }
    }

    #[test]
    fn joiners_of_letters_and_emoji_are_kept() {
        for text in ["👩\u{200d}💻", "می\u{200c}خواهم"] {
            assert_eq!(Line::parse(text, 64).map(|l| l.as_str() == text), Ok(true));
        }
    }

    #[test]
    fn a_mark_stands_in_right_to_left_text_alone() {
        for mark in ['\u{200e}', '\u{200f}', '\u{61c}'] {
            for name in ["{}אברהם", "שלום (בנק){}", "شركة {}A", "{}𞤀𞤣𞤤𞤢𞤥"]
            {
                let name = name.replace("{}", &mark.to_string());
                assert_eq!(
                    Line::parse(&name, 64).map(|l| l.as_str() == name),
                    Ok(true),
                    "{name:?}"
                );
                assert_eq!(without_stray_marks(&name), name);
                let forged = format!("{name}\u{202e}");
                assert!(!is_safe(&forged), "other controls stay refused");
            }
            // In a text without right-to-left letters, a mark would only reorder digits invisibly.
            for text in ["{}12-34", "Acme{}", "١٢{}"] {
                let marked = text.replace("{}", &mark.to_string());
                assert!(!is_safe(&marked), "{marked:?}");
                assert_eq!(without_stray_marks(&marked), text.replace("{}", ""));
            }
        }
    }

    #[test]
    fn what_was_cut_is_clean_even_where_the_cut_took_a_letter() {
        for text in ["ab\u{200f}א", "אמי\u{200d}", "می\u{200c}خ", "\u{61c}\u{61c}aא"] {
            for max in 0..text.len() {
                let cut = Line::cleaned(text, max);
                assert!(cut.as_str().len() <= max && is_safe(cut.as_str()), "{cut:?} of {text:?}");
            }
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

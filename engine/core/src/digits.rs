//! Conversion of decimal digits of every script to ASCII.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Returns the value of a decimal digit of any script, and `None` for any other character.
///
/// Unicode gives each set of digits ten consecutive code points, from 0 to 9 (section 4.6 of the
/// standard). Adjacent sets are complete too. So the number of digits directly before `digit`,
/// modulo 10, is its value.
#[must_use]
pub fn value(digit: char) -> Option<u8> {
    if digit.is_ascii() {
        return digit.to_digit(10).and_then(|value| u8::try_from(value).ok());
    }
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_digit = |point: &u32| categories.get32(*point) == GeneralCategory::DecimalNumber;
    let point = u32::from(digit);
    if !is_digit(&point) {
        return None;
    }
    let before = (0..point).rev().take_while(is_digit).count();
    u8::try_from(before % 10).ok()
}

/// Returns true for a blank: white space, or an invisible character, such as the marks of writing
/// direction that are copied along with a number.
#[must_use]
pub fn is_blank(character: char) -> bool {
    character.is_whitespace()
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// Returns the digits of a text in ASCII, without its blanks. `None` if the text has another
/// character, or more than `max` digits.
#[must_use]
pub fn in_ascii(text: &str, max: usize) -> Option<String> {
    let mut digits = String::with_capacity(max);
    for character in text.chars().filter(|c| !is_blank(*c)) {
        if digits.len() == max {
            return None;
        }
        digits.push(char::from(b'0' + value(character)?));
    }
    Some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_count() {
        for text in [
            "0123456789",
            "٠١٢٣٤٥٦٧٨٩",
            "۰۱۲۳۴۵۶۷۸۹",
            "०१२३४५६७८९",
            "০১২৩৪৫৬৭৮৯",
            "๐๑๒๓๔๕๖๗๘๙",
            "０１２３４５６７８９",
            "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
            "𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡",
            "𝟢𝟣𝟤𝟥𝟦𝟧𝟨𝟩𝟪𝟫",
            "𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵",
            "𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿",
        ] {
            assert_eq!(in_ascii(text, 16).as_deref(), Some("0123456789"), "{text}");
        }
    }

    #[test]
    fn every_run_of_digits_is_of_whole_sets() {
        let categories = CodePointMapData::<GeneralCategory>::new();
        let runs = categories.iter_ranges_for_value(GeneralCategory::DecimalNumber);
        let mut sets = 0;
        for run in runs {
            let characters = run.end() - run.start() + 1;
            assert_eq!(characters % 10, 0, "{run:x?}");
            sets += characters / 10;
        }
        assert!(sets >= 65, "{sets} sets");
    }

    #[test]
    fn blanks_go_wherever_they_stand() {
        for text in [
            " 042",
            "042\n",
            "0 4\u{a0}2",
            "0\u{202f}42",
            "\u{200f}042\u{200e}",
            "０\u{3000}４２",
            "\u{feff}04\u{200b}2\u{61c}",
        ] {
            assert_eq!(in_ascii(text, 3).as_deref(), Some("042"), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_decimal_digit_is_none() {
        for text in ["4a", "-1", "1.5", "1,5", "²", "½", "Ⅳ", "四", "①", "٫", "0\u{301}"] {
            assert_eq!(in_ascii(text, 16), None, "{text}");
        }
        assert_eq!(in_ascii("123", 2), None);
    }
}

//! The number that the browser shows and the user types on the device.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::digits;

/// Digits that a person typed, in ASCII. [`Number::compare`] takes constant time for a given
/// length, so that its duration does not reveal the right digits.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedNumber(String);

/// Error for a text that is not 1 to 16 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 16 digits")]
pub struct InvalidNumber;

impl TypedNumber {
    /// Maximum number of digits.
    pub const DIGITS_MAX: usize = 16;

    /// Parses the typed text. It accepts decimal digits of every script, converts them to ASCII,
    /// and drops blanks, because statements and comparisons use ASCII digits only.
    ///
    /// # Errors
    /// [`InvalidNumber`] for anything but 1 to 16 digits.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let digits = digits::in_ascii(text, Self::DIGITS_MAX).filter(|d| !d.is_empty());
        digits.map(Self).ok_or(InvalidNumber)
    }

    /// Returns the digits.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TypedNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedNumber")
    }
}

/// Number of digits of the numbers that a tenant asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Two.
    Two,
    /// Three.
    Three,
    /// Six, which NIST SP 800-63B-4 requires (3.1.3.2: 20 bits).
    Six,
}

impl Digits {
    /// Returns the number of digits.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Three => 3,
            Self::Six => 6,
        }
    }
}

/// Random bytes from which a number is drawn. They are as secret as the number.
#[derive(Clone, Default)]
pub struct Seed(pub [u8; 8]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed")
    }
}

/// The number of one challenge.
#[derive(Clone, PartialEq, Eq)]
pub struct Number(String);

impl Number {
    /// Draws a number from random bytes, evenly but for a negligible rest, and keeps leading zeros.
    ///
    /// A seed has 64 bits, and there are at most a million numbers. So the probabilities of two
    /// numbers differ by less than one part in 10^13.
    #[must_use]
    pub fn from_entropy(digits: Digits, Seed(bytes): &Seed) -> Self {
        let count = digits.count();
        let numbers = (0..count).fold(1_u64, |product, _| product * 10);
        Self(format!("{:0count$}", u64::from_le_bytes(*bytes) % numbers))
    }

    /// Restores a number from its stored digits.
    #[must_use]
    pub fn restore(digits: &str) -> Self {
        Self(digits.to_owned())
    }

    /// Returns the digits. They may be shown only in the browser where the challenge began.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the number of digits, which is not secret.
    #[must_use]
    pub const fn digits(&self) -> usize {
        self.0.len()
    }

    /// Compares the typed number with this one, in constant time if both have the same length.
    /// `None` if they differ. The caller must have recorded the attempt before.
    #[must_use]
    pub fn compare(&self, typed: &TypedNumber) -> Option<Matched> {
        bool::from(self.0.as_bytes().ct_eq(typed.0.as_bytes())).then_some(Matched(()))
    }
}

/// Proof that the right number was typed. Only [`Number::compare`] makes one.
#[derive(Debug)]
pub struct Matched(());

/// The number of a challenge, and the count of attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedNumber {
    /// The number that the browser shows.
    pub number: Number,
    /// Attempts so far. Each is counted before the number is compared.
    pub tries: u32,
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_all_its_digits_and_keeps_leading_zeros() {
        for (digits, zero) in [(Digits::Two, "00"), (Digits::Three, "000"), (Digits::Six, "000000")]
        {
            assert_eq!(Number::from_entropy(digits, &Seed([0; 8])).reveal(), zero);
            assert_eq!(Number::from_entropy(digits, &Seed([0xff; 8])).digits(), zero.len());
        }
        let seed = Seed(1234_u64.to_le_bytes());
        assert_eq!(Number::from_entropy(Digits::Two, &seed).reveal(), "34");
        assert_eq!(format!("{seed:?}"), "Seed");
    }

    #[test]
    fn only_the_very_digits_match() {
        let number = Number::restore("042");
        let typed = |text| TypedNumber::parse(text).unwrap();
        assert!(number.compare(&typed("042")).is_some());
        for wrong in ["42", "0042", "043", "142", "0420"] {
            assert!(number.compare(&typed(wrong)).is_none(), "{wrong}");
        }
    }

    #[test]
    fn only_digits_are_a_number() {
        for text in ["", " ", "4a", "-1", "٤٫٢", "12345678901234567"] {
            assert_eq!(TypedNumber::parse(text), Err(InvalidNumber), "{text:?}");
        }
        for text in ["0", "042", "1234567890123456"] {
            assert_eq!(TypedNumber::parse(text).unwrap().reveal(), text);
        }
    }

    #[test]
    fn one_number_is_the_same_in_every_script_and_with_blanks() {
        let number = Number::restore("042");
        for text in ["٠٤٢", "۰۴۲", "０４２", "०४२", " 0 4 2\n", "\u{200f}٠٤ ٢"] {
            let typed = TypedNumber::parse(text).unwrap();
            assert_eq!(typed.reveal(), "042", "{text:?}");
            assert!(number.compare(&typed).is_some(), "{text:?}");
        }
    }

    #[test]
    fn numbers_do_not_show_themselves_in_a_log() {
        assert_eq!(format!("{:?}", Number::restore("042")), "Number");
        assert_eq!(format!("{:?}", TypedNumber::parse("042").unwrap()), "TypedNumber");
    }
}

//! A tenant's API secret: never logged, and refused if it is too short, too long or unusable in a
//! header.
//!
//! This module neither generates nor stores secrets.

use std::fmt;

/// A tenant's API secret.
#[derive(Clone)]
pub struct Secret(String);

/// Reason why a text is not accepted as a secret. It never contains the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// The text is shorter than [`Secret::CHARACTERS_MIN`] or longer than
    /// [`Secret::CHARACTERS_MAX`].
    #[error("has {0} characters")]
    Length(usize),
    /// The text has a character that does not survive an `Authorization` header.
    #[error("has a space, a control or non-ASCII character, a colon or a percent sign")]
    Character,
}

impl Secret {
    /// Minimum length of a secret, in characters. An attacker who guesses the secret controls the
    /// whole Server API, and can search for it offline with one captured webhook, because webhooks
    /// are signed with it. The minimum only keeps placeholders out; strength comes from randomness
    /// (we advise 32 random characters).
    pub const CHARACTERS_MIN: usize = 12;
    /// Maximum length of a secret, in characters.
    pub const CHARACTERS_MAX: usize = 256;

    /// Parses a secret.
    ///
    /// # Errors
    /// [`InvalidSecret`] for a wrong length, or a character that Basic authentication would change:
    /// the part before the first colon is the secret, and clients may percent-encode it.
    pub fn parse(text: &str) -> Result<Self, InvalidSecret> {
        if !text.bytes().all(|b| b.is_ascii_graphic() && b != b':' && b != b'%') {
            return Err(InvalidSecret::Character);
        }
        if !(Self::CHARACTERS_MIN..=Self::CHARACTERS_MAX).contains(&text.len()) {
            return Err(InvalidSecret::Length(text.len()));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the secret's text, for a comparison in constant time or a signature. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = Secret::parse("demo-secret-key").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.expose(), "demo-secret-key");
    }

    #[test]
    fn short_and_long_secrets_are_refused() {
        assert!(Secret::parse(&"x".repeat(12)).is_ok());
        assert!(Secret::parse(&"x".repeat(256)).is_ok());
        for length in [0, 11, 257] {
            let refused = Secret::parse(&"x".repeat(length));
            assert_eq!(refused.err(), Some(InvalidSecret::Length(length)));
        }
    }

    #[test]
    fn characters_that_a_header_would_change_are_refused() {
        for bad in
            ["a:bcdefghijkl", "a%20cdefghijkl", "abcdefghijkl\n", "a bcdefghijkl", "äbcdefghijkl"]
        {
            assert_eq!(Secret::parse(bad).err(), Some(InvalidSecret::Character), "{bad:?}");
        }
    }
}

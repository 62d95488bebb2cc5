//! Form of a token: `BODY.MAC`, both in base64url. A body begins with [`VERSION`], the kind of the
//! token, its tenant and its user, which a client may read. Only the server can check them, and
//! only the server knows the fields that follow.
//!
//! A token is compact, because a browser sends it with each request. A text is stored behind its
//! length (2 bytes), a number has 8 bytes, and the highest byte comes first.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Version of the form, the first byte of each body. The tokens of older servers were JWTs, whose
/// first part begins with `{`, so that no token has two meanings.
pub const VERSION: u8 = 1;

/// Writer of a body.
pub struct Writer(Vec<u8>);

impl Writer {
    /// Begins a body. `kind` is the server's number for a kind of token.
    #[must_use]
    pub fn begin(kind: u8, tenant: &str, user: &str) -> Self {
        let mut bytes = Vec::with_capacity(192);
        bytes.extend([VERSION, kind]);
        Self(bytes).text(tenant).text(user)
    }

    /// Adds a text.
    ///
    /// # Panics
    /// If the text has 64 KiB or more. Every text in a token has a much lower limit.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        let length = u16::try_from(text.len()).expect("texts in tokens are short");
        self.0.extend(length.to_be_bytes());
        self.bytes(text.as_bytes())
    }

    /// Adds a number.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    /// Adds bytes without their length.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Returns the text of the token. `mac` computes the authentication code of the body.
    #[must_use]
    pub fn seal(self, mac: impl FnOnce(&[u8]) -> [u8; 32]) -> String {
        let mut text = String::with_capacity(self.0.len() * 4 / 3 + 48);
        URL_SAFE_NO_PAD.encode_string(&self.0, &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(mac(&self.0), &mut text);
        text
    }
}

/// The two parts of a token, decoded. Nothing about them is checked.
pub struct Parts {
    /// The body.
    pub body: Vec<u8>,
    /// The authentication code.
    pub mac: Vec<u8>,
}

impl Parts {
    /// Splits the text of a token. Returns `None` for a text of another form.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let (body, mac) = text.split_once('.')?;
        let decoded = |part| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self { body: decoded(body)?, mac: decoded(mac)? })
    }
}

/// Reader of a body. Each call reads the next field, or returns `None` if the body ends before.
pub struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    /// Begins to read a body. Returns its kind too. Returns `None` for a body of another version.
    #[must_use]
    pub fn begin(body: &'b [u8]) -> Option<(u8, Self)> {
        let [VERSION, kind, rest @ ..] = body else { return None };
        Some((*kind, Self(rest)))
    }

    /// Reads a text.
    pub fn text(&mut self) -> Option<&'b str> {
        let length = u16::from_be_bytes(self.bytes()?);
        let (text, rest) = self.0.split_at_checked(length.into())?;
        self.0 = rest;
        str::from_utf8(text).ok()
    }

    /// Reads a number.
    pub fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// Reads bytes whose number is known.
    pub fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    /// Ends the reading. Returns `None` if the body has further bytes.
    #[must_use]
    pub const fn end(self) -> Option<()> {
        if self.0.is_empty() { Some(()) } else { None }
    }
}

/// Returns the tenant and the user that a token names. They are unchecked.
#[must_use]
pub fn named(text: &str) -> Option<(String, String)> {
    let body = Parts::of(text)?.body;
    let (_, mut fields) = Reader::begin(&body)?;
    Some((fields.text()?.to_owned(), fields.text()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let body = Writer::begin(2, "acme", "u|ä").number(u64::MAX).bytes(&[7, 8]).text("");
        let text = body.seal(|_| [9; 32]);
        assert_eq!(named(&text), Some(("acme".to_owned(), "u|ä".to_owned())));
        let Parts { body, mac } = Parts::of(&text).unwrap();
        assert_eq!(mac, [9; 32]);
        let (kind, mut fields) = Reader::begin(&body).unwrap();
        assert_eq!((kind, fields.text(), fields.text()), (2, Some("acme"), Some("u|ä")));
        assert_eq!((fields.number(), fields.bytes()), (Some(u64::MAX), Some([7, 8])));
        assert_eq!((fields.text(), fields.text()), (Some(""), None));
        assert_eq!(fields.end(), Some(()));
    }

    #[test]
    fn another_form_names_nobody() {
        let other_version = URL_SAFE_NO_PAD.encode([2, 1, 0, 1, b'a', 0, 1, b'b']);
        let jwt = "eyJ0eXAiOiJ0cmFjaytqd3QifQ.eyJvdGhlciI6eyJ0ZW5hbnRJZCI6ImFjbWUifX0.x";
        for text in ["", ".", "a.b.c", "AQ", "AQE.", &format!("{other_version}."), jwt] {
            assert_eq!(named(text), None, "{text}");
        }
    }

    #[test]
    fn a_body_with_further_bytes_has_no_end() {
        let (_, fields) = Reader::begin(&[VERSION, 1, 0]).unwrap();
        assert_eq!(fields.end(), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let versioned = [&[VERSION, 1], &body[..]].concat();
            let _ = named(&format!("{}.", URL_SAFE_NO_PAD.encode(versioned)));
            let _ = named(&String::from_utf8_lossy(&body));
        }
    }
}

//! Nonces that a device signs to show that it holds its key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::policy::Limits;
use crate::time::UnixMillis;

/// 32 random bytes that are used once.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

/// A text that is no nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 bytes in base64url without padding")]
pub struct InvalidNonce;

impl Nonce {
    /// Makes a nonce from random bytes.
    #[must_use]
    pub const fn from_entropy(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// Parses what [`Self::encoded`] writes; nothing else is accepted for it.
    ///
    /// # Errors
    /// [`InvalidNonce`].
    pub fn parse(text: &str) -> Result<Self, InvalidNonce> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidNonce)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidNonce)?))
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The nonce as a statement has it: base64url without padding.
    #[must_use]
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The text that an official SDK signs.
    ///
    /// It starts with `nonce:`; a colon cannot stand in a challenge id, so that a signature over a
    /// nonce is never a signature over a challenge id.
    #[must_use]
    pub fn message(&self) -> String {
        format!("nonce:{}", self.encoded())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce")
    }
}

/// What a nonce was given out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reading what is pending.
    Read,
    /// Updating the credential.
    Update,
}

struct Issued {
    nonce: Nonce,
    handle: String,
    purpose: Purpose,
    at: UnixMillis,
}

/// The nonces of one credential that are not used yet.
#[derive(Default)]
pub struct NonceBook {
    issued: Vec<Issued>,
}

impl NonceBook {
    /// Writes down a nonce that is being given out, dropping the oldest over the limit.
    pub fn issue(
        &mut self,
        nonce: Nonce,
        handle: String,
        purpose: Purpose,
        now: UnixMillis,
        limits: &Limits,
    ) {
        self.expire(now, limits);
        if self.issued.len() >= limits.nonces_per_credential_max {
            self.issued.remove(0);
        }
        self.issued.push(Issued { nonce, handle, purpose, at: now });
    }

    /// The nonces that a read may have been signed over, newest first.
    pub fn readable(&mut self, now: UnixMillis, limits: &Limits) -> Vec<Nonce> {
        self.expire(now, limits);
        let reads = self.issued.iter().rev().filter(|i| i.purpose == Purpose::Read);
        reads.map(|i| i.nonce.clone()).collect()
    }

    /// Uses up a nonce. False if it was not there: used before, or never given out.
    pub fn consume(&mut self, nonce: &Nonce) -> bool {
        let Some(index) = self.issued.iter().position(|i| i.nonce == *nonce) else {
            return false;
        };
        self.issued.remove(index);
        true
    }

    /// Takes out the update nonce that was given out under `handle`.
    pub fn take_update(&mut self, handle: &str, now: UnixMillis, limits: &Limits) -> Option<Nonce> {
        self.expire(now, limits);
        let found = |i: &Issued| i.purpose == Purpose::Update && i.handle == handle;
        let index = self.issued.iter().position(found)?;
        Some(self.issued.remove(index).nonce)
    }

    /// Whether no nonce is outstanding.
    pub fn is_empty(&mut self, now: UnixMillis, limits: &Limits) -> bool {
        self.expire(now, limits);
        self.issued.is_empty()
    }

    fn expire(&mut self, now: UnixMillis, limits: &Limits) {
        self.issued.retain(|i| now.ms_since(i.at) < limits.nonce_lifetime_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ChallengeId;

    fn nonce(n: u8) -> Nonce {
        Nonce::from_entropy(&[n; 32])
    }

    fn issue(book: &mut NonceBook, n: u8, purpose: Purpose, at: u64) {
        book.issue(nonce(n), format!("h{n}"), purpose, UnixMillis(at), &Limits::default());
    }

    #[test]
    fn a_nonce_is_never_a_challenge_id() {
        assert!(ChallengeId::parse(&nonce(1).message()).is_err());
    }

    #[test]
    fn a_nonce_has_one_spelling() {
        assert_eq!(Nonce::parse(&nonce(1).encoded()), Ok(nonce(1)));
        let text = nonce(0).encoded();
        let twin = format!("{}B", &text[..42]);
        for bad in ["", &text[1..], &format!("{text}="), &format!("{text}A"), &twin] {
            assert_eq!(Nonce::parse(bad), Err(InvalidNonce), "{bad}");
        }
        assert_eq!(format!("{:?}", nonce(1)), "Nonce");
    }

    #[test]
    fn a_nonce_is_used_once() {
        let mut book = NonceBook::default();
        issue(&mut book, 1, Purpose::Read, 0);
        assert!(book.consume(&nonce(1)));
        assert!(!book.consume(&nonce(1)));
    }

    #[test]
    fn the_oldest_gives_way_to_the_fifth() {
        let mut book = NonceBook::default();
        (1..=5).for_each(|n| issue(&mut book, n, Purpose::Read, u64::from(n)));
        assert_eq!(book.readable(UnixMillis(6), &Limits::default()).len(), 4);
        assert!(!book.consume(&nonce(1)));
        assert!(book.consume(&nonce(5)));
    }

    #[test]
    fn a_nonce_ends_after_its_lifetime() {
        let limits = Limits::default();
        let mut book = NonceBook::default();
        issue(&mut book, 1, Purpose::Read, 0);
        assert_eq!(book.readable(UnixMillis(limits.nonce_lifetime_ms - 1), &limits).len(), 1);
        assert!(book.readable(UnixMillis(limits.nonce_lifetime_ms), &limits).is_empty());
        assert!(book.is_empty(UnixMillis(limits.nonce_lifetime_ms), &limits));
    }

    #[test]
    fn an_update_nonce_does_not_serve_a_read() {
        let limits = Limits::default();
        let mut book = NonceBook::default();
        issue(&mut book, 1, Purpose::Update, 0);
        issue(&mut book, 2, Purpose::Read, 0);
        assert_eq!(book.readable(UnixMillis(1), &limits).len(), 1);
        assert!(book.take_update("h2", UnixMillis(1), &limits).is_none());
        assert!(book.take_update("h1", UnixMillis(1), &limits).is_some());
        assert!(book.take_update("h1", UnixMillis(1), &limits).is_none());
    }
}

//! Nonces that a device signs to prove that it holds its key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::policy::Limits;
use crate::time::UnixMillis;

/// 32 random bytes. Each nonce is used once.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce([u8; 32]);

/// Error for a text that is not an encoded nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 32 bytes in base64url without padding")]
pub struct InvalidNonce;

impl Nonce {
    /// Makes a nonce from random bytes.
    #[must_use]
    pub const fn from_entropy(bytes: &[u8; 32]) -> Self {
        Self(*bytes)
    }

    /// Parses the output of [`Self::encoded`], and refuses any other text.
    ///
    /// # Errors
    /// [`InvalidNonce`] for any other text.
    pub fn parse(text: &str) -> Result<Self, InvalidNonce> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidNonce)?;
        Ok(Self(bytes.try_into().map_err(|_| InvalidNonce)?))
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the nonce in the form that statements contain: base64url without padding.
    #[must_use]
    pub fn encoded(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Returns the text that an official SDK signs for `purpose`.
    ///
    /// The text begins with `nonce:` or `nonce-update:`. A challenge id has no colon, so a
    /// signature over a nonce is never valid for a challenge id. The two beginnings differ, so a
    /// signature for one purpose is never valid for the other purpose.
    #[must_use]
    pub fn message(&self, purpose: Purpose) -> String {
        let purpose = match purpose {
            Purpose::Read => "nonce",
            Purpose::Update => "nonce-update",
        };
        format!("{purpose}:{}", self.encoded())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce")
    }
}

/// Purpose for which an official SDK signs a nonce. A statement names its purpose in its first line
/// instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A read of the pending challenge.
    Read,
    /// An update of the credential.
    Update,
}

/// A nonce and its handle, as a client receives them.
#[derive(Clone, PartialEq, Eq)]
pub struct Handout {
    /// The nonce.
    pub nonce: Nonce,
    /// Name of the nonce, for requests that refer to it by name.
    pub handle: String,
}

struct Issued {
    handout: Handout,
    at: UnixMillis,
}

/// The unused nonces of one credential, oldest first.
///
/// Anybody who knows a public key may request its nonces, but must not invalidate those of the
/// key's owner. So a nonce stays valid for at least half its lifetime, however many are requested.
/// If all places are taken and the newest nonce is at most half a lifetime old, [`Self::issue`]
/// returns the newest nonce again. If the newest is older, `issue` replaces the oldest.
#[derive(Default)]
pub struct NonceBook {
    issued: Vec<Issued>,
}

impl NonceBook {
    /// Stores and returns `fresh`. If the book is full and its newest nonce is at most half a
    /// lifetime old, returns that nonce instead.
    pub fn issue(&mut self, fresh: Handout, now: UnixMillis, limits: &Limits) -> Handout {
        self.expire(now, limits);
        if self.issued.len() >= limits.nonces_per_credential_max {
            if let Some(newest) = self.issued.last()
                && now.ms_since(newest.at) <= limits.nonce_lifetime_ms / 2
            {
                return newest.handout.clone();
            }
            self.issued.remove(0);
        }
        self.issued.push(Issued { handout: fresh.clone(), at: now });
        fresh
    }

    /// Returns the outstanding nonces, newest first.
    pub fn outstanding(&mut self, now: UnixMillis, limits: &Limits) -> Vec<Nonce> {
        self.expire(now, limits);
        self.issued.iter().rev().map(|i| i.handout.nonce.clone()).collect()
    }

    /// Returns the outstanding nonce with this handle.
    pub fn named(&mut self, handle: &str, now: UnixMillis, limits: &Limits) -> Option<Nonce> {
        self.expire(now, limits);
        let found = self.issued.iter().find(|i| i.handout.handle == handle)?;
        Some(found.handout.nonce.clone())
    }

    /// Removes a nonce, so that it cannot be used again. Returns false if it is not outstanding: it
    /// was used before, has expired, or was never issued.
    pub fn consume(&mut self, nonce: &Nonce, now: UnixMillis, limits: &Limits) -> bool {
        self.expire(now, limits);
        let Some(index) = self.issued.iter().position(|i| i.handout.nonce == *nonce) else {
            return false;
        };
        self.issued.remove(index);
        true
    }

    /// Returns true if no nonce is outstanding.
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

    const HALF_MS: u64 = 150_000;

    fn nonce(n: u8) -> Nonce {
        Nonce::from_entropy(&[n; 32])
    }

    fn handout(n: u8) -> Handout {
        Handout { nonce: nonce(n), handle: format!("h{n}") }
    }

    /// Requests a nonce, offering nonce `n`, and returns the number of the nonce that was issued.
    fn issue(book: &mut NonceBook, n: u8, at: u64) -> u8 {
        let given = book.issue(handout(n), UnixMillis(at), &Limits::default());
        given.nonce.as_bytes()[0]
    }

    fn consume(book: &mut NonceBook, n: u8, at: u64) -> bool {
        book.consume(&nonce(n), UnixMillis(at), &Limits::default())
    }

    #[test]
    fn a_nonce_is_never_a_challenge_id_or_signed_for_another_purpose() {
        let [read, update] = [Purpose::Read, Purpose::Update].map(|p| nonce(1).message(p));
        assert_ne!(read, update);
        for text in [read, update] {
            assert!(text.contains(':') && ChallengeId::parse(&text).is_err());
        }
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
        issue(&mut book, 1, 0);
        assert!(consume(&mut book, 1, 1));
        assert!(!consume(&mut book, 1, 1));
        assert!(!consume(&mut book, 2, 1));
    }

    #[test]
    fn whoever_asks_too_often_is_told_the_newest_once_more() {
        let mut book = NonceBook::default();
        let given: Vec<_> = (1..=9).map(|n| issue(&mut book, n, 0)).collect();
        assert_eq!(given, [1, 2, 3, 4, 4, 4, 4, 4, 4]);
        assert_eq!(book.outstanding(UnixMillis(1), &Limits::default()).len(), 4);
        assert!(consume(&mut book, 1, 1), "the first is still good");
        assert_eq!(issue(&mut book, 9, 1), 9, "its place is free");
    }

    /// A stranger requests a nonce every second. The owner requests one at any time and has half a
    /// lifetime to use it.
    #[test]
    fn no_stranger_makes_a_nonce_useless() {
        let half_seconds = HALF_MS / 1000;
        for asked_at in 0..3 * half_seconds {
            let mut book = NonceBook::default();
            let mut fresh = 0_u8;
            let mut ask = |book: &mut NonceBook, second: u64| {
                fresh = fresh.wrapping_add(1);
                issue(book, fresh, second * 1000)
            };
            (0..asked_at).for_each(|second| {
                ask(&mut book, second);
            });
            let owners = ask(&mut book, asked_at);
            for second in asked_at..asked_at + half_seconds {
                ask(&mut book, second);
            }
            let used_at = (asked_at + half_seconds) * 1000 - 1;
            assert!(consume(&mut book, owners, used_at), "asked at {asked_at} s");
        }
    }

    #[test]
    fn a_nonce_ends_after_its_lifetime() {
        let limits = Limits::default();
        let mut book = NonceBook::default();
        issue(&mut book, 1, 0);
        let last = UnixMillis(limits.nonce_lifetime_ms - 1);
        assert_eq!(book.outstanding(last, &limits).len(), 1);
        assert!(!book.is_empty(last, &limits));
        assert!(!consume(&mut book, 1, limits.nonce_lifetime_ms));
        assert!(book.is_empty(UnixMillis(limits.nonce_lifetime_ms), &limits));
    }

    #[test]
    fn a_nonce_is_found_by_its_handle_and_stays_until_it_is_used() {
        let limits = Limits::default();
        let mut book = NonceBook::default();
        issue(&mut book, 1, 0);
        for _ in 0..2 {
            assert_eq!(book.named("h1", UnixMillis(1), &limits), Some(nonce(1)));
        }
        assert_eq!(book.named("h2", UnixMillis(1), &limits), None);
        assert_eq!(book.named("h1", UnixMillis(limits.nonce_lifetime_ms), &limits), None);
    }
}

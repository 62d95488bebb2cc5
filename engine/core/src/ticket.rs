//! One-time tickets: each enrolls one key for one user, in place of a bearer token.
//!
//! Other people may see a ticket's text, because a screen shows a link with the text as a QR code.
//! So a ticket allows one enrollment and nothing else, and expires with the token that it was made
//! with. The server stores only the SHA-256 of the text.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::grant::Grant;
use crate::id::AuthenticatorId;
use crate::statement::Digest;
use crate::time::UnixMillis;

/// Number of random bytes in a ticket.
pub const TICKET_BYTES: usize = 16;
/// Length of a ticket's text, in characters.
const TEXT_CHARACTERS: usize = 22;

/// A ticket as the server stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Digest of the ticket's text.
    pub digest: Digest,
    /// The right that the token gives with which the ticket was made.
    pub grant: Grant,
    /// True if this token allows a further authenticator.
    pub may_add: bool,
    /// Time at which the ticket was made.
    pub made_at: UnixMillis,
    /// Number of the clock's last [set-back](crate::set_backs) before the ticket was made.
    pub set_backs: u64,
    /// Expiry time of the token.
    pub ends_at: UnixMillis,
    /// The authenticator that was enrolled with the ticket, if one was.
    pub used_by: Option<AuthenticatorId>,
}

impl Ticket {
    /// Returns true if the ticket has not expired. If the clock was set back to a time before the
    /// ticket was made, the ticket counts as expired, because nobody knows its age.
    #[must_use]
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.made_at <= now && now < self.ends_at
    }
}

/// Makes the text of a ticket, 22 characters of base64url.
#[must_use]
pub fn text(entropy: [u8; TICKET_BYTES]) -> String {
    URL_SAFE_NO_PAD.encode(entropy)
}

/// Returns true if a text has the form of a ticket. No token has this form, because tokens contain
/// dots.
#[must_use]
pub fn is_ticket(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    text.len() == TEXT_CHARACTERS && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ActionCode, ActionKey, IdempotencyKey};

    #[test]
    fn a_ticket_is_told_from_a_token_by_its_text() {
        for byte in [0, 0x5a, 0xff] {
            assert!(is_ticket(&text([byte; TICKET_BYTES])));
        }
        let nearly = "A".repeat(TEXT_CHARACTERS - 1);
        for other in ["", "J.W.T", &nearly, &format!("{nearly}."), &format!("{nearly}AA")] {
            assert!(!is_ticket(other), "{other}");
        }
    }

    #[test]
    fn a_ticket_lives_from_the_beginning_to_the_end_of_its_token() {
        let action = ActionKey {
            code: ActionCode::parse("enroll").unwrap(),
            idempotency_key: IdempotencyKey::parse("k").unwrap(),
        };
        let grant = Grant { action, issued_at: UnixMillis(5_000), is_verified: false, born: None };
        let (digest, ends_at) = (Digest::of("t"), UnixMillis(9_000));
        // The grant's time is later than `made_at`, as after a clock was set back. It does not
        // matter.
        let (made_at, set_backs) = (UnixMillis(5_000), 0);
        let grant = Grant { issued_at: UnixMillis(7_000), ..grant };
        let (may_add, used_by) = (false, None);
        let ticket = Ticket { digest, grant, may_add, made_at, set_backs, ends_at, used_by };
        let live = |ms| ticket.is_live(UnixMillis(ms));
        assert_eq!([4_999, 5_000, 8_999, 9_000].map(live), [false, true, true, false]);
    }
}

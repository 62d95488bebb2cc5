//! One-time tickets: each enrolls one key for one user, in the place of a token.
//!
//! Others may see a ticket's text, because it is in a link that a screen shows as a QR code. So a
//! ticket allows one enrollment and nothing else, and ends with the token that it was made with.
//! The server keeps the SHA-256 of the text alone.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::grant::Grant;
use crate::id::AuthenticatorId;
use crate::statement::Digest;
use crate::time::UnixMillis;

/// Random bytes of a ticket.
pub const TICKET_BYTES: usize = 16;
/// Characters of a ticket's text.
const TEXT_CHARACTERS: usize = 22;

/// A ticket as the server keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Over its text.
    pub digest: Digest,
    /// The right behind the token that it was made with.
    pub grant: Grant,
    /// True if that token allows a further authenticator.
    pub may_add: bool,
    /// Time at which it was made.
    pub made_at: UnixMillis,
    /// Number of the last [set-back](crate::set_backs) of the clock then.
    pub set_backs: u64,
    /// The end of that token.
    pub ends_at: UnixMillis,
    /// The authenticator that was enrolled with it, once one was.
    pub used_by: Option<AuthenticatorId>,
}

impl Ticket {
    /// Tells whether its time is not over. If the clock was set back to before it was made, nobody
    /// knows how long it has been, and its time counts as over.
    #[must_use]
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.made_at <= now && now < self.ends_at
    }
}

/// The text of a ticket: 22 characters of base64url.
#[must_use]
pub fn text(entropy: [u8; TICKET_BYTES]) -> String {
    URL_SAFE_NO_PAD.encode(entropy)
}

/// Tells whether a text could be a ticket. No token is one: tokens have points in them.
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
        // By a clock that was set back since, the token was issued later.
        let (made_at, set_backs) = (UnixMillis(5_000), 0);
        let grant = Grant { issued_at: UnixMillis(7_000), ..grant };
        let (may_add, used_by) = (false, None);
        let ticket = Ticket { digest, grant, may_add, made_at, set_backs, ends_at, used_by };
        let live = |ms| ticket.is_live(UnixMillis(ms));
        assert_eq!([4_999, 5_000, 8_999, 9_000].map(live), [false, true, true, false]);
    }
}

//! The texts of an action that never change, to which the display texts of its challenges refer.

use countersign_core::action::Action;
use countersign_core::id::AccountKey;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;

/// Shortest piece that a text refers to.
pub(super) const PIECE_BYTES_MIN: usize = 4;
/// Longest text of all pieces together. The index names places in 16 bits.
const PIECES_BYTES_MAX: usize = u16::MAX as usize;
const SLOT_BITS: u32 = 9;

/// The unchanging texts of one action.
pub(super) struct Reference {
    /// All texts in a row.
    pieces: Vec<u8>,
    /// The usual ending of a display text, before and behind the seconds of its issue.
    before_seconds: String,
    after_seconds: String,
    /// Checksum over the owner and all that the action never changes.
    pub(super) checksum: u32,
}

/// An action's texts, and the time that a display text is near.
pub(super) struct Known<'a> {
    pub(super) reference: &'a Reference,
    pub(super) near: UnixMillis,
}

/// Returns the checksum over an owner. A tenant's id and a user's id have no byte 0.
pub(super) fn owner_checksum(owner: &AccountKey) -> u32 {
    let tenant = crc32c::crc32c(owner.tenant.as_str().as_bytes());
    let user =
        crc32c::crc32c_append(crc32c::crc32c_append(tenant, &[0]), owner.user.as_str().as_bytes());
    crc32c::crc32c_append(user, &[0])
}

impl Reference {
    pub(super) fn of(action: &Action) -> Self {
        let (code, tenant) = (action.key.code.as_str(), action.account.tenant.as_str());
        let address = lasting(action.context.ip_address.as_ref());
        let agent = lasting(action.context.user_agent.as_ref());
        let custom = action.context.custom.as_deref().unwrap_or_default();
        let texts = [code, tenant, address.unwrap_or_default(), agent.unwrap_or_default(), custom];
        let mut pieces = texts.concat().into_bytes();
        pieces.truncate(PIECES_BYTES_MAX);
        let mut before_seconds = String::new();
        if let Some(address) = address {
            push(&mut before_seconds, &[",\"ipAddress\":\"", address, "\""]);
        }
        before_seconds.push_str(",\"issuedAt\":");
        let mut after_seconds = String::new();
        push(&mut after_seconds, &[",\"requester\":\"", tenant, "\""]);
        if let Some(agent) = agent {
            push(&mut after_seconds, &[",\"userAgent\":\"", agent, "\""]);
        }
        after_seconds.push('}');
        let mut checksum = owner_checksum(&action.account);
        for text in [action.key.idempotency_key.as_str(), &before_seconds, &after_seconds] {
            checksum = crc32c::crc32c_append(checksum, text.as_bytes());
        }
        checksum = crc32c::crc32c_append(checksum, &pieces);
        checksum = crc32c::crc32c_append(checksum, &action.created_at.0.to_le_bytes());
        Self { pieces, before_seconds, after_seconds, checksum }
    }

    /// Returns a piece by its place and the bytes that it is longer than the shortest one.
    pub(super) fn piece(&self, at: u64, longer: u64) -> Option<&[u8]> {
        let at = usize::try_from(at).ok()?;
        let length = usize::try_from(longer).ok()?.checked_add(PIECE_BYTES_MIN)?;
        self.pieces.get(at..)?.get(..length)
    }

    pub(super) fn index(&self) -> Index<'_> {
        let mut index = Index { pieces: &self.pieces, places: [0; 1 << SLOT_BITS] };
        for (place, window) in (0_u16..).zip(self.pieces.windows(PIECE_BYTES_MIN)) {
            if let Some(slot) = slot(window).and_then(|slot| index.places.get_mut(slot)) {
                *slot = place;
            }
        }
        index
    }
}

fn push(text: &mut String, parts: &[&str]) {
    parts.iter().for_each(|part| text.push_str(part));
}

/// Returns a line that every later server reads as it is. A line with characters beyond ASCII may
/// be cleaned by a server that knows more of them.
fn lasting(line: Option<&Line>) -> Option<&str> {
    line.map(Line::as_str).filter(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte)))
}

/// Finds pieces. Of several places with the same beginning it knows the last.
pub(super) struct Index<'a> {
    pieces: &'a [u8],
    places: [u16; 1 << SLOT_BITS],
}

impl Index<'_> {
    /// Returns the place and the length of a piece that `text` begins with.
    pub(super) fn longest(&self, text: &[u8]) -> Option<(usize, usize)> {
        let at = usize::from(*self.places.get(slot(text)?)?);
        let length =
            std::iter::zip(self.pieces.get(at..)?, text).take_while(|(a, b)| a == b).count();
        (length >= PIECE_BYTES_MIN).then_some((at, length))
    }
}

fn slot(text: &[u8]) -> Option<usize> {
    const SPREAD: u32 = 0x9e37_79b1;
    let first: &[u8; PIECE_BYTES_MIN] = text.first_chunk()?;
    Some((u32::from_le_bytes(*first).wrapping_mul(SPREAD) >> (u32::BITS - SLOT_BITS)) as usize)
}

impl Known<'_> {
    pub(super) const fn seconds(&self) -> u64 {
        self.near.seconds()
    }

    /// Returns the seconds in the usual ending of a display text and the ending's length, if `text`
    /// is that ending.
    pub(super) fn ending(&self, text: &[u8]) -> Option<(u64, usize)> {
        let digits = text.strip_prefix(self.reference.before_seconds.as_bytes())?;
        let digits = digits.strip_suffix(self.reference.after_seconds.as_bytes())?;
        let seconds: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let mut written = Vec::with_capacity(text.len());
        self.put_ending(seconds, &mut written);
        (written == text).then_some((seconds, text.len()))
    }

    pub(super) fn put_ending(&self, seconds: u64, text: &mut Vec<u8>) {
        let Reference { before_seconds, after_seconds, .. } = self.reference;
        text.extend(before_seconds.bytes());
        text.extend(seconds.to_string().bytes());
        text.extend(after_seconds.bytes());
    }
}

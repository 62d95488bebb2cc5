//! The texts of an action that never change, to which the display texts of its challenges refer.

use countersign_core::action::Action;
use countersign_core::id::AccountKey;
use countersign_core::text::Line;
use countersign_core::time::UnixMillis;

/// Shortest piece that a text refers to. The reference takes up to five bytes itself.
pub(super) const PIECE_BYTES_MIN: usize = 6;
/// Room for the texts of a usual action.
const USUAL_BYTES: usize = 320;
const SLOT_BITS: u32 = 10;

/// The unchanging texts of one action.
pub(super) struct Reference {
    /// The usual ending of a display text without the seconds of its issue, then the code and the
    /// custom data.
    texts: Vec<u8>,
    /// Place of the seconds.
    seconds_at: usize,
    /// Place behind the usual ending.
    ending_bytes: usize,
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
    let texts = [owner.tenant.as_str().as_bytes(), &[0], owner.user.as_str().as_bytes(), &[0]];
    texts.into_iter().fold(0, crc32c::crc32c_append)
}

impl Reference {
    pub(super) fn of(action: &Action) -> Self {
        let context = &action.context;
        let custom = context.custom.as_deref().unwrap_or_default();
        let address = lasting(context.ip_address.as_ref());
        let agent = lasting(context.user_agent.as_ref());
        let mut texts = Vec::with_capacity(USUAL_BYTES);
        let mut push = |parts: &[&str]| {
            parts.iter().for_each(|part| texts.extend_from_slice(part.as_bytes()));
            texts.len()
        };
        if let Some(address) = address {
            push(&[",\"ipAddress\":\"", address, "\""]);
        }
        let seconds_at = push(&[",\"issuedAt\":"]);
        push(&[",\"requester\":\"", action.account.tenant.as_str(), "\""]);
        if let Some(agent) = agent {
            push(&[",\"userAgent\":\"", agent, "\""]);
        }
        let ending_bytes = push(&["}"]);
        push(&[action.key.code.as_str(), custom]);
        let key = action.key.idempotency_key.as_str().as_bytes();
        let unchanging = [key, &[0], &action.created_at.0.to_le_bytes(), &texts];
        let seed = owner_checksum(&action.account);
        let checksum = unchanging.into_iter().fold(seed, crc32c::crc32c_append);
        Self { texts, seconds_at, ending_bytes, checksum }
    }

    /// Returns the usual ending of a display text, before and behind the seconds.
    fn ending(&self) -> (&[u8], &[u8]) {
        let ending = self.texts.get(..self.ending_bytes).unwrap_or_default();
        ending.split_at_checked(self.seconds_at).unwrap_or_default()
    }

    /// Returns a piece by its place and the bytes that it is longer than the shortest one.
    pub(super) fn piece(&self, at: u64, longer: u64) -> Option<&[u8]> {
        let at = usize::try_from(at).ok()?;
        let length = usize::try_from(longer).ok()?.checked_add(PIECE_BYTES_MIN)?;
        self.texts.get(at..)?.get(..length)
    }

    /// Indexes the code and the custom data. Texts have the other pieces in the usual ending alone.
    pub(super) fn index(&self) -> Index<'_> {
        let mut index = Index { texts: &self.texts, places: [0; 1 << SLOT_BITS] };
        let windows = (0..=u16::MAX).zip(self.texts.windows(PIECE_BYTES_MIN));
        for (place, window) in windows.skip(self.ending_bytes) {
            if let Some(slot) = slot(window).and_then(|slot| index.places.get_mut(slot)) {
                *slot = place;
            }
        }
        index
    }
}

/// Returns a line that every later server reads as it is. A line with characters beyond ASCII may
/// be cleaned by a server that knows more of them.
fn lasting(line: Option<&Line>) -> Option<&str> {
    line.map(Line::as_str).filter(|text| text.bytes().all(|byte| (0x20..0x7f).contains(&byte)))
}

/// Finds pieces within the first 64 KiB. Of several places with the same beginning it knows the
/// last.
pub(super) struct Index<'a> {
    texts: &'a [u8],
    places: [u16; 1 << SLOT_BITS],
}

impl Index<'_> {
    /// Returns the place and the length of a piece that `text` begins with.
    pub(super) fn longest(&self, text: &[u8]) -> Option<(usize, usize)> {
        let at = usize::from(*self.places.get(slot(text)?)?);
        let both = std::iter::zip(self.texts.get(at..)?, text);
        let length = both.take_while(|(a, b)| a == b).count();
        (length >= PIECE_BYTES_MIN).then_some((at, length))
    }
}

fn slot(text: &[u8]) -> Option<usize> {
    const SPREAD: u32 = 0x9e37_79b1;
    let first = text.first_chunk::<4>()?;
    Some((u32::from_le_bytes(*first).wrapping_mul(SPREAD) >> (u32::BITS - SLOT_BITS)) as usize)
}

impl Known<'_> {
    pub(super) const fn seconds(&self) -> u64 {
        self.near.seconds()
    }

    /// Returns the seconds in the usual ending of a display text and the ending's length, if `text`
    /// is that ending.
    pub(super) fn ending(&self, text: &[u8]) -> Option<(u64, usize)> {
        let (before, behind) = self.reference.ending();
        let digits = text.strip_prefix(before)?.strip_suffix(behind)?;
        let seconds: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (seconds.to_string().as_bytes() == digits).then_some((seconds, text.len()))
    }

    pub(super) fn put_ending(&self, seconds: u64, text: &mut Vec<u8>) {
        let (before, behind) = self.reference.ending();
        for part in [before, seconds.to_string().as_bytes(), behind] {
            text.extend_from_slice(part);
        }
    }
}

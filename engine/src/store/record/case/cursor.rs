//! Reading and writing of numbers, times and ids. Reading is total: bytes that end early or are out
//! of range are a [`Fault`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_core::id::{AuthenticatorId, ChallengeId, IdempotencyKey, InvalidId};
use countersign_core::time::UnixMillis;
use uuid::Uuid;

/// Reason why bytes cannot be read. It never quotes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault(pub(super) &'static str);

impl From<InvalidId> for Fault {
    fn from(_: InvalidId) -> Self {
        Self("an id in it has another form")
    }
}

/// Number of bits of each byte of a number.
const BITS: u32 = 7;
const MORE: u8 = 0x80;
const UUID_BYTES: usize = 16;
const CHALLENGE_ID_BYTES: usize = 24;

/// The bytes that are not read yet.
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes that are not read yet.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// Returns what was read of `all`, with which the cursor began.
    pub(super) fn since(&self, all: &'a [u8]) -> &'a [u8] {
        all.get(..all.len() - self.0.len()).unwrap_or_default()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn bytes(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let count = usize::try_from(count).ok();
        let parts = count.and_then(|count| self.0.split_at_checked(count));
        let (bytes, rest) = parts.ok_or(Fault("it ends early"))?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(Fault("it ends early"))?;
        self.0 = rest;
        Ok(*bytes)
    }

    /// Reads what [`put_number`] wrote.
    pub(super) fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0_u64;
        for shift in (0..u64::BITS).step_by(BITS as usize) {
            let byte = self.byte()?;
            let bits = u64::from(byte & !MORE);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & MORE == 0 {
                return Ok(number);
            }
        }
        Err(Fault("a number in it is too large"))
    }

    pub(super) fn small(&mut self) -> Result<u32, Fault> {
        self.number()?.try_into().map_err(|_| Fault("a number in it is too large"))
    }

    /// Reads what [`put_difference`] wrote.
    pub(super) fn difference(&mut self, from: u64) -> Result<u64, Fault> {
        let folded = self.number()?;
        let difference = (folded >> 1) ^ (folded & 1).wrapping_neg();
        Ok(from.wrapping_add(difference))
    }

    /// Reads what [`put_time`] wrote.
    pub(super) fn time(&mut self, from: UnixMillis) -> Result<UnixMillis, Fault> {
        self.difference(from.0).map(UnixMillis)
    }

    /// Reads a UUID, and returns its text.
    pub(super) fn uuid<T>(
        &mut self,
        parse: impl FnOnce(&str) -> Result<T, InvalidId>,
    ) -> Result<T, Fault> {
        let uuid = Uuid::from_bytes(self.array::<UUID_BYTES>()?);
        let mut text = Uuid::encode_buffer();
        Ok(parse(uuid.hyphenated().encode_lower(&mut text))?)
    }

    /// Reads what [`put_authenticator`] wrote.
    pub(super) fn authenticator(&mut self) -> Result<AuthenticatorId, Fault> {
        self.uuid(AuthenticatorId::parse)
    }

    /// Reads what [`put_challenge_id`] wrote.
    pub(super) fn challenge_id(&mut self) -> Result<ChallengeId, Fault> {
        Ok(ChallengeId::from_entropy(&self.array::<CHALLENGE_ID_BYTES>()?))
    }
}

/// Writes a number as groups of seven bits, the lowest first.
pub(super) fn put_number(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= BITS;
        if rest == 0 {
            return out.push(low & !MORE);
        }
        out.push(low | MORE);
    }
}

/// Writes the difference of two numbers, so that a small one in either direction is short.
pub(super) fn put_difference(out: &mut Vec<u8>, from: u64, to: u64) {
    let difference = to.wrapping_sub(from).cast_signed();
    put_number(out, ((difference << 1) ^ (difference >> (i64::BITS - 1))).cast_unsigned());
}

/// Writes a time as its difference from another one.
pub(super) fn put_time(out: &mut Vec<u8>, from: UnixMillis, to: UnixMillis) {
    put_difference(out, from.0, to.0);
}

/// Returns the bytes of a UUID, if `text` is the one spelling that [`Cursor::uuid`] returns.
pub(super) fn uuid(text: &str) -> Option<[u8; UUID_BYTES]> {
    let uuid = Uuid::try_parse(text).ok()?;
    let mut spelling = Uuid::encode_buffer();
    (uuid.hyphenated().encode_lower(&mut spelling) == text).then(|| uuid.into_bytes())
}

/// Returns the bytes of an idempotency key that is a UUID.
pub(super) fn key_uuid(key: &IdempotencyKey) -> Option<[u8; UUID_BYTES]> {
    uuid(key.as_str())
}

pub(super) fn put_authenticator(out: &mut Vec<u8>, id: &AuthenticatorId) {
    out.extend(uuid(id.as_str()).expect("an authenticator id is a UUID in lower case"));
}

pub(super) fn put_challenge_id(out: &mut Vec<u8>, id: &ChallengeId) {
    let mut bytes = [0; CHALLENGE_ID_BYTES];
    let decoded = URL_SAFE_NO_PAD.decode_slice(id.as_str(), &mut bytes);
    assert_eq!(decoded, Ok(CHALLENGE_ID_BYTES), "a challenge id is 32 characters of base64url");
    out.extend(bytes);
}

//! ECDSA signatures in DER as `r` and `s`, if the DER form can be rebuilt from them.

/// Length of `r` and of `s` of P-256.
const HALF_BYTES: usize = 32;
/// Length of `r` and `s` together.
pub(super) const BYTES: usize = 2 * HALF_BYTES;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;

/// Returns `r` and `s` of a signature, if [`der`] rebuilds exactly the given bytes from them.
pub(super) fn r_and_s(signature: &[u8]) -> Option<[u8; BYTES]> {
    let (_, integers) = signature.split_at_checked(2)?;
    let (r, rest) = integer(integers)?;
    let (s, _) = integer(rest)?;
    let mut both = [0; BYTES];
    let (first, second) = both.split_at_mut(HALF_BYTES);
    first.copy_from_slice(&r);
    second.copy_from_slice(&s);
    (der(&both) == signature).then_some(both)
}

/// Reads the value of an integer, and returns it with the bytes behind it.
fn integer(bytes: &[u8]) -> Option<([u8; HALF_BYTES], &[u8])> {
    let (_, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
    let start = value.iter().position(|byte| *byte != 0).unwrap_or(value.len());
    let (_, value) = value.split_at_checked(start)?;
    let mut padded = [0; HALF_BYTES];
    let (_, low) = padded.split_at_mut_checked(HALF_BYTES.checked_sub(value.len())?)?;
    low.copy_from_slice(value);
    Some((padded, rest))
}

/// Writes `r` and `s` in DER.
pub(super) fn der(both: &[u8; BYTES]) -> Vec<u8> {
    let mut integers = Vec::with_capacity(2 + 2 * (HALF_BYTES + 3));
    integers.extend([SEQUENCE, 0]);
    for half in both.chunks_exact(HALF_BYTES) {
        let zeros = half.iter().take(HALF_BYTES - 1).take_while(|byte| **byte == 0).count();
        let (_, value) = half.split_at(zeros);
        let is_high = value.first().is_some_and(|byte| *byte >= 0x80);
        let length = u8::try_from(value.len() + usize::from(is_high)).unwrap_or(u8::MAX);
        integers.extend([INTEGER, length]);
        integers.extend(is_high.then_some(0));
        integers.extend(value);
    }
    let length = u8::try_from(integers.len() - 2).unwrap_or(u8::MAX);
    if let Some(byte) = integers.get_mut(1) {
        *byte = length;
    }
    integers
}

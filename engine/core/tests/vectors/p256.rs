//! Tests of P-256: a key and a signature have one accepted encoding each, and both halves of the
//! scalar range are accepted.

use countersign_core::signature::{Algorithm, InvalidKey, InvalidSignature, PublicKey};

use crate::{CHALLENGE_SIGNATURE, PUBLIC_KEY, decoded, phone_key};

const MESSAGE: &[u8] = b"challenge-123";
/// Bytes before the point in the key: the headers, the two object identifiers and the unused bits.
const HEADER: usize = 26;
/// The order of the group of P-256, highest byte first.
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// The prime of the field of P-256, highest byte first.
const PRIME: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
];

/// Computes `a - b` of big-endian numbers. It panics if `a < b`.
fn minus(a: [u8; 32], b: [u8; 32]) -> [u8; 32] {
    let mut borrow = false;
    let mut difference = [0; 32];
    for i in (0..32).rev() {
        let (d, under) = a[i].overflowing_sub(b[i]);
        let (d, under_again) = d.overflowing_sub(u8::from(borrow));
        (difference[i], borrow) = (d, under || under_again);
    }
    assert!(!borrow, "a is not below b");
    difference
}

/// Computes `a + n`, where `n` is [`ORDER`]. The sum has one byte more than `a`.
fn plus_order(a: [u8; 32]) -> [u8; 33] {
    let mut sum = [0; 33];
    let mut carry = 0;
    for i in (0..32).rev() {
        let digit = u16::from(a[i]) + u16::from(ORDER[i]) + carry;
        sum[i + 1] = digit.to_be_bytes()[1];
        carry = digit >> 8;
    }
    sum[0] = u8::try_from(carry).unwrap();
    sum
}

/// Encodes an integer in DER: as short as possible, and never negative.
fn integer(value: &[u8]) -> Vec<u8> {
    let start = value.iter().position(|b| *b != 0).unwrap_or(value.len() - 1);
    let value = &value[start..];
    let zero: &[u8] = if value[0] >= 0x80 { &[0] } else { &[] };
    tagged(0x02, &[zero, value].concat())
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

fn signature(r: &[u8], s: &[u8]) -> Vec<u8> {
    tagged(0x30, &[integer(r), integer(s)].concat())
}

/// Returns `r` and `s` of the known signature.
fn scalars() -> ([u8; 32], [u8; 32]) {
    let der = decoded(CHALLENGE_SIGNATURE);
    let part = |from: usize| <[u8; 32]>::try_from(&der[from..from + 32]).unwrap();
    let (r, s) = (part(4), part(39));
    assert_eq!(signature(&r, &s), der);
    (r, s)
}

fn refused(what: &str, signature: &[u8]) {
    assert_eq!(phone_key().verify(MESSAGE, signature), Err(InvalidSignature), "{what}");
}

#[test]
fn both_halves_of_the_scalar_range_are_accepted() {
    let (r, s) = scalars();
    let half = ORDER[0] / 2;
    let other = minus(ORDER, s);
    assert!(s[0] > half && other[0] <= half, "the known signature has the high one");
    for s in [s, other] {
        assert_eq!(phone_key().verify(MESSAGE, &signature(&r, &s)), Ok(()));
    }
}

#[test]
fn a_signature_has_one_encoding() {
    let (r, s) = scalars();
    let der = signature(&r, &s);
    let (r_der, s_der) = (integer(&r), integer(&s));
    let body = [r_der.clone(), s_der.clone()].concat();
    let body_bytes = u8::try_from(body.len()).unwrap();
    let padded_r = tagged(0x02, &[&[0], &r[..]].concat());
    let negative_s = tagged(0x02, &s);
    let table = [
        ("a byte after it", [&der[..], &[0]].concat()),
        ("a byte after s within it", tagged(0x30, &[&body[..], &[0]].concat())),
        ("a length of two bytes", [&[0x30, 0x81, body_bytes], &body[..]].concat()),
        ("a length of three bytes", [&[0x30, 0x82, 0, body_bytes], &body[..]].concat()),
        ("an indefinite length", [&[0x30, 0x80], &body[..], &[0, 0]].concat()),
        ("a long length of r", {
            let r_long = [&[0x02, 0x81, 32], &r[..]].concat();
            tagged(0x30, &[r_long, s_der.clone()].concat())
        }),
        ("a zero before r", tagged(0x30, &[padded_r, s_der.clone()].concat())),
        ("a negative s", tagged(0x30, &[r_der.clone(), negative_s].concat())),
        ("a set for a sequence", tagged(0x31, &body)),
        ("a bit string for r", tagged(0x30, &[tagged(0x03, &r), s_der.clone()].concat())),
        ("an empty r", tagged(0x30, &[tagged(0x02, &[]), s_der].concat())),
        ("one number", tagged(0x30, &r_der)),
        ("three numbers", tagged(0x30, &[body.clone(), r_der.clone()].concat())),
        ("the numbers without a sequence", body),
        ("raw r and s", [r, s].concat()),
        ("nothing", Vec::new()),
    ];
    for (what, changed) in table {
        refused(what, &changed);
    }
    for length in 0..der.len() {
        refused("cut short", &der[..length]);
    }
}

#[test]
fn scalars_outside_their_range_are_refused() {
    let (r, s) = scalars();
    let mut above = ORDER;
    above[31] += 1;
    for bad in [[0; 32], ORDER, above, [0xff; 32]] {
        refused("r", &signature(&bad, &s));
        refused("s", &signature(&r, &bad));
        refused("r and s", &signature(&bad, &bad));
    }
    let (r_above, s_above) = (plus_order(r), plus_order(s));
    refused("r + n stands for r", &signature(&r_above, &s));
    refused("s + n stands for s", &signature(&r, &s_above));
}

#[test]
fn no_changed_bit_of_a_signature_verifies() {
    let der = decoded(CHALLENGE_SIGNATURE);
    for bit in 0..der.len() * 8 {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(&format!("bit {bit}"), &changed);
    }
}

/// Returns the known key with `bytes` written at `at`.
fn key_with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut spki = decoded(PUBLIC_KEY);
    spki[at..at + bytes.len()].copy_from_slice(bytes);
    spki
}

#[test]
fn a_key_has_one_encoding() {
    let spki = decoded(PUBLIC_KEY);
    let (x, y) = (&spki[HEADER + 1..HEADER + 33], &spki[HEADER + 33..]);
    let sign = 2 + (y[31] & 1);
    let short = [&[0x30, 0x39], &spki[2..23], &[0x03, 0x22, 0x00, sign], x].concat();
    // The object identifier of P-192, 1.2.840.10045.3.1.1, is as long as that of P-256.
    let p192 = key_with(15, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01]);
    let secp256k1 = {
        let algorithm = [&spki[4..13], &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a]].concat();
        tagged(0x30, &[tagged(0x30, &algorithm), spki[23..].to_vec()].concat())
    };
    let table = [
        ("a compressed point", short),
        ("a hybrid point", key_with(HEADER, &[4 + sign])),
        ("the mark of a compressed point", key_with(HEADER, &[sign])),
        ("a byte after it", [&spki[..], &[0]].concat()),
        ("a byte too few", spki[..90].to_vec()),
        ("another curve of the same family", p192),
        ("another curve", secp256k1),
        ("another kind of key", key_with(12, &[0x02])),
        ("a long length", [&[0x30, 0x81, 0x59], &spki[2..]].concat()),
        ("unused bits", key_with(HEADER - 1, &[1])),
        ("the point alone", spki[HEADER..].to_vec()),
        ("nothing", Vec::new()),
    ];
    for (what, changed) in table {
        let parsed = PublicKey::from_spki(Algorithm::Es256, &changed).err();
        assert_eq!(parsed, Some(InvalidKey::Encoding), "{what}");
    }
}

#[test]
fn a_key_is_a_point_of_the_curve() {
    let last = decoded(PUBLIC_KEY)[90];
    let table = [
        ("another y", key_with(90, &[last ^ 1])),
        ("zeros", key_with(HEADER + 1, &[0; 64])),
        ("x = p", key_with(HEADER + 1, &PRIME)),
        ("y = p", key_with(HEADER + 33, &PRIME)),
        ("numbers above p", key_with(HEADER + 1, &[0xff; 64])),
    ];
    for (what, changed) in table {
        let parsed = PublicKey::from_spki(Algorithm::Es256, &changed).err();
        assert_eq!(parsed, Some(InvalidKey::Point), "{what}");
    }
}

//! Ed25519 signatures of every kind that can be made with or without the key.

use countersign_core::signature::{Algorithm, Check, PublicKey};
use curve25519_dalek::Scalar;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use ed25519_dalek::{Signer as _, SigningKey};
use fastrand::Rng;
use sha2::{Digest as _, Sha512};

use crate::draw::{bytes, pick};

const PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The order of the base point, lowest byte first.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Kind of a signature: an ordinary valid one, one with a special `R`, or one with a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Good,
    /// `R` is a point of small order, in its canonical encoding: the equation holds.
    SmallOrderR,
    /// `R` has a component of small order: the equation holds, but would not without the cofactor.
    MixedOrderR,
    /// Like `MixedOrderR`, but with a signature of another message.
    MixedOrderROtherMessage,
    /// `R` is of small order, in an encoding that is not canonical: the equation holds.
    NonCanonicalR,
    /// `R` is not the encoding of a point.
    NoPoint,
    OtherMessage,
    OtherKey,
    FlippedBit,
    /// `s + L` takes the place of `s`.
    LargeS,
    ShortByOne,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Good,
        Self::SmallOrderR,
        Self::MixedOrderR,
        Self::MixedOrderROtherMessage,
        Self::NonCanonicalR,
        Self::NoPoint,
        Self::OtherMessage,
        Self::OtherKey,
        Self::FlippedBit,
        Self::LargeS,
        Self::ShortByOne,
    ];

    /// Returns true if our acceptance rule accepts this kind.
    pub(crate) const fn is_accepted(self) -> bool {
        matches!(self, Self::Good | Self::SmallOrderR | Self::MixedOrderR)
    }

    /// Returns true if ZIP 215 accepts this kind. ZIP 215 differs from our acceptance rule in one
    /// point: it accepts every encoding of `R` that decompresses, even one that is not canonical.
    pub(crate) const fn is_accepted_by_zip_215(self) -> bool {
        self.is_accepted() || matches!(self, Self::NonCanonicalR)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Forged {
    pub(crate) kind: Kind,
    pub(crate) key: [u8; 32],
    pub(crate) message: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

impl Forged {
    pub(crate) fn check(&self) -> Check {
        Check::new(parsed(&self.key), self.message.clone(), self.signature.clone())
    }
}

pub(crate) fn parsed(key: &[u8; 32]) -> PublicKey {
    PublicKey::from_spki(Algorithm::Ed25519, &[&PREFIX[..], key].concat()).unwrap()
}

/// Signs with a first half of the caller's choice, as the owner of a key can: `s = r + H(R, A, M)
/// a`.
fn with_r(signer: &SigningKey, r_bytes: [u8; 32], r: Scalar, message: &[u8]) -> Vec<u8> {
    let a = signer.verifying_key();
    let digest = Sha512::new().chain_update(r_bytes).chain_update(a.as_bytes());
    let k = Scalar::from_bytes_mod_order_wide(&digest.chain_update(message).finalize().into());
    [r_bytes, (r + k * signer.to_scalar()).to_bytes()].concat()
}

/// Returns the encodings of points of small order that are not canonical.
fn non_canonical_small_order() -> [[u8; 32]; 6] {
    let of = |low: u8, rest: u8, top: u8| {
        let mut bytes = [rest; 32];
        bytes[0] = low;
        bytes[31] = top;
        bytes
    };
    [
        // x = 0 with the sign bit set, for y = 1 and y = -1.
        of(0x01, 0x00, 0x80),
        of(0xec, 0xff, 0xff),
        // y = p, which is 0, without and with the sign bit.
        of(0xed, 0xff, 0x7f),
        of(0xed, 0xff, 0xff),
        // y = p + 1, which is 1, without and with the sign bit.
        of(0xee, 0xff, 0x7f),
        of(0xee, 0xff, 0xff),
    ]
}

pub(crate) fn forge(kind: Kind, random: &mut Rng) -> Forged {
    let signer = SigningKey::from_bytes(&bytes(random));
    let mut message = bytes::<32>(random).to_vec();
    let mut signature = signer.sign(&message).to_bytes().to_vec();
    let r = Scalar::from_bytes_mod_order_wide(&bytes(random));
    let mixed = ED25519_BASEPOINT_POINT * r + pick(random, &EIGHT_TORSION[1..]);
    match kind {
        Kind::Good => {}
        Kind::SmallOrderR => {
            let r_bytes = pick(random, &EIGHT_TORSION).compress().to_bytes();
            signature = with_r(&signer, r_bytes, Scalar::ZERO, &message);
        }
        Kind::MixedOrderR => {
            signature = with_r(&signer, mixed.compress().to_bytes(), r, &message);
        }
        Kind::MixedOrderROtherMessage => {
            signature = with_r(&signer, mixed.compress().to_bytes(), r, &message);
            message[0] ^= 1;
        }
        Kind::NonCanonicalR => {
            let r_bytes = *pick(random, &non_canonical_small_order());
            signature = with_r(&signer, r_bytes, Scalar::ZERO, &message);
        }
        Kind::NoPoint => {
            // No point of the curve has y = 2.
            let mut r_bytes = [0; 32];
            r_bytes[0] = 2;
            signature = with_r(&signer, r_bytes, Scalar::ZERO, &message);
        }
        Kind::OtherMessage => message[random.usize(..32)] ^= 1 << random.usize(..8),
        Kind::OtherKey => {
            let other = SigningKey::from_bytes(&bytes(random));
            signature = other.sign(&message).to_bytes().to_vec();
        }
        Kind::FlippedBit => signature[random.usize(..64)] ^= 1 << random.usize(..8),
        Kind::LargeS => add_order(&mut signature[32..]),
        Kind::ShortByOne => signature.truncate(63),
    }
    Forged { kind, key: signer.verifying_key().to_bytes(), message, signature }
}

/// Makes two invalid signatures with opposite errors, which would cancel out in a sum without
/// random factors.
pub(crate) fn cancelling_pair(random: &mut Rng) -> [Forged; 2] {
    let error = Scalar::from_bytes_mod_order_wide(&bytes(random));
    [error, -error].map(|error| {
        let mut forged = forge(Kind::Good, random);
        let s = Scalar::from_canonical_bytes(forged.signature[32..].try_into().unwrap()).unwrap();
        forged.signature[32..].copy_from_slice(&(s + error).to_bytes());
        Forged { kind: Kind::FlippedBit, ..forged }
    })
}

fn add_order(s: &mut [u8]) {
    let mut carry = 0;
    for (byte, order) in s.iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        [*byte, _] = sum.to_le_bytes();
        carry = sum >> 8;
    }
    assert_eq!(carry, 0, "s + L has 32 bytes");
}

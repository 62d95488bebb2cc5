//! Many signatures in one equation, and which of them are bad if it does not hold.

use std::iter::once;

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul as _};

use super::Term;

/// Up to here single checks are no dearer than a batch that is known to hold a bad signature.
const SINGLES_MAX: usize = 4;

/// A term and the random factor that keeps it from cancelling out against others.
pub(in crate::signature) struct Weighed {
    term: Term,
    z: Scalar,
}

impl Weighed {
    /// The factor is between 1 and 2^128, each as likely as any other: never zero, under which a
    /// term would go unchecked.
    pub(in crate::signature) fn new(term: Term, coefficient: [u8; 16]) -> Self {
        Self { term, z: Scalar::from(u128::from_le_bytes(coefficient)) + Scalar::ONE }
    }
}

/// Tells whether `8 Σ z (s B - k A - R) = 0`. With a bad signature it holds for one choice of the
/// factors in 2^128.
pub(in crate::signature) fn hold(batch: &[Weighed]) -> bool {
    if batch.is_empty() {
        return true;
    }
    let b: Scalar = batch.iter().map(|w| w.z * w.term.s).sum();
    let rs = batch.iter().map(|w| w.z);
    let keys = batch.iter().map(|w| w.z * w.term.k);
    let points = batch.iter().map(|w| &w.term.minus_r);
    let points = points.chain(batch.iter().map(|w| &w.term.minus_a));
    let sum = EdwardsPoint::vartime_multiscalar_mul(
        once(b).chain(rs).chain(keys),
        once(&ED25519_BASEPOINT_POINT).chain(points),
    );
    sum.mul_by_cofactor().is_identity()
}

/// Tells the good signatures from the bad. A batch that does not hold is halved until the bad ones
/// are found. A signature is called bad only after a check of its own.
///
/// The parts reuse the factors of the whole, because no signer knew any of them.
pub(in crate::signature) fn bisect(batch: &[Weighed]) -> Vec<bool> {
    let mut verdicts = Vec::with_capacity(batch.len());
    judge(batch, false, &mut verdicts);
    verdicts
}

/// Appends a verdict for each, and says whether all are good.
fn judge(batch: &[Weighed], known_bad: bool, verdicts: &mut Vec<bool>) -> bool {
    if batch.len() > 1 && !known_bad && hold(batch) {
        verdicts.resize(verdicts.len() + batch.len(), true);
        return true;
    }
    if batch.len() <= SINGLES_MAX {
        let singles = batch.iter().map(|w| w.term.holds());
        let before = verdicts.len();
        verdicts.extend(singles);
        return verdicts[before..].iter().all(|good| *good);
    }
    let (left, right) = batch.split_at(batch.len() / 2);
    let left_good = judge(left, false, verdicts);
    // If the whole does not hold and its left half does, the right half cannot.
    let right_good = judge(right, left_good, verdicts);
    left_good && right_good
}

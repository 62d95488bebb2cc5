//! Verification of many signatures in one equation, and the search for invalid ones if it does not
//! hold.

use std::iter::once;

use curve25519_dalek::Scalar;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::traits::{IsIdentity, VartimeMultiscalarMul as _};

use super::Term;

/// Maximum number of signatures for which single checks cost no more than another batch, if one of
/// them is known to be invalid.
const SINGLES_MAX: usize = 4;

/// A term and its random factor, which prevents an invalid term from cancelling out another one.
pub(in crate::signature) struct Weighed {
    term: Term,
    z: Scalar,
}

impl Weighed {
    /// Weighs a term with a random factor from 1 to 2^128, all equally likely. The factor is never
    /// zero, because a term with the factor zero would not be checked.
    pub(in crate::signature) fn new(term: Term, coefficient: [u8; 16]) -> Self {
        Self { term, z: Scalar::from(u128::from_le_bytes(coefficient)) + Scalar::ONE }
    }
}

/// Returns true if `8 Σ z (s B - k A - R) = 0`. With an invalid signature the equation holds for
/// one choice of factors in 2^128.
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

/// Returns for each signature whether it is valid. A batch whose equation does not hold is halved
/// until the invalid signatures are found. A signature is declared invalid only after a check of
/// this signature alone.
///
/// The halves keep the factors of the whole batch, because no signer knew any factor.
pub(in crate::signature) fn bisect(batch: &[Weighed]) -> Vec<bool> {
    let mut verdicts = Vec::with_capacity(batch.len());
    judge(batch, false, &mut verdicts);
    verdicts
}

/// Appends to `verdicts` whether each signature of `batch` is valid, and returns true if all are.
/// `known_bad` means that the equation of `batch` is known not to hold.
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
    // If the equation of the whole does not hold, and that of its left half does, that of the right
    // half cannot hold.
    let right_good = judge(right, left_good, verdicts);
    left_good && right_good
}

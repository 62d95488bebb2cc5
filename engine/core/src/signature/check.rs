//! Checks of signatures, singly or in batches, and the proof that a signature is valid.

use std::fmt;

use super::ed25519::batch::{self, Weighed};
use super::{InvalidSignature, PublicKey};

/// An unverified signature with its key and the candidate messages, one of which it has to sign.
#[derive(Clone)]
pub struct Check {
    key: PublicKey,
    messages: Vec<Vec<u8>>,
    signature: Vec<u8>,
}

impl Check {
    /// Makes a check that passes if `signature` signs `message`.
    #[must_use]
    pub fn new(key: PublicKey, message: Vec<u8>, signature: Vec<u8>) -> Self {
        Self { key, messages: vec![message], signature }
    }

    /// Makes a check that passes if `signature` signs one of `messages`. Without any message it
    /// never passes.
    #[must_use]
    pub const fn any_of(key: PublicKey, messages: Vec<Vec<u8>>, signature: Vec<u8>) -> Self {
        Self { key, messages, signature }
    }

    /// Returns true if the check can be part of a batch. A check with several candidate messages
    /// cannot, because every message that was not signed would make the batch fail.
    #[must_use]
    pub fn batches(&self) -> bool {
        self.messages.len() == 1 && self.key.algorithm().batches()
    }

    /// Returns the number of candidate messages, which is the maximum number of verifications that
    /// the check needs.
    #[must_use]
    pub const fn messages(&self) -> usize {
        self.messages.len()
    }

    /// Runs the check without a batch.
    ///
    /// # Errors
    /// [`InvalidSignature`] for any fault.
    pub fn verify(self) -> Result<Proof, InvalidSignature> {
        let index = self.find().ok_or(InvalidSignature)?;
        Ok(Proof { check: self, index })
    }

    /// Returns the index of the signed message, or `None` if the signature signs none of them.
    fn find(&self) -> Option<usize> {
        let over = |message: &Vec<u8>| self.key.verify(message, &self.signature).is_ok();
        self.messages.iter().position(over)
    }
}

impl fmt::Debug for Check {
    /// Leaves out the messages and the signature, so that they do not get into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, messages: _, signature: _ } = self;
        f.debug_struct("Check").field("key", key).finish_non_exhaustive()
    }
}

/// Proof that a signature is valid. Only [`Check::verify`] and [`verify_all`] make one.
pub struct Proof {
    check: Check,
    index: usize,
}

impl Proof {
    /// Returns the key that signed.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.check.key
    }

    /// Returns the signed message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.check.messages[self.index]
    }

    /// Returns the index of the signed message among those of [`Check::any_of`].
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// Returns the signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.check.signature
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, index } = self;
        f.debug_struct("Proof").field("check", check).field("index", index).finish()
    }
}

/// Runs `checks` and returns their results in the same order. A result is that of
/// [`Check::verify`], except that an invalid signature in a batch passes with a probability of
/// 2^-128.
///
/// `coefficients` are random bytes that no signer could predict, one for each check that joins the
/// batch. A check without a coefficient, or one that cannot be part of a [batch](Check::batches),
/// is run alone.
#[must_use]
pub fn verify_all(
    checks: Vec<Check>,
    coefficients: &[[u8; 16]],
) -> Vec<Result<Proof, InvalidSignature>> {
    let (routes, batch) = gather(&checks, coefficients);
    let mut of_batch = batch::bisect(&batch).into_iter();
    let verdict = |(check, route): (Check, Route)| {
        let good = match route {
            Route::Alone => return check.verify(),
            Route::Malformed => false,
            Route::Batch => of_batch.next().unwrap_or(false),
        };
        if good { Ok(Proof { check, index: 0 }) } else { Err(InvalidSignature) }
    };
    checks.into_iter().zip(routes).map(verdict).collect()
}

/// Checks that all of `checks` pass. Those that can be part of a [batch](Check::batches) share one
/// equation. For `coefficients` see [`verify_all`].
///
/// # Errors
/// [`InvalidSignature`] if at least one check fails. The error does not say which.
pub fn verify_batch(checks: &[Check], coefficients: &[[u8; 16]]) -> Result<(), InvalidSignature> {
    let (routes, batch) = gather(checks, coefficients);
    let good = checks.iter().zip(routes).all(|(check, route)| match route {
        Route::Alone => check.find().is_some(),
        Route::Malformed => false,
        Route::Batch => true,
    });
    if good && batch::hold(&batch) { Ok(()) } else { Err(InvalidSignature) }
}

/// Route of a check: alone, or through the shared equation.
#[derive(Clone, Copy)]
enum Route {
    Alone,
    Batch,
    /// The signature is refused without an equation, because it cannot be parsed.
    Malformed,
}

/// Returns the route of each check, and the terms of the checks that share the equation, both in
/// the order of `checks`.
fn gather(checks: &[Check], coefficients: &[[u8; 16]]) -> (Vec<Route>, Vec<Weighed>) {
    let mut coefficients = coefficients.iter();
    let mut batch = Vec::with_capacity(coefficients.len().min(checks.len()));
    let route = |check: &Check| {
        let [message] = &check.messages[..] else { return Route::Alone };
        if !check.batches() {
            return Route::Alone;
        }
        let Some(coefficient) = coefficients.next() else { return Route::Alone };
        match check.key.term(message, &check.signature) {
            None => Route::Alone,
            Some(Err(InvalidSignature)) => Route::Malformed,
            Some(Ok(term)) => {
                batch.push(Weighed::new(term, *coefficient));
                Route::Batch
            }
        }
    };
    let routes = checks.iter().map(route).collect();
    (routes, batch)
}

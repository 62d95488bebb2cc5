//! Signatures to check, alone or together, and the proof that one was good.

use std::fmt;

use super::ed25519::batch::{self, Weighed};
use super::{InvalidSignature, PublicKey};

/// An unverified signature, and the messages that it may be over.
#[derive(Clone)]
pub struct Check {
    key: PublicKey,
    messages: Vec<Vec<u8>>,
    signature: Vec<u8>,
}

impl Check {
    /// A signature that has to be over `message`.
    #[must_use]
    pub fn new(key: PublicKey, message: Vec<u8>, signature: Vec<u8>) -> Self {
        Self { key, messages: vec![message], signature }
    }

    /// A signature that has to be over one of `messages`. Without any it is never good.
    #[must_use]
    pub const fn any_of(key: PublicKey, messages: Vec<Vec<u8>>, signature: Vec<u8>) -> Self {
        Self { key, messages, signature }
    }

    /// Tells whether the check can join a batch. A signature over one of several messages cannot,
    /// because each wrong guess would spoil the batch.
    #[must_use]
    pub fn batches(&self) -> bool {
        self.messages.len() == 1 && self.key.algorithm().batches()
    }

    /// Number of candidate messages, and so the most verifications that the check takes.
    #[must_use]
    pub const fn messages(&self) -> usize {
        self.messages.len()
    }

    /// Checks it alone.
    ///
    /// # Errors
    /// [`InvalidSignature`], whatever is wrong with it.
    pub fn verify(self) -> Result<Proof, InvalidSignature> {
        let index = self.find().ok_or(InvalidSignature)?;
        Ok(Proof { check: self, index })
    }

    /// Finds the message under the signature, if there is one.
    fn find(&self) -> Option<usize> {
        let over = |message: &Vec<u8>| self.key.verify(message, &self.signature).is_ok();
        self.messages.iter().position(over)
    }
}

impl fmt::Debug for Check {
    /// Leaves out the messages and the signature, so that neither can get into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, messages: _, signature: _ } = self;
        f.debug_struct("Check").field("key", key).finish_non_exhaustive()
    }
}

/// A signature that verified: [`Check::verify`] and [`verify_all`] alone make one.
pub struct Proof {
    check: Check,
    index: usize,
}

impl Proof {
    /// The key that signed.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.check.key
    }

    /// Gives the signed message.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        &self.check.messages[self.index]
    }

    /// Tells which message of [`Check::any_of`] was signed.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The signature.
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

/// A verdict for each of `checks`, in their order: the same that each would get alone, save that a
/// bad signature passes with a probability of 2^-128.
///
/// `coefficients` are random bytes that no signer could predict. A check that there is none for is
/// made alone, as is one that does not [batch](Check::batches).
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

/// Checks that all of `checks` are good, in one equation as far as they [batch](Check::batches).
/// `coefficients` are as in [`verify_all`].
///
/// # Errors
/// [`InvalidSignature`] if one is bad. It says nothing about which.
pub fn verify_batch(checks: &[Check], coefficients: &[[u8; 16]]) -> Result<(), InvalidSignature> {
    let (routes, batch) = gather(checks, coefficients);
    let good = checks.iter().zip(routes).all(|(check, route)| match route {
        Route::Alone => check.find().is_some(),
        Route::Malformed => false,
        Route::Batch => true,
    });
    if good && batch::hold(&batch) { Ok(()) } else { Err(InvalidSignature) }
}

/// Route of a check: through the shared equation, or around it.
#[derive(Clone, Copy)]
enum Route {
    Alone,
    Batch,
    /// To a refusal: no equation could hold.
    Malformed,
}

/// The route of each check, and those that share an equation, in their order.
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

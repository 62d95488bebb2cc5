//! Signatures, other than those of decisions, that prove that a device holds its key.

use crate::id::{TenantId, Thumbprint};
use crate::nonce::{Nonce, Purpose};
use crate::signature::{Check, InvalidSignature, Proof, PublicKey};
use crate::statement::{Digest, Statement};
use crate::time::UnixMillis;

/// Length of a time window, in seconds. The official SDKs sign the window's number to remove a
/// credential.
const REMOVAL_WINDOW_SECONDS: u64 = 600;

/// An unverified signature for possession of a key that is being enrolled.
#[derive(Clone)]
pub struct EnrollmentProof {
    /// Signature of the enrollment's statement.
    pub signature: Vec<u8>,
    /// Digest of the bearer token that the key is enrolled with.
    pub token: Digest,
}

/// An unverified signature for possession of a key whose credential is updated.
#[derive(Clone)]
pub enum UpdateProof {
    /// The form of the official SDKs: a signature of the nonce with the handle `handle`.
    Official {
        /// Handle under which the server issued the nonce.
        handle: String,
        /// Signature of the nonce.
        signature: Vec<u8>,
    },
    /// A signature of the update's statement.
    Statement {
        /// A nonce that the server issued.
        nonce: Nonce,
        /// Signature of the statement.
        signature: Vec<u8>,
    },
}

/// An unverified signature for possession of a key whose credential is removed.
#[derive(Clone)]
pub enum RemovalProof {
    /// The form of the official SDKs: a signature of the number of the time window.
    Official(Vec<u8>),
    /// A signature of the removal's statement.
    Statement {
        /// A nonce that the server issued.
        nonce: Nonce,
        /// Signature of the statement.
        signature: Vec<u8>,
    },
}

/// Proof that the caller holds the key that it enrolls. Only [`proven_enrollment`] makes one.
#[derive(Clone, Debug)]
pub struct Possession(Thumbprint);

impl Possession {
    /// Returns the key's thumbprint.
    #[must_use]
    pub const fn thumbprint(&self) -> Thumbprint {
        self.0
    }
}

/// Prepares the check that `signature` proves possession of a key that is enrolled with the bearer
/// token of digest `token`.
#[must_use]
pub fn check_enrollment(
    key: PublicKey,
    tenant: &TenantId,
    token: Digest,
    signature: Vec<u8>,
) -> Check {
    let thumbprint = key.thumbprint();
    check_statement(key, &Statement::Enroll { tenant, key: thumbprint, token }, signature)
}

/// Makes a proof of possession from the proof that [`check_enrollment`] of the same tenant and
/// token has passed.
///
/// # Errors
/// [`InvalidSignature`] if the proof is about another message.
pub fn proven_enrollment(
    tenant: &TenantId,
    token: Digest,
    proof: &Proof,
) -> Result<Possession, InvalidSignature> {
    let key = proof.key().thumbprint();
    let statement = Statement::Enroll { tenant, key, token };
    if proof.message() != statement.to_bytes() {
        return Err(InvalidSignature);
    }
    Ok(Possession(key))
}

/// Prepares the check that `signature` signs `statement`.
#[must_use]
pub fn check_statement(key: PublicKey, statement: &Statement<'_>, signature: Vec<u8>) -> Check {
    Check::new(key, statement.to_bytes(), signature)
}

/// Prepares the check that an official SDK signed one of `nonces`. [`Proof::index`] is the index of
/// the signed nonce.
#[must_use]
pub fn check_nonce(
    key: PublicKey,
    nonces: &[Nonce],
    purpose: Purpose,
    signature: Vec<u8>,
) -> Check {
    let messages = nonces.iter().map(|nonce| nonce.message(purpose).into_bytes());
    Check::any_of(key, messages.collect(), signature)
}

/// Prepares the check of an official SDK's signature that removes a credential. It has to sign the
/// number of the present time window by the wall clock, or of the window before or after, because
/// clocks differ. The number may end in `.0`, because the platforms print it in both forms.
#[must_use]
pub fn check_removal(key: PublicKey, now: UnixMillis, signature: Vec<u8>) -> Check {
    let window = now.seconds() / REMOVAL_WINDOW_SECONDS;
    let windows = [window, window.saturating_sub(1), window + 1];
    let texts = windows.into_iter().flat_map(|w| [removal_text(w), w.to_string()]);
    Check::any_of(key, texts.map(String::into_bytes).collect(), signature)
}

/// Returns the text that the official SDKs sign at `now` to remove a credential.
#[must_use]
pub fn removal_text_at(now: UnixMillis) -> String {
    removal_text(now.seconds() / REMOVAL_WINDOW_SECONDS)
}

fn removal_text(window: u64) -> String {
    format!("{window}.0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_removal_text_is_a_floating_point_number_of_the_window() {
        assert_eq!(removal_text_at(UnixMillis(1_735_689_600_000)), "2892816.0");
        assert_eq!(removal_text_at(UnixMillis(1_735_690_199_999)), "2892816.0");
        assert_eq!(removal_text_at(UnixMillis(1_735_690_200_000)), "2892817.0");
    }

    #[test]
    fn a_removal_is_signed_over_a_window_beside_the_present_one() {
        use crate::signature::Algorithm;
        use ed25519_dalek::{Signer as _, SigningKey};

        const NOW: UnixMillis = UnixMillis(1_735_689_900_000);
        let signer = SigningKey::from_bytes(&[1; 32]);
        let prefix = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        let spki = [&prefix[..], signer.verifying_key().as_bytes()].concat();
        let key = PublicKey::from_spki(Algorithm::Ed25519, &spki).unwrap();
        let window = NOW.seconds() / REMOVAL_WINDOW_SECONDS;
        for (signed, is_good) in [
            (window - 2, false),
            (window - 1, true),
            (window, true),
            (window + 1, true),
            (window + 2, false),
        ] {
            for text in [signed.to_string(), removal_text(signed)] {
                let signature = signer.sign(text.as_bytes()).to_bytes().to_vec();
                let check = check_removal(key.clone(), NOW, signature);
                assert_eq!(check.verify().is_ok(), is_good, "{text}");
            }
        }
    }
}

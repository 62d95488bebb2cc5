//! Signatures by which a device shows that it holds its key, outside of decisions.

use crate::nonce::Nonce;
use crate::signature::{InvalidSignature, PublicKey};
use crate::time::UnixMillis;

/// Length of the time window whose number is signed to remove a credential, in seconds.
const REMOVAL_WINDOW_SECONDS: u64 = 600;

/// Finds the nonce that a signature is over.
///
/// # Errors
/// [`InvalidSignature`] if it is over none of them.
pub fn verify_nonce<'n>(
    key: &PublicKey,
    nonces: &'n [Nonce],
    signature: &[u8],
) -> Result<&'n Nonce, InvalidSignature> {
    let signed = |nonce: &&Nonce| key.verify(nonce.as_str().as_bytes(), signature).is_ok();
    nonces.iter().find(signed).ok_or(InvalidSignature)
}

/// Checks the signature that removes a credential: over the number of the present time window, the
/// one before or the one after (clocks differ), as the platforms print it, with or without `.0`.
///
/// # Errors
/// [`InvalidSignature`] if it is over none of them.
pub fn verify_removal(
    key: &PublicKey,
    now: UnixMillis,
    signature: &[u8],
) -> Result<(), InvalidSignature> {
    let window = now.seconds() / REMOVAL_WINDOW_SECONDS;
    for text in [window, window.saturating_sub(1), window + 1].map(removal_text) {
        let whole = text.trim_end_matches(".0");
        if key.verify(text.as_bytes(), signature).is_ok()
            || key.verify(whole.as_bytes(), signature).is_ok()
        {
            return Ok(());
        }
    }
    Err(InvalidSignature)
}

/// The text that the official SDKs sign at `now` to remove a credential.
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
}

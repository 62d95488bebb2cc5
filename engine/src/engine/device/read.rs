//! Reads of pending challenges by a device.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;

use countersign_core::device::{Device, Signing};
use countersign_core::id::{AuthenticatorId, CredentialKey};
use countersign_core::inbox::Offer;
use countersign_core::nonce::{Nonce, Purpose};
use countersign_core::policy::WAIT_MS_MAX;
use countersign_core::possession;

use super::refused;
use crate::actors::credential::{CredentialState, PendingOffers};
use crate::engine::Engine;
use crate::error::{Error, Misbehaviour};
use crate::telemetry;
use crate::wait_time::WaitTime;

/// Result of a device's read.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The first binding of the key.
    pub binding: Arc<Device>,
    /// Pending challenges, each with the binding that may answer it. Challenges of confirmed
    /// bindings come first. Among confirmed bindings, and among the others, the newest challenge
    /// comes first.
    pub offers: Vec<(Arc<Device>, Offer)>,
    /// True if the caller has proven possession of the key.
    pub signed: bool,
    /// True if the poll was answered at once, because too many polls wait.
    pub crowded: bool,
}

/// The caller of a read, by what it has proven.
#[derive(Clone)]
pub enum Reader {
    /// A caller who has shown only the public key.
    Stranger,
    /// A caller with a signature over one of the credential's nonces, as official SDKs make it.
    Signed(Vec<u8>),
    /// A caller with a device session, which was made for this binding.
    Session(AuthenticatorId),
}

impl Engine {
    /// Returns the pending challenges of a credential. If there are none, it waits for one, for the
    /// caller's `wait` at most. A caller whose signature is not over one of the credential's nonces
    /// is treated as [`Reader::Stranger`].
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the credential is not known, the session is over, or the credential
    /// signs statements and there is no session.
    pub async fn pending(
        &self,
        key: &CredentialKey,
        reader: Reader,
        wait: impl WaitTime,
    ) -> Result<Pending, Error> {
        let wait_ms = wait.ms();
        let (used, session) = match reader {
            Reader::Stranger => (None, None),
            Reader::Signed(signature) => (self.signed_nonce(key, signature).await?, None),
            Reader::Session(binding) => (None, Some(binding)),
        };
        let permit = self.permit_to_wait(wait_ms);
        let may_wait = permit.is_some();
        let again = session.clone();
        let looked = self.shared.credential(key, move |state| {
            let signed = used.is_some_and(|nonce| state.consume_nonce(&nonce)) || session.is_some();
            look(state, session.as_ref(), may_wait, signed).map(|pending| (pending, signed))
        });
        let (PendingOffers { binding, offers, news }, signed) = looked.await?;
        let Some(news) = news else {
            let crowded = wait_ms > 0 && offers.is_empty();
            return Ok(seen(Pending { binding, offers, signed, crowded }));
        };
        let waiting = (telemetry::waiting("device"), wait.begin());
        let longest = Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        let woken = matches!(tokio::time::timeout(longest, news).await, Ok(Ok(())));
        drop(waiting);
        if !woken {
            return Ok(Pending { binding, offers, signed, crowded: false });
        }
        let looked =
            self.shared.credential(key, move |state| look(state, again.as_ref(), false, signed));
        let PendingOffers { binding, offers, .. } = looked.await?;
        Ok(seen(Pending { binding, offers, signed, crowded: false }))
    }

    /// Returns the outstanding nonce that the signature of a read is over, or `None` if the
    /// signature is over none of them.
    async fn signed_nonce(
        &self,
        key: &CredentialKey,
        signature: Vec<u8>,
    ) -> Result<Option<Nonce>, Error> {
        let asked = self.shared.credential(key, |state| {
            let official = state.inbox.signing() == Signing::ChallengeId;
            let nonces = if official { state.outstanding_nonces() } else { Vec::new() };
            Ok((state.keys(), nonces))
        });
        let (keys, nonces) = asked.await?;
        let check = |key| possession::check_nonce(key, &nonces, Purpose::Read, signature.clone());
        let checked = self.check_with(keys, check).await?;
        let nonce = checked.ok().and_then(|proof| nonces.get(proof.index()).cloned());
        if nonce.is_none() {
            refused("read", None);
        }
        Ok(nonce)
    }
}

fn look(
    state: &mut CredentialState,
    session: Option<&AuthenticatorId>,
    wait: bool,
    signed: bool,
) -> Result<PendingOffers, Misbehaviour> {
    match session {
        Some(binding) => state.check_session(binding)?,
        None if state.inbox.signing() > Signing::ChallengeId => {
            return Err(Misbehaviour::SessionMissing);
        }
        None => {}
    }
    let pending = state.look(wait).ok_or(Misbehaviour::UnknownCredential)?;
    if signed {
        state.note_read(&pending);
    }
    Ok(pending)
}

fn seen(pending: Pending) -> Pending {
    if !pending.offers.is_empty() {
        counter!(telemetry::CHALLENGES_SEEN).increment(1);
    }
    pending
}

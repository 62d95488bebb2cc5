//! Decisions of a device about a challenge.

use std::sync::Arc;

use metrics::counter;

use countersign_core::challenge::{Challenge, Ended};
use countersign_core::decision::{self, Asked, SignedDecision};
use countersign_core::device::{Device, Signing};
use countersign_core::id::{ChallengeId, CredentialKey};
use countersign_core::refusal::Refusal;
use countersign_core::signature::{InvalidSignature, PublicKey};
use countersign_core::time::UnixMillis;

use super::{refused, wanted};
use crate::engine::Engine;
use crate::error::Error;
use crate::telemetry;

impl Engine {
    /// Checks a device's signed decision about a challenge, and returns the challenge's end once it
    /// is recorded. `arrived_at` is the time at which the request arrived. If the challenge is
    /// known to have ended, the decision is compared with the recorded end; otherwise the account's
    /// writer decides.
    ///
    /// The challenge and the binding are looked up before the signature is checked, because the
    /// signed bytes are computed from them. The caller gets no information about either until the
    /// signature has been verified.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for an unknown credential or a signature that does not verify;
    /// [`Error::Refused`] if the challenge is not one that this credential may answer, or if a rule
    /// refuses the decision, such as for a wrong number.
    pub async fn decide(
        &self,
        key: &CredentialKey,
        signed: SignedDecision,
        arrived_at: UnixMillis,
    ) -> Result<Ended, Error> {
        let id = signed.challenge.clone();
        let asked = self.shared.credential(key, move |state| {
            let waiting = state.inbox.find(&id).map(|o| o.challenge.clone());
            let read = state.has_read(&id);
            Ok((
                state.inbox.bindings().to_vec(),
                state.keys(),
                state.inbox.signing(),
                waiting,
                read,
            ))
        });
        let (bindings, keys, signing, waiting, read) = asked.await?;
        let challenge = match waiting {
            Some(challenge) => Some(challenge),
            // The challenge is not pending for this key. Its record shows whether the key may
            // answer it.
            None => self.recorded(&bindings, &signed.challenge).await?,
        };
        let asked =
            challenge.as_deref().and_then(|c| Some((c, Asked::among(&bindings, c, signing)?)));
        let Some((challenge, asked)) = asked else {
            return Err(self.unasked(keys, signing, &signed).await);
        };
        let wanted = wanted(&keys, &signed.signature);
        let checked = self.verifier.check(decision::check(asked, &signed)).await?;
        let verified = checked.and_then(|proof| decision::proven(asked, signed, &proof));
        let decision = verified.map_err(|InvalidSignature| refused("decision", wanted))?;
        counter!(telemetry::DECISIONS_VERIFIED).increment(1);
        if let Some(repeated) = challenge.repeated(&decision) {
            return Ok(repeated?);
        }
        let judged = self.shared.account(&challenge.account, async move |w| {
            w.decide(&decision, arrived_at, read).await
        });
        judged.await
    }

    /// Looks for a challenge among those of the key's users.
    async fn recorded(
        &self,
        bindings: &[Arc<Device>],
        id: &ChallengeId,
    ) -> Result<Option<Arc<Challenge>>, Error> {
        for device in bindings {
            match self.shared.watch(&(device.account.clone(), id.clone()), false).await {
                Ok(watched) => return Ok(Some(watched.challenge)),
                Err(Error::Refused(Refusal::ChallengeUnknown)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Returns the error for a key that may not answer the challenge. If the key signs challenge
    /// ids and the signature verifies, the error is [`Refusal::ChallengeUnknown`]. Otherwise it is
    /// the error for a bad signature, so that nobody but the holder of the key gets to know the
    /// difference.
    async fn unasked(
        &self,
        keys: Vec<PublicKey>,
        signing: Signing,
        signed: &SignedDecision,
    ) -> Error {
        let wanted = wanted(&keys, &signed.signature);
        let check = |key| decision::check_unasked(key, signing, signed);
        match self.check_with(keys, check).await {
            Ok(Ok(_)) if signing == Signing::ChallengeId => Refusal::ChallengeUnknown.into(),
            Ok(_) => refused("decision", wanted),
            Err(error) => error,
        }
    }
}

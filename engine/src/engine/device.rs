//! What the app can do that holds a key.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use metrics::counter;

use countersign_core::account::{Enroll, Refresh};
use countersign_core::challenge::Ended;
use countersign_core::decision::{self, SignedDecision};
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, ActionKey, AuthenticatorId, CredentialKey};
use countersign_core::inbox::Offer;
use countersign_core::nonce::{Nonce, Purpose};
use countersign_core::policy::WAIT_MS_MAX;
use countersign_core::possession;
use countersign_core::refusal::Refusal;
use countersign_core::signature::{InvalidSignature, PublicKey};
use countersign_core::time::UnixMillis;

use super::Engine;
use crate::actors::device::{Bind, Look};
use crate::error::{Error, Misbehaviour};
use crate::shared::Shared;
use crate::telemetry::{self, Waiting};

/// A nonce that was given out.
#[derive(Clone)]
pub struct Handout {
    /// What to sign.
    pub nonce: Nonce,
    /// What to name it by, where it has to be named.
    pub handle: String,
}

/// What a device is shown.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The binding that may answer; the newest one where nothing is pending.
    pub binding: Device,
    /// The newest challenge that is pending.
    pub offer: Option<Offer>,
    /// Whether the read was signed over one of the nonces.
    pub signed: bool,
    /// Whether the poll was not allowed to wait, since too many wait.
    pub crowded: bool,
}

impl Engine {
    /// Binds a key to an account, for a token of one of the account's actions.
    ///
    /// # Errors
    /// [`Error::Refused`].
    pub async fn enroll(
        &self,
        account: &AccountKey,
        action: ActionKey,
        enroll: Enroll,
    ) -> Result<Device, Error> {
        let key =
            CredentialKey { tenant: account.tenant.clone(), thumbprint: enroll.key.thumbprint() };
        let fresh_id = AuthenticatorId::from_entropy(self.shared.entropy.bytes());
        let account = account.clone();
        self.shared.bind(&key, |reply| Bind { account, action, enroll, fresh_id, reply }).await
    }

    /// The newest binding of a credential.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if it has none.
    pub async fn credential(&self, key: &CredentialKey) -> Result<Device, Error> {
        let newest = self.shared.device(key, |known| known.bindings().first().cloned()).await?;
        Ok(newest.ok_or(Misbehaviour::UnknownCredential)?)
    }

    /// Gives out a nonce to a credential.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the credential is not known.
    pub async fn nonce(&self, key: &CredentialKey, purpose: Purpose) -> Result<Handout, Error> {
        let nonce = Nonce::from_entropy(&self.shared.entropy.bytes());
        // A handle of its own length: it is no challenge id.
        let handle = URL_SAFE_NO_PAD.encode(self.shared.entropy.bytes::<16>());
        let handout = Handout { nonce, handle };
        let given = handout.clone();
        self.shared
            .device(key, move |known| known.issue_nonce(given.nonce, given.handle, purpose))
            .await?;
        Ok(handout)
    }

    /// What is pending for a credential, at the latest after `wait_ms` and at once when there is
    /// something. A signature that is not over one of the nonces makes the read an unsigned one.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the credential is not known.
    pub async fn pending(
        &self,
        key: &CredentialKey,
        signature: Option<Vec<u8>>,
        wait_ms: u64,
    ) -> Result<Pending, Error> {
        let used = match signature {
            Some(signature) => self.signed_nonce(key, signature).await?,
            None => None,
        };
        let place = self.shared.place_to_wait(wait_ms);
        let wait = place.is_some();
        let looked = self.shared.device(key, move |known| {
            let signed = used.is_some_and(|nonce| known.consume_nonce(&nonce));
            known.look(wait).map(|look| (look, signed))
        });
        let (look, signed) = looked.await?.ok_or(Misbehaviour::UnknownCredential)?;
        let Look { binding, offer, news } = look;
        let Some(news) = news else {
            let crowded = wait_ms > 0 && offer.is_none();
            return Ok(seen(Pending { binding, offer, signed, crowded }));
        };
        let waiting = Waiting::on("device");
        let wait = Duration::from_millis(wait_ms.min(WAIT_MS_MAX));
        let woken = matches!(tokio::time::timeout(wait, news).await, Ok(Ok(())));
        drop(waiting);
        if !woken {
            return Ok(Pending { binding, offer, signed, crowded: false });
        }
        let look = self.shared.device(key, |known| known.look(false)).await?;
        let Look { binding, offer, .. } = look.ok_or(Misbehaviour::UnknownCredential)?;
        Ok(seen(Pending { binding, offer, signed, crowded: false }))
    }

    /// A device answers a challenge. `arrived_at` is when the request came in. The answer is given
    /// once the outcome is recorded.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for an unknown credential or a signature that does not verify;
    /// [`Error::Refused`] if the challenge is not one that this credential may answer.
    pub async fn decide(
        &self,
        key: &CredentialKey,
        signed: SignedDecision,
        arrived_at: UnixMillis,
    ) -> Result<Ended, Error> {
        let id = signed.challenge.clone();
        let asked = self.shared.device(key, move |known| {
            let account = known.offer(&id).map(|o| o.challenge.account.clone());
            let bindings = known.bindings().to_vec();
            (known.bindings().first().map(|b| b.key.clone()), bindings, account)
        });
        let (public_key, bindings, account) = asked.await?;
        let public_key = public_key.ok_or(Misbehaviour::UnknownCredential)?;
        let checked = self.shared.verifier.check(decision::check(&public_key, &signed)).await?;
        let verified = checked.and_then(|proof| decision::proven(signed, &proof));
        let decision = verified.map_err(|InvalidSignature| refused("decision"))?;
        counter!(telemetry::DECISIONS_VERIFIED).increment(1);
        let account = match account {
            Some(account) => account,
            // Not pending any more, or never for this key: its record says whose it is.
            None => {
                let watched = self.shared.watch(&key.tenant, decision.challenge(), false).await?;
                watched.challenge.account
            }
        };
        let binding = bindings.into_iter().find(|b| b.account == account);
        let by = binding.ok_or(Refusal::ChallengeUnknown)?.id;
        self.shared.decide(&key.tenant, decision, by, arrived_at).await
    }

    /// Records news about a credential, signed over the nonce that was given out under `handle`.
    /// Every binding of the key is refreshed; the answer is the newest.
    ///
    /// # Errors
    /// [`Error::Misbehaved`].
    pub async fn refresh(
        &self,
        key: &CredentialKey,
        handle: String,
        signature: Vec<u8>,
        refresh: Refresh,
    ) -> Result<Device, Error> {
        let asked = self.shared.device(key, move |known| {
            (known.take_update_nonce(&handle), known.bindings().to_vec())
        });
        let (nonce, bindings) = asked.await?;
        let nonce = nonce.ok_or(Misbehaviour::UnknownNonce)?;
        let public_key = first_key(&bindings)?;
        let check = possession::check_nonce(public_key, &[nonce], signature);
        let checked = self.shared.verifier.check(check).await?;
        checked.map_err(|InvalidSignature| refused("update"))?;
        let mut newest = None;
        for binding in bindings {
            let refresh = refresh.clone();
            let refreshed = self.shared.account(&binding.account, move |w| {
                Box::pin(async move { w.refresh(&binding.id, &refresh).await })
            });
            let refreshed = refreshed.await?;
            newest.get_or_insert(refreshed);
        }
        Ok(newest.ok_or(Misbehaviour::UnknownCredential)?)
    }

    /// Removes every binding of a credential, signed over the number of the time window. The answer
    /// is the newest of them.
    ///
    /// # Errors
    /// [`Error::Misbehaved`].
    pub async fn remove_credential(
        &self,
        key: &CredentialKey,
        signature: Vec<u8>,
    ) -> Result<AuthenticatorId, Error> {
        let bindings = self.shared.device(key, |known| known.bindings().to_vec()).await?;
        let public_key = first_key(&bindings)?;
        let now = self.shared.clock.now();
        let check = possession::check_removal(public_key, now, signature);
        let checked = self.shared.verifier.check(check).await?;
        checked.map_err(|InvalidSignature| refused("removal"))?;
        let newest = bindings.first().map(|b| b.id.clone());
        // Seen to its end even if the app leaves, which deletes its key whatever it is told.
        let removed = tokio::spawn(remove_all(self.shared.clone(), bindings));
        removed.await.unwrap_or_else(|_| Err(Error::lost()))?;
        Ok(newest.ok_or(Misbehaviour::UnknownCredential)?)
    }

    /// The nonce that a read was signed over, if it was over one that is outstanding.
    async fn signed_nonce(
        &self,
        key: &CredentialKey,
        signature: Vec<u8>,
    ) -> Result<Option<Nonce>, Error> {
        let asked = self.shared.device(key, |known| {
            (known.bindings().first().map(|b| b.key.clone()), known.readable_nonces())
        });
        let (public_key, nonces) = asked.await?;
        let public_key = public_key.ok_or(Misbehaviour::UnknownCredential)?;
        let check = possession::check_nonce(public_key, &nonces, signature);
        let checked = self.shared.verifier.check(check).await?;
        let nonce = checked.ok().and_then(|proof| nonces.get(proof.index()).cloned());
        if nonce.is_none() {
            refused("read");
        }
        Ok(nonce)
    }
}

async fn remove_all(shared: Arc<Shared>, bindings: Vec<Device>) -> Result<(), Error> {
    for binding in bindings {
        let removed = shared.account(&binding.account, move |w| {
            Box::pin(async move { w.remove_device(&binding.id).await })
        });
        match removed.await {
            // Removed meanwhile by somebody else.
            Ok(_) | Err(Error::Refused(Refusal::AuthenticatorUnknown)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn first_key(bindings: &[Device]) -> Result<PublicKey, Error> {
    let first = bindings.first().ok_or(Misbehaviour::UnknownCredential)?;
    Ok(first.key.clone())
}

fn refused(purpose: &'static str) -> Error {
    counter!(telemetry::SIGNATURES_REFUSED, "for" => purpose).increment(1);
    Misbehaviour::InvalidSignature.into()
}

fn seen(pending: Pending) -> Pending {
    if pending.offer.is_some() {
        counter!(telemetry::CHALLENGES_SEEN).increment(1);
    }
    pending
}

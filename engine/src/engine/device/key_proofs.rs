//! Calls of a device that has proven possession of its key: open a session, update its credential,
//! remove it.

use std::sync::Arc;

use countersign_core::account::Refresh;
use countersign_core::device::{Device, Signing};
use countersign_core::id::{AuthenticatorId, CredentialKey};
use countersign_core::nonce::{Nonce, Purpose};
use countersign_core::possession::{self, RemovalProof, UpdateProof};
use countersign_core::refusal::Refusal;
use countersign_core::signature::InvalidSignature;
use countersign_core::statement::{Digest, Statement};

use super::{refused, wanted};
use crate::account::AccountWriter;
use crate::actors::Shared;
use crate::engine::Engine;
use crate::error::{Error, Misbehaviour};

impl Engine {
    /// Checks a signature over the statement that opens a device session. Returns the binding that
    /// the session belongs to; the session ends with that binding.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for an unknown credential, another signing mode, an unknown nonce, or
    /// a signature that does not verify.
    pub async fn open_session(
        &self,
        key: &CredentialKey,
        nonce: Nonce,
        signature: Vec<u8>,
    ) -> Result<AuthenticatorId, Error> {
        let CredentialKey { tenant, thumbprint } = key;
        let statement = Statement::Session { tenant, key: *thumbprint, nonce: &nonce };
        let bindings = self.stated(key, &nonce, &statement, signature, "session").await?;
        let first = bindings.into_iter().next().ok_or(Misbehaviour::UnknownCredential)?;
        Ok(first.id.clone())
    }

    /// Records new data of a credential, such as its push token, in all bindings that have a place
    /// at the key. Returns the first binding.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for an unknown credential, another signing mode, an unknown nonce, or
    /// a signature that does not verify.
    pub async fn refresh(
        &self,
        key: &CredentialKey,
        by: UpdateProof,
        refresh: Refresh,
    ) -> Result<Arc<Device>, Error> {
        let bindings = match by {
            UpdateProof::Official { handle, signature } => {
                self.signed_update(key, handle, signature).await?
            }
            UpdateProof::Statement { nonce, signature } => {
                let push_token = refresh.push_token.as_ref().map(|t| Digest::of(t.reveal()));
                let CredentialKey { tenant, thumbprint } = key;
                let (print, nonce) = (*thumbprint, &nonce);
                let statement = Statement::Update { tenant, key: print, nonce, push_token };
                self.stated(key, nonce, &statement, signature, "update").await?
            }
        };
        let mut first = None;
        for binding in bindings {
            let (id, refresh) = (binding.id.clone(), refresh.clone());
            let refresh = async move |w: &mut AccountWriter| w.refresh(&id, &refresh).await;
            let refreshed = self.shared.account(&binding.account, refresh).await?;
            first.get_or_insert(refreshed);
        }
        Ok(first.ok_or(Misbehaviour::UnknownCredential)?)
    }

    /// Removes every binding of a credential, and returns the id of the first one.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for an unknown credential, another signing mode, an unknown nonce, or
    /// a signature that does not verify.
    pub async fn remove_credential(
        &self,
        key: &CredentialKey,
        by: RemovalProof,
    ) -> Result<AuthenticatorId, Error> {
        let bindings = match by {
            RemovalProof::Official(signature) => self.signed_removal(key, signature).await?,
            RemovalProof::Statement { nonce, signature } => {
                let CredentialKey { tenant, thumbprint } = key;
                let statement = Statement::Remove { tenant, key: *thumbprint, nonce: &nonce };
                self.stated(key, &nonce, &statement, signature, "removal").await?
            }
        };
        let first = bindings.first().map(|b| b.id.clone());
        // The store also returns the bindings that have no place at the key.
        let bindings = self.shared.ports.store.devices_of_key(key).await?;
        // The task runs to its end even if the app disconnects, because the app deletes its key
        // whatever the response is.
        let removed = tokio::spawn(remove_all(self.shared.clone(), bindings));
        removed.await.unwrap_or_else(|_| Err(Error::lost()))?;
        Ok(first.ok_or(Misbehaviour::UnknownCredential)?)
    }

    /// Checks a signature over a statement, consumes the statement's nonce, and returns the key's
    /// bindings.
    async fn stated(
        &self,
        key: &CredentialKey,
        nonce: &Nonce,
        statement: &Statement<'_>,
        signature: Vec<u8>,
        purpose: &'static str,
    ) -> Result<Vec<Arc<Device>>, Error> {
        let keys = self.shared.credential(key, |state| {
            state.check_signing(Signing::StatementV1)?;
            Ok(state.keys())
        });
        let keys = keys.await?;
        let wanted = wanted(&keys, &signature);
        let check = |key| possession::check_statement(key, statement, signature.clone());
        let checked = self.check_with(keys, check).await?;
        checked.map_err(|InvalidSignature| refused(purpose, wanted))?;
        self.use_up(key, nonce.clone()).await
    }

    async fn signed_update(
        &self,
        key: &CredentialKey,
        handle: String,
        signature: Vec<u8>,
    ) -> Result<Vec<Arc<Device>>, Error> {
        let named = self.shared.credential(key, move |state| {
            state.check_signing(Signing::ChallengeId)?;
            let nonce = state.named_nonce(&handle).ok_or(Misbehaviour::UnknownNonce)?;
            Ok((state.keys(), [nonce]))
        });
        let (keys, nonce) = named.await?;
        let wanted = wanted(&keys, &signature);
        let check = |key| possession::check_nonce(key, &nonce, Purpose::Update, signature.clone());
        let checked = self.check_with(keys, check).await?;
        checked.map_err(|InvalidSignature| refused("update", wanted))?;
        let [nonce] = nonce;
        self.use_up(key, nonce).await
    }

    async fn signed_removal(
        &self,
        key: &CredentialKey,
        signature: Vec<u8>,
    ) -> Result<Vec<Arc<Device>>, Error> {
        let bound = self.shared.credential(key, |state| {
            state.check_signing(Signing::ChallengeId)?;
            Ok((state.keys(), state.inbox.bindings().to_vec()))
        });
        let (keys, bindings) = bound.await?;
        // The wall clock is used, because the device has signed the time of its own clock.
        let wall = self.shared.ports.clock.wall();
        let wanted = wanted(&keys, &signature);
        let check = |key| possession::check_removal(key, wall, signature.clone());
        let checked = self.check_with(keys, check).await?;
        checked.map_err(|InvalidSignature| refused("removal", wanted))?;
        Ok(bindings)
    }

    /// Consumes a nonce over which a valid signature was made, and returns the key's bindings. If
    /// two requests with the same nonce come at the same time, one is refused. Only the holder of
    /// the key can consume a nonce, because the signature is checked first.
    async fn use_up(&self, key: &CredentialKey, nonce: Nonce) -> Result<Vec<Arc<Device>>, Error> {
        let used = self.shared.credential(key, move |state| {
            let used = state.consume_nonce(&nonce);
            used.then(|| state.inbox.bindings().to_vec()).ok_or(Misbehaviour::UnknownNonce)
        });
        used.await
    }
}

async fn remove_all(shared: Arc<Shared>, bindings: Vec<Device>) -> Result<(), Error> {
    for binding in bindings {
        let remove = async move |w: &mut AccountWriter| w.remove_device(&binding.id).await;
        match shared.account(&binding.account, remove).await {
            // Another call has removed the binding meanwhile.
            Ok(_) | Err(Error::Refused(Refusal::AuthenticatorUnknown)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

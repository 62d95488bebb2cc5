//! Calls of the app that holds a key.

mod decide;
mod key_proofs;
mod read;
mod tickets;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use metrics::counter;

use countersign_core::account::{Enroll, Grant};
use countersign_core::device::{Device, Signing};
use countersign_core::id::{AccountKey, AuthenticatorId, CredentialKey};
use countersign_core::nonce::{Handout, Nonce};
use countersign_core::possession::{self, EnrollmentProof};
use countersign_core::refusal::Refusal;
use countersign_core::signature::{Check, InvalidSignature, Proof, PublicKey, SignatureFormat};

pub use read::{Pending, Reader};
pub use tickets::{HeldTicket, TicketWish};

use super::Engine;
pub use crate::actors::credential::{Crowded, Enrolled};

use crate::actors::credential::Bind;
use crate::error::{Error, Misbehaviour};
use crate::telemetry;

impl Engine {
    /// Binds a key to an account, for a token of one of the account's actions. A key that is to
    /// sign statements does so for all its users once this has returned.
    ///
    /// # Errors
    /// [`Error::Refused`], or [`Error::Misbehaved`] for a proof that does not verify.
    pub async fn enroll(
        &self,
        account: &AccountKey,
        grant: Grant,
        mut enroll: Enroll,
        proof: Option<EnrollmentProof>,
    ) -> Result<Enrolled, Error> {
        let tenant = &account.tenant;
        if let Some(EnrollmentProof { signature, token }) = proof {
            let wanted = wanted(std::slice::from_ref(&enroll.key), &signature);
            let check = possession::check_enrollment(enroll.key.clone(), tenant, token, signature);
            let checked = self.verifier.check(check).await?;
            let proven = checked.and_then(|p| possession::proven_enrollment(tenant, token, &p));
            let proven = proven.map_err(|InvalidSignature| refused("enrollment", wanted));
            enroll.possession = Some(proven?);
        }
        let key = CredentialKey { tenant: tenant.clone(), thumbprint: enroll.key.thumbprint() };
        let account = account.clone();
        let bind = |reply| Bind { account, grant, enroll, reply };
        let enrolled = self.shared.bind(&key, bind).await?;
        self.raise_others(&key, &enrolled.device).await?;
        Ok(enrolled)
    }

    /// The key's signing mode holds for all its users, also for those without a place.
    async fn raise_others(&self, key: &CredentialKey, device: &Device) -> Result<(), Error> {
        let signing = device.signing;
        if signing == Signing::ChallengeId {
            return Ok(());
        }
        let bound = self.shared.ports.store.devices_of_key(key).await?;
        for other in bound.into_iter().filter(|other| other.signing < signing) {
            let raised = self
                .shared
                .account(&other.account, async move |w| w.raise_signing(&other.id, signing).await);
            match raised.await {
                // Removed meanwhile.
                Ok(()) | Err(Error::Refused(Refusal::AuthenticatorUnknown)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Gives the first binding of a credential, with the key's signing mode. `session` is the
    /// binding of a device session. A caller who only knows the key learns nothing of one that
    /// signs statements.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if it has none, or signs statements and there is no session, or that
    /// is over.
    pub async fn credential(
        &self,
        key: &CredentialKey,
        session: Option<AuthenticatorId>,
    ) -> Result<Device, Error> {
        let first = self.shared.credential(key, move |state| {
            match session {
                Some(binding) => state.check_session(&binding)?,
                None => state
                    .check_signing(Signing::ChallengeId)
                    .map_err(|_| Misbehaviour::UnknownCredential)?,
            }
            let first = state.inbox.bindings().first().ok_or(Misbehaviour::UnknownCredential)?;
            Ok(Device { signing: state.inbox.signing(), ..Device::clone(first) })
        });
        first.await
    }

    /// Gives out a nonce to a credential that signs as `signing` says.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the credential is not known, or signs something else.
    pub async fn nonce(&self, key: &CredentialKey, signing: Signing) -> Result<Handout, Error> {
        let nonce = Nonce::from_entropy(&self.shared.ports.entropy.bytes());
        // A handle of its own length: it is no challenge id.
        let handle = URL_SAFE_NO_PAD.encode(self.shared.ports.entropy.bytes::<16>());
        let fresh = Handout { nonce, handle };
        let given = self.shared.credential(key, move |state| {
            state.check_signing(signing)?;
            Ok(state.issue_nonce(fresh))
        });
        given.await
    }

    /// Has a signature checked with a key in each of the formats that it is bound with.
    async fn check_with(
        &self,
        keys: Vec<PublicKey>,
        check: impl Fn(PublicKey) -> Check + Send,
    ) -> Result<Result<Proof, InvalidSignature>, Error> {
        for key in keys {
            let checked = self.verifier.check(check(key)).await?;
            if checked.is_ok() {
                return Ok(checked);
            }
        }
        Ok(Err(InvalidSignature))
    }
}

/// The format that a signature should have had, where it has the shape of another: none of the keys
/// that it may be of takes that.
fn wanted(keys: &[PublicKey], signature: &[u8]) -> Option<SignatureFormat> {
    let format = keys.first()?.format();
    keys.iter().all(|key| key.is_misshapen(signature)).then_some(format)
}

fn refused(purpose: &'static str, wanted: Option<SignatureFormat>) -> Error {
    counter!(telemetry::SIGNATURES_REFUSED, "for" => purpose).increment(1);
    wanted.map_or(Misbehaviour::InvalidSignature, Misbehaviour::OtherFormat).into()
}

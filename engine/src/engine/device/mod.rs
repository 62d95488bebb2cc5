//! Calls of an app with its key.

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
    /// Binds a key to an account. The grant comes from a token of one of the account's actions. If
    /// the key is enrolled for statements, it signs statements for all of its users once this call
    /// has returned.
    ///
    /// # Errors
    /// [`Error::Refused`] if the grant or a rule of the key does not allow the enrollment, or
    /// [`Error::Misbehaved`] for a proof that does not verify.
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

    /// Raises the key's other bindings to the signing mode of `device`, because one mode holds for
    /// all users of a key, also for bindings without a place.
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
                // The binding was removed meanwhile.
                Ok(()) | Err(Error::Refused(Refusal::AuthenticatorUnknown)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the first binding of a credential, with the key's signing mode. `session` is the
    /// binding of the caller's device session. Without a session, a key that signs statements gets
    /// the same error as an unknown key, so that a caller who only knows the public key finds out
    /// nothing.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the credential has no binding, if it signs statements and there is
    /// no session, or if the session is over.
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

    /// Issues a nonce for a credential whose signing mode is `signing`.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] if the credential is not known, or has another signing mode.
    pub async fn nonce(&self, key: &CredentialKey, signing: Signing) -> Result<Handout, Error> {
        let nonce = Nonce::from_entropy(&self.shared.ports.entropy.bytes());
        // The handle is shorter than a challenge id, so that nobody can take it for one.
        let handle = URL_SAFE_NO_PAD.encode(self.shared.ports.entropy.bytes::<16>());
        let fresh = Handout { nonce, handle };
        let given = self.shared.credential(key, move |state| {
            state.check_signing(signing)?;
            Ok(state.issue_nonce(fresh))
        });
        given.await
    }

    /// Checks a signature with each of `keys`, which are one key in several signature formats,
    /// until a check succeeds. If none succeeds, the result is [`InvalidSignature`].
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

/// Returns the expected signature format, if the signature has the shape of another format that
/// none of the keys accepts. Returns `None` if at least one key accepts the shape.
fn wanted(keys: &[PublicKey], signature: &[u8]) -> Option<SignatureFormat> {
    let format = keys.first()?.format();
    keys.iter().all(|key| key.is_misshapen(signature)).then_some(format)
}

fn refused(purpose: &'static str, wanted: Option<SignatureFormat>) -> Error {
    counter!(telemetry::SIGNATURES_REFUSED, "for" => purpose).increment(1);
    wanted.map_or(Misbehaviour::InvalidSignature, Misbehaviour::OtherFormat).into()
}

//! A phone: an official app, or a device that signs statements.

use clap::ValueEnum;
use countersign_client::wire::secret::Secret;
use countersign_client::{
    Choice, ClientError, Device, Dialect, Enrollment, Http, Prompt, SoftwareKey, StatementDevice,
};
use countersign_core::outcome::Decision;
use countersign_core::signature::{Algorithm, SignatureFormat};
use serde::Serialize;

use crate::client::target::Target;

/// Protocol that a phone speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PhoneKind {
    /// The official Android app: P-256, signed reads.
    Android,
    /// The official iOS app: P-256, signed reads.
    Ios,
    /// `statement-v1`: Ed25519, reads with a device session.
    Statement,
}

impl PhoneKind {
    /// Returns the algorithm of the phone's key.
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::Android | Self::Ios => Algorithm::Es256,
            Self::Statement => Algorithm::Ed25519,
        }
    }
}

/// A phone with its key.
#[derive(Clone, Debug)]
pub enum Phone {
    /// An official app.
    Official(Device),
    /// A device that signs statements.
    Statement(StatementDevice),
}

/// The pending challenge as the phone reads it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The challenge's id.
    pub challenge: String,
    /// The number that the browser shows; `None` if an approval needs none.
    pub number: Option<Secret>,
    /// The prompt that the decision signs; `None` for an official app.
    pub(super) prompt: Option<Box<Prompt>>,
}

impl Phone {
    /// Creates a phone of this kind, with this key.
    ///
    /// # Errors
    /// [`ClientError::Input`] for an invalid address or tenant.
    pub fn new(
        phone_kind: PhoneKind,
        http: &Http,
        target: &Target,
        key: SoftwareKey,
    ) -> Result<Self, ClientError> {
        let (http, base, tenant) = (http.clone(), &target.base, &target.tenant);
        let official = |dialect, http, key| Device::new(http, base, tenant, dialect, key);
        Ok(match phone_kind {
            PhoneKind::Android => Self::Official(official(Dialect::Android, http, key)?),
            PhoneKind::Ios => Self::Official(official(Dialect::Ios, http, key)?),
            PhoneKind::Statement => {
                let format = SignatureFormat::Raw;
                Self::Statement(StatementDevice::new(http, base, tenant, format, key)?)
            }
        })
    }

    /// Returns the phone's key.
    pub const fn key(&self) -> &SoftwareKey {
        match self {
            Self::Official(device) => device.key(),
            Self::Statement(device) => device.key(),
        }
    }

    /// Enrolls the key for the user to whom the token belongs.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn enroll(&self, token: &str) -> Result<(), ClientError> {
        let enrollment = Enrollment { name: Some("Pixel 10".to_owned()), push_token: None };
        match self {
            Self::Official(device) => device.enroll(token, &enrollment).await?,
            Self::Statement(device) => device.enroll(token, &enrollment).await?,
        };
        Ok(())
    }

    /// Reads the newest pending challenge. If there is none, the server waits for one for up to
    /// `wait` seconds. Returns `None` if there is still none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pending(&self, wait: Option<u64>) -> Result<Option<Seen>, ClientError> {
        let read = match self {
            Self::Official(device) => device.pending(true, wait).await?,
            Self::Statement(device) => device.pending(wait).await?,
        };
        let Some(newest) = read.challenges.first() else { return Ok(None) };
        let prompt = match self {
            Self::Official(_) => None,
            Self::Statement(_) => {
                let unreadable = |error: countersign_client::Unreadable| {
                    ClientError::Protocol(error.to_string())
                };
                Some(Box::new(Prompt::try_from(newest).map_err(unreadable)?))
            }
        };
        Ok(Some(Seen { challenge: newest.challenge_id.clone(), number: None, prompt }))
    }

    /// Signs and sends an approval or a denial.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn answer(&self, seen: &Seen, approve: bool) -> Result<(), ClientError> {
        let number = seen.number.as_ref().filter(|_| approve).map(Secret::reveal);
        match (self, &seen.prompt) {
            (Self::Statement(device), Some(prompt)) => {
                let decision = if approve { Decision::Approve } else { Decision::Deny };
                let shown_action = prompt.display().action().to_owned();
                let choice = Choice { shown_action: &shown_action, decision, number };
                device.answer(prompt, &choice).await?;
            }
            (Self::Official(device), _) => {
                device.answer(&seen.challenge, approve, number).await?;
            }
            (Self::Statement(_), None) => {
                return Err(ClientError::Input("this was read by another kind of phone"));
            }
        }
        Ok(())
    }
}

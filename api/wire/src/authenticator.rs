//! Bodies about a user's authenticators.

use countersign_core::device::Device;
use serde::{Deserialize, Serialize};

use crate::field::text;
use crate::names::{Platform, VerificationMethod};
use crate::time::Iso8601;

/// Body of `POST /client/user-authenticators/remove`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveAuthenticatorRequest {
    /// Id of the authenticator to remove.
    pub user_authenticator_id: String,
}

/// One authenticator in a response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthenticatorItem {
    /// The user's id. Only responses to the relying party's backend have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The authenticator's id.
    pub user_authenticator_id: String,
    /// Method by which the authenticator confirms.
    pub verification_method: VerificationMethod,
    /// Time at which the key was first enrolled for the user.
    pub created_at: Iso8601,
    /// Time at which the key was last enrolled for the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Iso8601>,
    /// Time at which the server last accepted a signature by the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_verified_at: Option<Iso8601>,
    /// E-mail address of the authenticator. An enrolled device has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Phone number of the authenticator. An enrolled device has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// The name that the person gave to the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Platform of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_platform: Option<Platform>,
}

impl From<&Device> for AuthenticatorItem {
    /// Converts a device to the item that the relying party's backend receives.
    fn from(device: &Device) -> Self {
        Self {
            user_id: Some(device.account.user.as_str().to_owned()),
            user_authenticator_id: device.id.as_str().to_owned(),
            verification_method: VerificationMethod::Push,
            created_at: device.created_at.into(),
            verified_at: Some(device.verified_at.into()),
            last_verified_at: device.last_verified_at.map(Iso8601::from),
            email: None,
            phone_number: None,
            display_name: text(device.name.as_ref()),
            device_platform: device.platform.map(Platform::from),
        }
    }
}

impl AuthenticatorItem {
    /// Converts the item to the form for a browser: without the user, and with the e-mail address
    /// and the phone number masked, so that only their owner recognizes them.
    #[must_use]
    pub fn for_client(self) -> Self {
        Self {
            user_id: None,
            email: self.email.map(|e| masked_email(&e)),
            phone_number: self.phone_number.map(|p| masked_phone(&p)),
            ..self
        }
    }
}

/// Masks an e-mail address: `ann@example.com` becomes `a***@example.com`.
fn masked_email(email: &str) -> String {
    let (name, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = name.chars().take(1).collect();
    let at = if domain.is_empty() { "" } else { "@" };
    format!("{first}***{at}{domain}")
}

/// Masks a phone number: `+447700900123` becomes `***0123`. A number of fewer than 8 characters is
/// hidden completely.
fn masked_phone(phone: &str) -> String {
    let count = phone.chars().count();
    let shown = if count >= 8 { 4 } else { 0 };
    let last: String = phone.chars().skip(count - shown).collect();
    format!("***{last}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_number_are_masked() {
        assert_eq!(masked_email("ann@example.com"), "a***@example.com");
        assert_eq!(masked_email("é"), "é***");
        assert_eq!(masked_phone("+447700900123"), "***0123");
        assert_eq!(masked_phone("1234567"), "***");
        assert_eq!(masked_phone(""), "***");
    }
}

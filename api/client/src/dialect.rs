//! The ways in which a device can speak to a server, and the differences of the two mobile SDKs.

use countersign_core::device::Signing;
use countersign_core::signature::SignatureFormat;
use countersign_wire::names::DevicePlatform;
use countersign_wire::{basic, publickey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ClientError;

/// A device's protocol, and its signing mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// A device like an official SDK, which signs challenge ids.
    Official(Dialect),
    /// A device that signs statements, with signatures of that format.
    Statement(SignatureFormat),
}

impl Manner {
    /// Gives the signing mode of this protocol.
    #[must_use]
    pub const fn signing(self) -> Signing {
        match self {
            Self::Official(_) => Signing::ChallengeId,
            Self::Statement(_) => Signing::StatementV1,
        }
    }
}

/// The SDK that a device speaks as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Padded base64, indented bodies, `null` for a number that is absent.
    #[default]
    Android,
    /// base64url without padding, compact bodies, absent fields left out.
    Ios,
}

impl Dialect {
    /// The SDK's name for itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
        }
    }

    pub(crate) const fn sdk_version(self) -> &'static str {
        match self {
            Self::Android => "4.3.0",
            Self::Ios => "2.13.0",
        }
    }

    pub(crate) const fn user_agent(self) -> &'static str {
        match self {
            Self::Android => "Mozilla/5.0 (Linux; Android 16) AuthsignalAndroidSDK/4.3.0",
            Self::Ios => "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0) AuthsignalIOSSDK/2.13.0",
        }
    }

    pub(crate) const fn platform(self) -> DevicePlatform {
        match self {
            Self::Android => DevicePlatform::Android,
            Self::Ios => DevicePlatform::Ios,
        }
    }

    pub(crate) fn basic(self, tenant: &str) -> String {
        match self {
            Self::Android => basic::encode_standard(tenant),
            Self::Ios => basic::encode_url(tenant),
        }
    }

    /// The public key as a query string. Android sends its padding raw.
    pub(crate) fn query(self, spki: &[u8]) -> String {
        let text = match self {
            Self::Android => publickey::encode_query_android(spki),
            Self::Ios => publickey::encode_query_ios(spki),
        };
        format!("publicKey={text}")
    }

    /// Writes a body. `explicit_null` names a field that Android sends also where it is absent.
    pub(crate) fn body(
        self,
        body: &impl Serialize,
        explicit_null: Option<&str>,
    ) -> Result<Vec<u8>, ClientError> {
        let wrong = |e: serde_json::Error| ClientError::Protocol(e.to_string());
        let mut body = serde_json::to_value(body).map_err(wrong)?;
        match self {
            Self::Android => {
                if let (Some(field), Some(object)) = (explicit_null, body.as_object_mut()) {
                    object.entry(field).or_insert(Value::Null);
                }
                serde_json::to_vec_pretty(&body).map_err(wrong)
            }
            Self::Ios => serde_json::to_vec(&body).map_err(wrong),
        }
    }
}

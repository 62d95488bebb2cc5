//! Protocols of devices, and the differences between the two official mobile SDKs.

use countersign_core::device::Signing;
use countersign_core::signature::SignatureFormat;
use countersign_wire::names::DevicePlatform;
use countersign_wire::{basic, publickey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::ClientError;

/// Protocol of a device, which includes its signing mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Protocol of an official SDK. The device signs challenge ids.
    Official(Dialect),
    /// Protocol of a device that signs statements, with signatures in the given format.
    Statement(SignatureFormat),
}

impl Manner {
    /// Returns the signing mode of this protocol.
    #[must_use]
    pub const fn signing(self) -> Signing {
        match self {
            Self::Official(_) => Signing::ChallengeId,
            Self::Statement(_) => Signing::StatementV1,
        }
    }
}

/// The official SDK whose encodings a device uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Android: padded base64, indented bodies, and `null` for an absent number.
    #[default]
    Android,
    /// iOS: unpadded base64url and compact bodies. Absent fields are left out.
    Ios,
}

impl Dialect {
    /// Returns the name that the SDK sends about itself.
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

    /// Encodes the public key as a query string. Android does not escape its padding.
    pub(crate) fn query(self, spki: &[u8]) -> String {
        let text = match self {
            Self::Android => publickey::encode_query_android(spki),
            Self::Ios => publickey::encode_query_ios(spki),
        };
        format!("publicKey={text}")
    }

    /// Encodes a body. `explicit_null` names a field that Android sends as `null` if it is absent.
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

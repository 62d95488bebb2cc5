//! Bodies of an enrollment, and of a read of an enrolled credential.

use countersign_core::account::Enroll;
use countersign_core::device::{Device, Signing};
use countersign_core::policy::DEVICE_NAME_BYTES_MAX;
use countersign_core::possession::EnrollmentProof;
use countersign_core::signature::SignatureFormat;
use countersign_core::statement::Digest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::push_token;
use crate::InvalidField;
use crate::field;
use crate::names::DevicePlatform;
use crate::publickey::{PresentedKey, decode_signature_of};
use crate::secret::Secret;
use crate::time::Iso8601;

/// Body of `POST /client/user-authenticators/push`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnrollRequest {
    /// The device's public key, in the encoding for bodies.
    pub public_key: String,
    /// The name that the person gave to the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
    /// Platform of the app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_platform: Option<DevicePlatform>,
    /// Token of the push notification provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub push_token: Option<Secret>,
    /// `es256` or `ed25519`. If absent, the server derives the algorithm from the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// `der`, `p1363` or `raw`. The default is `der` for ES256, and `raw` for Ed25519.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature_format: Option<String>,
    /// `challenge-id` or `statement-v1`. The default is `challenge-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signing: Option<String>,
    /// Proof of possession: a signature over the enrollment's statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<Secret>,
    /// The platform's attestation of the app. The server neither checks nor stores it, and says so
    /// in the response.
    #[serde(skip_serializing)]
    pub perform_attestation: Option<IgnoredAny>,
}

impl EnrollRequest {
    /// Checks every field. The returned enrollment grants no rights yet; the caller has to add
    /// those of the bearer. `bearer` is the digest of the request's token or ticket, which the
    /// proof covers.
    ///
    /// # Errors
    /// [`InvalidField`].
    pub fn into_core(
        self,
        bearer: Digest,
    ) -> Result<(Enroll, Option<EnrollmentProof>), InvalidField> {
        let presented = PresentedKey::from_body(&self.public_key)?;
        let algorithm = presented.algorithm();
        if self.algorithm.is_some_and(|name| name != algorithm.name()) {
            return Err(InvalidField::new("algorithm", "must be the algorithm of publicKey"));
        }
        let wrong = || {
            let names: Vec<_> = algorithm.formats().iter().map(|f| f.name()).collect();
            let rule = format!("must be {} for {}", names.join(" or "), algorithm.name());
            InvalidField::new("signatureFormat", rule)
        };
        let key = match self.signature_format.as_deref() {
            None => presented.parse(),
            Some(name) => {
                let format = SignatureFormat::from_name(name);
                let format = format.filter(|f| algorithm.formats().contains(f));
                presented.parse_with(format.ok_or_else(wrong)?)
            }
        };
        let proof = self.proof.as_ref().map(|p| decode_signature_of("proof", p.reveal()));
        let key = key.map_err(|e| InvalidField::new("publicKey", e.to_string()))?;
        let enroll = Enroll {
            // The name is cleaned and never rejected, because a person or the platform wrote it and
            // the app cannot correct it.
            name: field::cleaned(self.device_name.as_deref(), DEVICE_NAME_BYTES_MAX),
            platform: self.device_platform.map(Into::into),
            push_token: push_token(self.push_token.as_ref())?,
            signing: signing(self.signing.as_deref())?,
            ..Enroll::official(key, false)
        };
        let proof = proof.transpose()?;
        Ok((enroll, proof.map(|signature| EnrollmentProof { signature, token: bearer })))
    }
}

fn signing(name: Option<&str>) -> Result<Signing, InvalidField> {
    let rule = "must be challenge-id or statement-v1";
    let Some(name) = name else { return Ok(Signing::default()) };
    Signing::from_name(name).ok_or_else(|| InvalidField::new("signing", rule))
}

/// Response to an enrollment, and to `GET /client/user-authenticators/push`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are described in the wire contract under these names")]
pub struct CredentialResponse {
    pub user_authenticator_id: String,
    pub user_id: String,
    pub verified_at: Iso8601,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_verified_at: Option<Iso8601>,
    /// The key's signing mode. Absent in responses of servers that support challenge ids only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// `ignored` if the enrollment had attestation data. Otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation: Option<String>,
    /// Binding that lost its place because the key serves too many users. Absent if every binding
    /// has a place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crowded: Option<Crowded>,
}

/// A binding without a place, because a key serves a limited number of users. Its user has approved
/// nothing with the key, and the key's device is shown none of their challenges until the user
/// enrolls the key again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crowded {
    /// The binding of another user, whose place the new enrollment took.
    Other,
    /// The binding that this response is about.
    This,
}

impl CredentialResponse {
    /// Makes the response about a device. `signing` is the key's signing mode, which the enrollment
    /// of another binding of the same key may have raised.
    #[must_use]
    pub fn new(device: &Device, signing: Signing) -> Self {
        Self {
            user_authenticator_id: device.id.as_str().to_owned(),
            user_id: device.account.user.as_str().to_owned(),
            verified_at: device.verified_at.into(),
            last_verified_at: device.last_verified_at.map(Iso8601::from),
            signing: Some(signing.name().to_owned()),
            algorithm: Some(device.key.algorithm().name().to_owned()),
            attestation: None,
            crowded: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = concat!(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMj+6XmuroBhoQF4q0gx0Ojry17BhXtf4sKvkSn2YN6S9",
        "AKWfZgbqfVeZmhIJW9qhyIxt49tBlO91/QQeuRjX6A==",
    );
    /// Public key of RFC 8032, section 7.1, test 1, as a base64 `SubjectPublicKeyInfo`.
    const ED25519: &str = "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn request(key: &str) -> EnrollRequest {
        EnrollRequest { public_key: key.to_owned(), ..EnrollRequest::default() }
    }

    fn read(request: EnrollRequest) -> Result<(Enroll, Option<EnrollmentProof>), InvalidField> {
        request.into_core(Digest::of("bearer"))
    }

    fn named(name: &str) -> Option<String> {
        Some(name.to_owned())
    }

    #[test]
    fn what_is_absent_is_as_the_official_sdks_have_it() {
        let (enroll, proof) = read(request(P256)).unwrap();
        assert_eq!(enroll.key.format(), SignatureFormat::Der);
        assert_eq!(enroll.signing, Signing::ChallengeId);
        assert!(proof.is_none() && !enroll.may_add && enroll.ticket.is_none());
        let (enroll, _) = read(request(ED25519)).unwrap();
        assert_eq!(enroll.key.format(), SignatureFormat::Raw);
    }

    #[test]
    fn a_format_has_to_be_one_of_the_algorithm() {
        for (key, good) in [(P256, &["der", "p1363"][..]), (ED25519, &["raw"])] {
            for name in ["der", "p1363", "raw", "DER", ""] {
                let body = EnrollRequest { signature_format: named(name), ..request(key) };
                match read(body) {
                    Ok((enroll, _)) => {
                        assert!(good.contains(&name));
                        assert_eq!(enroll.key.format().name(), name);
                    }
                    Err(error) => {
                        assert!(!good.contains(&name));
                        assert_eq!(error.field, "signatureFormat");
                    }
                }
            }
        }
    }

    #[test]
    fn signing_and_proof_are_read_or_refused_by_name() {
        let proof = Some(Secret::new("AAAA"));
        let good = EnrollRequest { signing: named("statement-v1"), proof, ..request(ED25519) };
        let (enroll, proof) = read(good.clone()).unwrap();
        assert_eq!(enroll.signing, Signing::StatementV1);
        let proof = proof.map(|p| (p.signature, p.token));
        assert_eq!(proof, Some((vec![0; 3], Digest::of("bearer"))));
        let bad = EnrollRequest { signing: named("statement-v2"), ..good.clone() };
        assert_eq!(read(bad).err().unwrap().field, "signing");
        for text in ["?".to_owned(), "A".repeat(10_000)] {
            let bad = EnrollRequest { proof: Some(Secret::new(text)), ..good.clone() };
            assert_eq!(read(bad).err().unwrap().field, "proof");
        }
        let bad = EnrollRequest { algorithm: named("es256"), ..good };
        assert_eq!(read(bad).err().unwrap().field, "algorithm");
    }
}

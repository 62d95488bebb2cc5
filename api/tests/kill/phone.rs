//! A software device, with the kind of key that official apps have.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use countersign_core::possession::removal_text_at;
use countersign_engine::ports::Clock as _;
use countersign_engine::system::SystemClock;
use countersign_wire::device::{AnswerRequest, EnrollRequest, RemoveRequest};
use countersign_wire::publickey::{encode_body, encode_query_android, encode_signature};
use countersign_wire::secret::Secret;

pub(crate) struct Phone {
    key: EcdsaKeyPair,
    spki: Vec<u8>,
}

impl Phone {
    pub(crate) fn new() -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let der: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
        let spki = der.as_ref().to_vec();
        Self { key, spki }
    }

    /// The key as a query names it.
    pub(crate) fn query(&self) -> String {
        encode_query_android(&self.spki)
    }

    pub(crate) fn enroll(&self) -> EnrollRequest {
        EnrollRequest { public_key: encode_body(&self.spki), ..EnrollRequest::default() }
    }

    pub(crate) fn answer(&self, challenge: &str, approved: bool) -> AnswerRequest {
        AnswerRequest {
            public_key: encode_body(&self.spki),
            challenge_id: challenge.to_owned(),
            signature: self.sign(challenge),
            approved: Some(approved),
            decision: None,
            verification_code: None,
        }
    }

    pub(crate) fn remove(&self) -> RemoveRequest {
        let signature = self.sign(&removal_text_at(SystemClock.now()));
        RemoveRequest { nonce: None, public_key: encode_body(&self.spki), signature }
    }

    fn sign(&self, text: &str) -> Secret {
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        Secret::new(encode_signature(signature.as_ref()))
    }
}

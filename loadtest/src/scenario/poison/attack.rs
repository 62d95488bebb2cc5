//! Requests of an attacker. The server has to refuse each of them with a 4xx status.

use countersign_client::ClientError;
use countersign_client::wire::basic;
use countersign_client::wire::device::AnswerRequest;
use countersign_client::wire::publickey::{encode_body, encode_signature};
use countersign_client::wire::secret::Secret;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use tokio::time::Instant;

use crate::LoadError;
use crate::client::people::{Phone, Seen};
use crate::client::raw::refused;
use crate::client::recorder::Recorder;
use crate::client::target::Target;
use crate::out::report::step;

/// Upper limit for the length of garbage, in bytes.
const GARBAGE_MAX: usize = 4096;

/// A kind of attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attack {
    /// A signature of the right key over another text.
    BadSignature,
    /// A replay of the challenge in the previous attacked lifecycle. For an official phone, the
    /// signature of that challenge is sent for the current challenge. For a phone that signs
    /// statements, the opposite decision is sent for the previous challenge. The first attack on a
    /// user has no previous challenge, so it sends the same as `BadSignature`.
    Replay,
    /// Random bytes.
    Garbage,
}

/// An attacker who knows public keys and challenge ids.
#[derive(Clone)]
pub(super) struct Attacker {
    client: reqwest::Client,
    url: String,
    basic: String,
    random: fastrand::Rng,
}

impl Attack {
    pub(super) fn draw(random: &mut fastrand::Rng) -> Self {
        match random.u8(0..3) {
            0 => Self::BadSignature,
            1 => Self::Replay,
            _ => Self::Garbage,
        }
    }

    const fn step(self) -> &'static str {
        match self {
            Self::BadSignature => step::BAD_SIGNATURE,
            Self::Replay => step::REPLAY,
            Self::Garbage => step::GARBAGE,
        }
    }
}

impl Attacker {
    pub(super) fn new(target: &Target, seed: u64) -> Result<Self, LoadError> {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build();
        let client = client.map_err(|error| LoadError::Server(error.to_string()))?;
        let url = format!("{}/client/user-authenticators/push/challenge", target.base);
        let basic = format!("Basic {}", basic::encode_standard(&target.tenant));
        Ok(Self { client, url, basic, random: fastrand::Rng::with_seed(seed) })
    }

    /// Sends an attack while the challenge `seen` is pending. The server has to refuse it.
    ///
    /// # Errors
    /// [`LoadError`] if the server accepts it, or refuses it with a status that means overload.
    pub(super) async fn send(
        &mut self,
        attack: Attack,
        phone: &Phone,
        seen: &Seen,
        earlier: Option<&Seen>,
        times: &mut Recorder,
    ) -> Result<(), LoadError> {
        let sent = Instant::now();
        let sent_it = match (attack, phone, earlier) {
            (Attack::Replay, Phone::Statement(_), Some(earlier)) => {
                match phone.answer(earlier, false).await {
                    Ok(()) => Err(accepted(attack)),
                    Err(error) => judge(attack, error),
                }
            }
            (Attack::Replay, Phone::Official(_), Some(earlier)) => {
                let body = answer(phone, &seen.challenge, earlier.challenge.as_bytes());
                self.post(attack, body).await
            }
            (Attack::Garbage, _, _) => {
                let length = self.random.usize(1..GARBAGE_MAX);
                let body = std::iter::repeat_with(|| self.random.u8(..)).take(length).collect();
                self.post(attack, body).await
            }
            (Attack::BadSignature | Attack::Replay, _, _) => {
                self.post(attack, answer(phone, &seen.challenge, b"something else")).await
            }
        };
        sent_it?;
        times.record(attack.step(), sent.elapsed());
        Ok(())
    }

    async fn post(&self, attack: Attack, body: Vec<u8>) -> Result<(), LoadError> {
        let request = self.client.post(&self.url).header(AUTHORIZATION, &self.basic);
        let answer = request.header(CONTENT_TYPE, "application/json").body(body).send().await;
        let answer = answer.map_err(|error| LoadError::at(attack.step())(error.into()))?;
        if answer.status().is_success() {
            return Err(accepted(attack));
        }
        let status = answer.status().as_u16();
        let description = answer.text().await.unwrap_or_default();
        judge(attack, refused(status, description, None))
    }
}

/// Checks the refusal of an attack. The right response is a 4xx status other than 429, because 429
/// means overload.
fn judge(attack: Attack, error: ClientError) -> Result<(), LoadError> {
    match error.status() {
        Some(429) | None => Err(LoadError::at(attack.step())(error)),
        Some(status) if (400..500).contains(&status) => Ok(()),
        Some(_) => Err(LoadError::at(attack.step())(error)),
    }
}

const fn accepted(attack: Attack) -> LoadError {
    LoadError::Unexpected { step: attack.step(), what: "it was accepted" }
}

/// Builds an approval with a signature over `signed`.
fn answer(phone: &Phone, challenge: &str, signed: &[u8]) -> Vec<u8> {
    let key = phone.key();
    let body = AnswerRequest {
        public_key: encode_body(key.spki()),
        challenge_id: challenge.to_owned(),
        signature: Secret::new(encode_signature(&key.sign(signed))),
        approved: Some(true),
        decision: None,
        verification_code: None,
    };
    serde_json::to_vec(&body).expect("a request can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> ClientError {
        let (code, description) = (String::new(), String::new());
        ClientError::Refused { status, code, description, reason: String::new(), retry_after: None }
    }

    #[test]
    fn only_a_refusal_for_what_it_is_counts_as_one() {
        for status in [400, 401, 403, 404, 409] {
            assert!(judge(Attack::Garbage, refused(status)).is_ok(), "{status}");
        }
        for status in [429, 500, 502, 503] {
            assert!(judge(Attack::Garbage, refused(status)).is_err(), "{status}");
        }
    }
}

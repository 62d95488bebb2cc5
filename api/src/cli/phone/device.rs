//! Device of a command: one interface for both signing modes.

use countersign_client::wire::device::{
    AnswerResponse, CredentialResponse, RemoveResponse, UpdateResponse,
};
use countersign_client::wire::pending::PendingChallenge;
use countersign_client::{
    Choice, ClientError, Device, Enrollment, Home, Http, Manner, Prompt, SoftwareKey,
    StatementDevice, Unreadable,
};
use countersign_core::outcome::Decision;
use countersign_core::time::UnixMillis;

use super::CliError;

/// A device of either signing mode.
pub(super) enum Phone {
    /// Device that signs challenge ids, as the official SDKs do.
    Official(Device),
    /// Device that signs statements.
    Statement(StatementDevice),
}

/// A challenge that waits for an answer.
pub(super) struct Unanswered {
    /// Id of the challenge.
    pub(super) id: String,
    /// Question as the device shows and signs it, or the reason for which it cannot be shown.
    pub(super) asked: Result<Asked, Unreadable>,
}

/// A question to a person.
pub(super) struct Asked {
    /// Challenge as the server sends it to every device.
    pub(super) pending: PendingChallenge,
    /// The text to sign, for a device that signs statements.
    pub(super) prompt: Option<Prompt>,
}

impl Asked {
    /// Returns the number of digits that an approval needs, if it needs a number.
    pub(super) fn digits(&self) -> Option<usize> {
        self.pending.number_match.map(|number| number.digits)
    }
}

impl Phone {
    pub(super) fn new(home: &Home, key: SoftwareKey) -> Result<Self, ClientError> {
        let (http, Home { url, tenant, manner }) = (Http::new()?, home);
        match *manner {
            Manner::Official(dialect) => {
                Device::new(http, url, tenant, dialect, key).map(Self::Official)
            }
            Manner::Statement(format) => {
                StatementDevice::new(http, url, tenant, format, key).map(Self::Statement)
            }
        }
    }

    pub(super) async fn enroll(
        &self,
        token: &str,
        enrollment: &Enrollment,
    ) -> Result<CredentialResponse, ClientError> {
        match self {
            Self::Official(device) => device.enroll(token, enrollment).await,
            Self::Statement(device) => device.enroll(token, enrollment).await,
        }
    }

    pub(super) async fn get_credential(&self) -> Result<CredentialResponse, ClientError> {
        match self {
            Self::Official(device) => device.get_credential().await,
            Self::Statement(device) => device.get_credential().await,
        }
    }

    /// Reads the pending challenges, newest first. `signed` asks an official device to sign the
    /// request; a device that signs statements always proves possession.
    pub(super) async fn pending(
        &self,
        signed: bool,
        wait: Option<u64>,
    ) -> Result<Vec<Unanswered>, ClientError> {
        match self {
            Self::Official(device) => {
                let first = device.pending(signed, wait).await?.into_first();
                Ok(first.map(|first| waiting(*first, Ok(None))).into_iter().collect())
            }
            Self::Statement(device) => {
                let challenges = device.pending(wait).await?.challenges;
                let prompted = |challenge: PendingChallenge| {
                    let prompt = Prompt::try_from(&challenge).map(Some);
                    waiting(challenge, prompt)
                };
                Ok(challenges.into_iter().map(prompted).collect())
            }
        }
    }

    /// Answers a challenge that the device has shown to the person.
    pub(super) async fn answer(
        &self,
        waiting: &Unanswered,
        decision: Decision,
        number: Option<&str>,
    ) -> Result<AnswerResponse, CliError> {
        match (self, &waiting.asked) {
            (_, Err(unreadable)) => Err(CliError::Unreadable(unreadable.clone())),
            (Self::Statement(device), Ok(Asked { prompt: Some(prompt), .. })) => {
                let shown_action = prompt.display().action();
                let choice = Choice { shown_action, decision, number };
                Ok(device.answer(prompt, &choice).await?)
            }
            _ => self.answer_unseen(&waiting.id, decision, number).await,
        }
    }

    /// Answers a challenge by its id alone. Only an official device can do so.
    pub(super) async fn answer_unseen(
        &self,
        challenge: &str,
        decision: Decision,
        number: Option<&str>,
    ) -> Result<AnswerResponse, CliError> {
        let approve = match decision {
            Decision::Approve => true,
            Decision::Deny => false,
            Decision::Report => return Err(CliError::NoReport),
        };
        match self {
            Self::Official(device) => Ok(device.answer(challenge, approve, number).await?),
            Self::Statement(_) => Err(CliError::NotPending(challenge.to_owned())),
        }
    }

    pub(super) async fn update(&self, token: Option<&str>) -> Result<UpdateResponse, ClientError> {
        match self {
            Self::Official(device) => device.update(token).await,
            Self::Statement(device) => device.update(token).await,
        }
    }

    pub(super) async fn remove(&self, now: UnixMillis) -> Result<RemoveResponse, ClientError> {
        match self {
            Self::Official(device) => device.remove(now).await,
            Self::Statement(device) => device.remove().await,
        }
    }
}

fn waiting(pending: PendingChallenge, prompt: Result<Option<Prompt>, Unreadable>) -> Unanswered {
    let id = pending.challenge_id.clone();
    Unanswered { id, asked: prompt.map(|prompt| Asked { pending, prompt }) }
}

//! Reasons for errors of lower layers: the rules of the core, the engine, and the parsers of bodies
//! and names.

use countersign_core::id::InvalidId;
use countersign_core::refusal::CustomFault;
use countersign_core::refusal::Refusal;
use countersign_engine::{Error, Misbehaviour, Unavailable};
use countersign_wire::InvalidField;
use countersign_wire::json::JsonError;
use countersign_wire::reason::Reason;

use super::Problem;

const fn of_refusal(refusal: &Refusal) -> Reason {
    match refusal {
        Refusal::ActionEnded => Reason::ActionEnded,
        Refusal::ActionUnknown => Reason::ActionNotFound,
        Refusal::AddScopeMissing => Reason::ScopeMissing,
        Refusal::AuthenticatorUnknown => Reason::AuthenticatorUnknown,
        Refusal::AuthenticatorsMax { .. } => Reason::AuthenticatorsMax,
        Refusal::ChallengeEnded => Reason::ChallengeEnded,
        Refusal::ChallengeHeld => Reason::ChallengeHeld,
        Refusal::ChallengeUnknown => Reason::ChallengeUnknown,
        Refusal::CustomUnshowable { fault, .. } => of_custom(*fault),
        Refusal::DisplayTooLong { .. } => Reason::DisplayTooLong,
        Refusal::DisplayUnsafe => Reason::DisplayUnsafe,
        Refusal::FormatFixed => Reason::SignatureFormatFixed,
        Refusal::GrantOver => Reason::TokenVoid,
        Refusal::LastAuthenticator => Reason::LastAuthenticator,
        Refusal::NoAuthenticator => Reason::NoAuthenticator,
        Refusal::NotificationsMax { .. } => Reason::NotificationsMax,
        Refusal::NumberMissing => Reason::NumberMissing,
        Refusal::NumberWrong { last: false } => Reason::NumberWrong,
        Refusal::NumberWrong { last: true } => Reason::NumberWrongLast,
        Refusal::OtherContent => Reason::IdempotencyConflict,
        Refusal::OpenChallenge(_) => Reason::ChallengeOpen,
        Refusal::OpenChallengesMax { .. } => Reason::OpenChallengesMax,
        Refusal::ProofMissing => Reason::ProofMissing,
        Refusal::SigningLowered => Reason::SigningLowered,
        Refusal::StatementRequired => Reason::StatementRequired,
        Refusal::TicketOver => Reason::TicketOver,
        Refusal::TooManyNumbers { .. } => Reason::NumbersHeld,
        Refusal::TooManyPrompts { .. } => Reason::PromptsHeld,
        Refusal::UsersPerKeyMax { .. } => Reason::UsersPerKeyMax,
    }
}

const fn of_custom(fault: CustomFault) -> Reason {
    match fault {
        CustomFault::Unsafe => Reason::TextUnsafe,
        CustomFault::UnknownCurrency => Reason::CurrencyUnknown,
        CustomFault::NoDecimals => Reason::CurrencyWithoutDecimals,
        CustomFault::NotAnAmount { .. } => Reason::AmountInvalid,
    }
}

const fn of_misbehaviour(misbehaviour: Misbehaviour) -> Reason {
    match misbehaviour {
        Misbehaviour::InvalidSignature => Reason::SignatureInvalid,
        Misbehaviour::OtherFormat(_) => Reason::SignatureFormat,
        Misbehaviour::OtherSigning => Reason::SigningMismatch,
        Misbehaviour::SessionMissing => Reason::SessionMissing,
        Misbehaviour::SessionOver => Reason::SessionOver,
        Misbehaviour::UnknownCredential => Reason::CredentialUnknown,
        Misbehaviour::UnknownNonce => Reason::NonceUnknown,
    }
}

const fn of_unavailable(unavailable: &Unavailable) -> Reason {
    match unavailable {
        Unavailable::Activations | Unavailable::Signatures => Reason::Overloaded,
        Unavailable::Store(_) | Unavailable::StoreUnready(_) => Reason::StoreUnavailable,
        Unavailable::AccountChanged => Reason::ChangedElsewhere,
        Unavailable::Lost => Reason::AnswerLost,
        Unavailable::Recovering { .. }
        | Unavailable::Stopping
        | Unavailable::TenantMissing
        | Unavailable::Unexpired => Reason::NotReady,
    }
}

const fn of_json(error: &JsonError) -> Reason {
    match error {
        JsonError::Syntax { .. } => Reason::BodyNotJson,
        JsonError::NotAnObject => Reason::BodyNotObject,
        JsonError::DuplicateKey { .. } => Reason::KeyDuplicate,
        JsonError::MissingField { .. } => Reason::FieldMissing,
        JsonError::NumberChanged { .. } => Reason::FieldInvalid,
        JsonError::WrongType { .. } => Reason::FieldType,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut problem = Self::new(of_refusal(&refusal), refusal.to_string());
        if let Refusal::TooManyNumbers { retry_after_ms, .. }
        | Refusal::TooManyPrompts { retry_after_ms, .. } = refusal
        {
            let seconds = u32::try_from(retry_after_ms.div_ceil(1000)).unwrap_or(u32::MAX);
            problem.retry_after_seconds = Some(seconds);
        }
        if let Refusal::OpenChallenge(id) = refusal {
            problem.challenge = Some(id);
        }
        problem
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Delivery(failed) => Self::new(Reason::WebhookFailed, failed.to_string()),
            Error::Misbehaved(misbehaviour) => {
                Self::new(of_misbehaviour(misbehaviour), misbehaviour.to_string())
            }
            Error::Refused(refusal) => refusal.into(),
            Error::Unavailable(unavailable) => {
                Self::new(of_unavailable(&unavailable), unavailable.to_string())
            }
        }
    }
}

impl From<JsonError> for Problem {
    fn from(error: JsonError) -> Self {
        Self::new(of_json(&error), error.to_string())
    }
}

impl From<InvalidId> for Problem {
    fn from(invalid: InvalidId) -> Self {
        Self::new(Reason::FieldInvalid, invalid.to_string())
    }
}

impl From<InvalidField> for Problem {
    fn from(invalid: InvalidField) -> Self {
        Self::new(Reason::FieldInvalid, invalid.to_string())
    }
}

#[cfg(test)]
mod tests {
    use actix_web::ResponseError as _;
    use countersign_core::refusal::Hold;

    use super::*;

    #[test]
    fn why_a_user_is_not_asked_is_told_by_no_part_of_the_answer() {
        let held = |hold| {
            let problem = Problem::from(Refusal::TooManyPrompts { hold, retry_after_ms: 30_000 });
            (problem.reason(), problem.status_code(), problem.to_string())
        };
        let (asked, numbers) = ([Hold::Asked, Hold::Unreached], [Hold::Numbers, Hold::Locked]);
        let answered = [Hold::Denied, Hold::Reported];
        let all: Vec<_> = [asked, answered, numbers].concat().into_iter().map(held).collect();
        assert!(all.iter().all(|told| *told == all[0]), "{all:?}");
    }
}

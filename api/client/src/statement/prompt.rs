//! A challenge that a device can show to a person.

use countersign_core::id::{AuthenticatorId, ChallengeId, InvalidId, TenantId, Thumbprint};
use countersign_core::nonce::{InvalidNonce, Nonce};
use countersign_core::number_match::TypedNumber;
use countersign_core::outcome::Decision;
use countersign_core::statement::{DecisionStatement, Statement};
use countersign_wire::pending::PendingChallenge;

use super::display::{Display, InvalidDisplay};
use crate::error::ClientError;

/// Reason why a device cannot show a challenge to a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The challenge has no nonce or no display text, because it was started before the server
    /// supported statements.
    #[error("it has nothing to show and sign")]
    Nothing,
    /// One of the challenge's ids is malformed.
    #[error(transparent)]
    Name(#[from] InvalidId),
    /// The challenge's nonce is malformed.
    #[error("its nonce {0}")]
    Nonce(#[from] InvalidNonce),
    /// The display text is not valid, so a device must not show it.
    #[error("its display: {0}")]
    Display(#[from] InvalidDisplay),
    /// The display text names another action than the challenge.
    #[error("its display is about another action")]
    OtherAction,
}

/// A challenge that a device has read completely. It has everything that the device signs, except
/// the person's decision.
#[derive(Clone, Debug)]
pub struct Prompt {
    challenge: ChallengeId,
    nonce: Nonce,
    authenticator: AuthenticatorId,
    display: Display,
    digits: Option<usize>,
    expires_at_seconds: u64,
}

/// A person's decision, with the action that the device displayed.
#[derive(Clone, Copy)]
pub struct Choice<'a> {
    /// The action that the caller has displayed.
    pub shown_action: &'a str,
    /// The person's decision.
    pub decision: Decision,
    /// The number that the person typed, if an approval requires one: decimal digits of any script,
    /// with or without blanks.
    pub number: Option<&'a str>,
}

impl TryFrom<&PendingChallenge> for Prompt {
    type Error = Unreadable;

    fn try_from(pending: &PendingChallenge) -> Result<Self, Unreadable> {
        let (Some(nonce), Some(text)) = (&pending.nonce, &pending.display) else {
            return Err(Unreadable::Nothing);
        };
        let display = Display::parse(text)?;
        if display.action() != pending.action_code {
            return Err(Unreadable::OtherAction);
        }
        Ok(Self {
            challenge: ChallengeId::parse(&pending.challenge_id)?,
            nonce: Nonce::parse(nonce.reveal())?,
            authenticator: AuthenticatorId::parse(&pending.user_authenticator_id)?,
            display,
            digits: pending.number_match.map(|n| n.digits),
            expires_at_seconds: pending.expires_at,
        })
    }
}

impl Prompt {
    /// Returns the challenge's id.
    #[must_use]
    pub const fn challenge(&self) -> &ChallengeId {
        &self.challenge
    }

    /// Returns the text to display.
    #[must_use]
    pub const fn display(&self) -> &Display {
        &self.display
    }

    /// Checks a person's choice. Returns the bytes to sign and the number that they contain.
    pub(super) fn statement(
        &self,
        tenant: &TenantId,
        key: Thumbprint,
        choice: &Choice<'_>,
    ) -> Result<(Vec<u8>, Option<TypedNumber>), ClientError> {
        if choice.shown_action != self.display.action() {
            return Err(ClientError::Input("the shown text is not the text to sign"));
        }
        let number = self.number(choice)?;
        let statement = DecisionStatement {
            tenant,
            challenge: &self.challenge,
            nonce: &self.nonce,
            authenticator: &self.authenticator,
            key,
            decision: choice.decision,
            display: self.display.digest(),
            number: number.as_ref(),
            expires_at_seconds: self.expires_at_seconds,
        };
        Ok((Statement::Decision(statement).to_bytes(), number))
    }

    /// Checks the typed number. An approval must have one with the required number of digits, if
    /// the challenge requires a number. No other decision may have one.
    fn number(&self, choice: &Choice<'_>) -> Result<Option<TypedNumber>, ClientError> {
        let asked = self.digits.filter(|_| choice.decision == Decision::Approve);
        match (asked, choice.number) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ClientError::Input("no number is asked for")),
            (Some(_), None) => Err(ClientError::Input("a number is asked for")),
            (Some(digits), Some(typed)) => {
                let typed = TypedNumber::parse(typed).ok().filter(|t| t.reveal().len() == digits);
                typed.map(Some).ok_or(ClientError::Input("the number has other digits than asked"))
            }
        }
    }
}

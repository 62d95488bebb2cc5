//! Refusals of requests, one variant for each rule.

use std::fmt;

use crate::id::ChallengeId;

/// Suffix of the message about a wrong number that ends its challenge.
const LAST_TRY: &str = ", and the challenge has ended: it was the last try";

/// A refusal of a request by a rule. The refused call itself returns no change. Earlier changes
/// stay: an attempt with a wrong number stays counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The action was never tracked, or its user was deleted.
    #[error("the action is not known")]
    ActionUnknown,
    /// The action's state allows no challenge: it has succeeded, is blocked, or is in a review
    /// state.
    #[error("the action cannot be challenged any more")]
    ActionEnded,
    /// The account has the maximum number of authenticators.
    #[error("the user has the most authenticators allowed ({max})")]
    AuthenticatorsMax {
        /// The limit that is reached.
        max: usize,
    },
    /// The request would add a further authenticator, but its token lacks the scope
    /// `add:authenticators`.
    #[error("a further authenticator needs the scope add:authenticators")]
    AddScopeMissing,
    /// The user has no authenticator with this id.
    #[error("the authenticator is not known")]
    AuthenticatorUnknown,
    /// A device cannot show a member of the custom data.
    #[error("{field}: {fault}")]
    CustomUnshowable {
        /// Path of the member, beginning with `custom`, such as `custom.payee.name`.
        field: String,
        /// The rule that the member breaks.
        fault: CustomFault,
    },
    /// The text for the device is longer than `max` bytes.
    #[error("the text for the phone is longer than {max} bytes")]
    DisplayTooLong {
        /// The limit that is reached.
        max: usize,
    },
    /// The text for the device has a character that hides, reorders or forges its content.
    #[error("the text for the phone has control, bidirectional or invisible characters")]
    DisplayUnsafe,
    /// The key is already bound with another signature format.
    #[error("the signature format of an enrolled key is fixed")]
    FormatFixed,
    /// The right that the caller's token gave is void.
    #[error("the token is void: its action is gone or was changed")]
    GrantOver,
    /// A client cannot remove the user's last authenticator, because a user without one is not
    /// challenged.
    #[error("the last authenticator cannot be removed here")]
    LastAuthenticator,
    /// The challenge does not exist, or does not concern the caller.
    #[error("the challenge is not known")]
    ChallengeUnknown,
    /// The challenge is not open. It may have ended by another decision, by another device, or
    /// without a decision.
    #[error("the challenge is no longer open")]
    ChallengeEnded,
    /// The challenge is held, because the relying party has not yet accepted the notification about
    /// it.
    #[error("the challenge cannot be answered yet")]
    ChallengeHeld,
    /// The challenge had the maximum number of notifications.
    #[error("the challenge had the most notifications allowed ({max})")]
    NotificationsMax {
        /// The limit that is reached.
        max: u32,
    },
    /// The approval has no typed number, but the challenge asks for one.
    #[error("an approval needs the number that the browser shows")]
    NumberMissing,
    /// The typed number is wrong, or the challenge had its maximum of attempts. Attempts stay
    /// counted.
    #[error("the number is wrong{}", if *last { LAST_TRY } else { "" })]
    NumberWrong {
        /// True if the challenge allows no further attempt.
        last: bool,
    },
    /// The enrollment asks for statements but has no proof of possession of the key.
    #[error("a key that signs statements is enrolled with a proof of possession")]
    ProofMissing,
    /// The key signs statements for this user or another user, and its mode cannot be lowered.
    #[error("the key signs statements and cannot be enrolled with less")]
    SigningLowered,
    /// The ticket is unknown, used or expired. The caller does not see which of them.
    #[error("the link is unknown, used or expired")]
    TicketOver,
    /// The tenant requires statements, but the key, or every key of the user, signs challenge ids
    /// only. Or the key signs statements by now, and the decision is none.
    #[error("statements have to be signed here (statement-v1)")]
    StatementRequired,
    /// The idempotency key names an action with another `custom`, which the user may have approved.
    #[error("idempotencyKey: was used for an action with another custom")]
    OtherContent,
    /// The user has no authenticator.
    #[error("the user has no push authenticator")]
    NoAuthenticator,
    /// Another challenge of the action code is open, and the request does not supersede it.
    #[error("challenge {0} of this action is open")]
    OpenChallenge(ChallengeId),
    /// The account has the maximum number of open challenges.
    #[error("the user has the most open challenges allowed ({max})")]
    OpenChallengesMax {
        /// The limit that is reached.
        max: usize,
    },
    /// Numbers of this user are on hold and are not compared.
    #[error("no number is taken for {} s: {hold}", retry_after_ms.div_ceil(1000))]
    TooManyNumbers {
        /// Reason for the hold.
        hold: Hold,
        /// Time until a retry may succeed, in milliseconds.
        retry_after_ms: u64,
    },
    /// Prompts of this user are on hold. The message does not contain the reason, because the
    /// caller may be a stranger with the user's password, and the reason shows how the user
    /// reacted.
    #[error("the user is not asked for {} s", retry_after_ms.div_ceil(1000))]
    TooManyPrompts {
        /// Reason for the hold.
        hold: Hold,
        /// Time until a retry may succeed, in milliseconds.
        retry_after_ms: u64,
    },
    /// The key is bound to the maximum number of users.
    #[error("the key is bound to the most users allowed ({max})")]
    UsersPerKeyMax {
        /// The limit that is reached.
        max: usize,
    },
}

/// Rule that a member of the custom data breaks, so that a device cannot show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomFault {
    /// The member has a character that hides, reorders or forges its content.
    #[error("control, bidirectional and invisible characters are not allowed")]
    Unsafe,
    /// The member is the currency of an amount, but is not a currency code.
    #[error("must be a currency code of ISO 4217, such as EUR")]
    UnknownCurrency,
    /// The currency of an amount has no decimals in ISO 4217, such as XAU.
    #[error("ISO 4217 gives this code no decimals, so no amount can be shown in it")]
    NoDecimals,
    /// The member is not an amount in the currency that is given with it.
    #[error(
        "must be minor units (an integer, or digits){}",
        decimals_rule(*decimals)
    )]
    NotAnAmount {
        /// Number of decimals of the currency.
        decimals: usize,
    },
}

fn decimals_rule(decimals: usize) -> String {
    match decimals {
        0 => String::new(),
        1 => ", or a text with exactly 1 decimal".to_owned(),
        _ => format!(", or a text with exactly {decimals} decimals"),
    }
}

/// Reason for a hold, during which the user is not asked or numbers are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The user had the maximum of challenges in the window, and approved none.
    Asked,
    /// The user had the maximum of challenges in the window whose notification reached no phone.
    Unreached,
    /// The user denied a challenge.
    Denied,
    /// The user reported a challenge.
    Reported,
    /// Too many numbers were typed without an approval.
    Numbers,
    /// Numbers are locked without an end after too many attempts.
    Locked,
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "too many challenges without an approval",
            Self::Unreached => "too many challenges whose notification reached no phone",
            Self::Denied => "the user denied",
            Self::Reported => "the user reported a challenge",
            Self::Numbers => "too many wrong numbers",
            Self::Locked => "too many wrong numbers, which locks them",
        })
    }
}

//! The rules that a caller can break, one variant each.

use std::fmt;

use crate::id::ChallengeId;

/// Addition to the message about a wrong number that ends its challenge.
const LAST_TRY: &str = ", and the challenge has ended: it was the last try";

/// A refusal by a rule. A refused call has changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The action was not tracked, or its user was deleted.
    #[error("the action is not known")]
    ActionUnknown,
    /// The action succeeded already, or a rule of the relying party ended it.
    #[error("the action cannot be challenged any more")]
    ActionEnded,
    /// The account has its most authenticators.
    #[error("the user has the most authenticators allowed ({max})")]
    AuthenticatorsMax {
        /// The limit.
        max: usize,
    },
    /// A further authenticator needs a token with the scope `add:authenticators`.
    #[error("a further authenticator needs the scope add:authenticators")]
    AddScopeMissing,
    /// The authenticator is not one of this user.
    #[error("the authenticator is not known")]
    AuthenticatorUnknown,
    /// A member of the custom data that a device would show cannot be shown.
    #[error("{field}: {fault}")]
    CustomUnshowable {
        /// The member, from `custom` on, such as `custom.payee.name`.
        field: String,
        /// The rule that it breaks.
        fault: CustomFault,
    },
    /// The text that a device would show is longer than it may be.
    #[error("the text for the phone is longer than {max} bytes")]
    DisplayTooLong {
        /// The limit.
        max: usize,
    },
    /// The text that a device would show has a character that hides, reorders or forges.
    #[error("the text for the phone has control, bidirectional or invisible characters")]
    DisplayUnsafe,
    /// The key is enrolled with another format of its signatures.
    #[error("the signature format of an enrolled key is fixed")]
    FormatFixed,
    /// The right behind the caller's token has ended.
    #[error("the token is void: its action is gone or was changed")]
    GrantOver,
    /// The user's last authenticator is not removed by a client: without one, no challenge is
    /// required.
    #[error("the last authenticator cannot be removed here")]
    LastAuthenticator,
    /// The challenge does not exist, or the caller has nothing to do with it.
    #[error("the challenge is not known")]
    ChallengeUnknown,
    /// The challenge has ended, with another answer or from another device.
    #[error("the challenge is no longer open")]
    ChallengeEnded,
    /// The relying party has not yet accepted the notification about the challenge.
    #[error("the challenge cannot be answered yet")]
    ChallengeHeld,
    /// There were as many notifications about the challenge as there may be.
    #[error("the challenge had the most notifications allowed ({max})")]
    NotificationsMax {
        /// The limit.
        max: u32,
    },
    /// An approval needs the number that the browser shows.
    #[error("an approval needs the number that the browser shows")]
    NumberMissing,
    /// The typed number is not the shown one. The attempt stays counted.
    #[error("the number is wrong{}", if *last { LAST_TRY } else { "" })]
    NumberWrong {
        /// True if this was the challenge's last try, which ends it.
        last: bool,
    },
    /// A key that signs statements is enrolled with a proof that its app holds it.
    #[error("a key that signs statements is enrolled with a proof of possession")]
    ProofMissing,
    /// The key signs statements, here or for another user, and cannot be enrolled with less.
    #[error("the key signs statements and cannot be enrolled with less")]
    SigningLowered,
    /// The ticket is unknown, used, or its time is over: which of them is not told apart.
    #[error("the link is unknown, used or expired")]
    TicketOver,
    /// The tenant requires statements, but the key, or every key of the user, signs challenge ids.
    #[error("statements have to be signed here (statement-v1)")]
    StatementRequired,
    /// The idempotency key names an action with other content, which may have been approved.
    #[error("idempotencyKey: was used for an action with another custom")]
    OtherContent,
    /// The user has no authenticator that could answer.
    #[error("the user has no push authenticator")]
    NoAuthenticator,
    /// Another challenge of the action is open and was not to be superseded.
    #[error("challenge {0} of this action is open")]
    OpenChallenge(ChallengeId),
    /// The account has its most open challenges.
    #[error("the user has the most open challenges allowed ({max})")]
    OpenChallengesMax {
        /// The limit.
        max: usize,
    },
    /// No number of this user is compared for a while.
    #[error("no number is taken for {} s: {hold}", retry_after_ms.div_ceil(1000))]
    TooManyNumbers {
        /// Why.
        hold: Hold,
        /// For how long.
        retry_after_ms: u64,
    },
    /// The user is not asked for a while. The reason stays secret, because the caller may be a
    /// stranger with the user's password, and the reason is the user's own reaction.
    #[error("the user is not asked for {} s", retry_after_ms.div_ceil(1000))]
    TooManyPrompts {
        /// Why.
        hold: Hold,
        /// For how long.
        retry_after_ms: u64,
    },
    /// The key is bound to its most users.
    #[error("the key is bound to the most users allowed ({max})")]
    UsersPerKeyMax {
        /// The limit.
        max: usize,
    },
}

/// Fault of a member of the custom data that a device would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CustomFault {
    /// It has characters that hide, reorder or forge.
    #[error("control, bidirectional and invisible characters are not allowed")]
    Unsafe,
    /// It stands beside an amount, and is not a currency.
    #[error("must be a currency code of ISO 4217, such as EUR")]
    UnknownCurrency,
    /// The currency beside an amount has no decimals in ISO 4217, such as XAU.
    #[error("ISO 4217 gives this code no decimals, so no amount can be shown in it")]
    NoDecimals,
    /// It stands beside a currency, and is not an amount in it.
    #[error(
        "must be minor units (an integer, or digits){}",
        decimals_rule(*decimals)
    )]
    NotAnAmount {
        /// Decimals of the currency.
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

/// A reason not to ask a user, or not to compare numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// The user had the maximum of challenges without an approval within the window.
    Asked,
    /// The user had the maximum of challenges within the window that no phone was offered.
    Unreached,
    /// The user denied.
    Denied,
    /// The user reported.
    Reported,
    /// Too many numbers were typed.
    Numbers,
    /// The numbers are locked after too many attempts.
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

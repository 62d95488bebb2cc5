//! Table of all error reasons: the stable name, HTTP status, error code and meaning of each.
//!
//! Causes share one row if a caller must not be able to distinguish them.

use crate::code::ErrorCode;

/// Declares the rows of the table. The doc comment of a row is its meaning in the documentation.
macro_rules! reasons {
    ($(
        $(#[doc = $meaning:literal])+
        $variant:ident = $name:literal, $status:literal, $code:ident;
    )+) => {
        /// Reason why the server refuses a request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $meaning])+ $variant,)+
        }

        impl Reason {
            /// All rows, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name on the wire, in `lower_snake_case`. It never changes.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// Returns the HTTP status.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// Returns the error code of the contract.
            #[must_use]
            pub const fn code(self) -> ErrorCode {
                match self { $(Self::$variant => ErrorCode::$code,)+ }
            }

            /// Returns the meaning, in words for developers.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($meaning),+).trim(),)+ }
            }
        }
    };
}

reasons! {
    // Errors of the request itself.
    /// The request is not well-formed HTTP.
    RequestMalformed = "request_malformed", 400, InvalidRequest;
    /// The head has too many bytes or lines.
    HeadTooLong = "head_too_long", 413, InvalidRequest;
    /// The head was not complete in time.
    HeadTooSlow = "head_too_slow", 400, InvalidRequest;
    /// No route has this path.
    RouteNotFound = "route_not_found", 404, InvalidRequest;
    /// The route does not have this method.
    MethodNotAllowed = "method_not_allowed", 405, InvalidRequest;
    /// The route belongs to a verification method other than push.
    MethodUnsupported = "method_unsupported", 400, InvalidConfiguration;
    /// The path is not escaped UTF-8, or does not fit its route.
    PathInvalid = "path_invalid", 400, InvalidRequest;
    /// The query cannot be read, or names a field twice.
    QueryInvalid = "query_invalid", 400, InvalidRequest;
    /// The body is longer than `server.body_bytes_max`.
    BodyTooLarge = "body_too_large", 413, InvalidRequest;
    /// The body was not complete after `server.body_read_seconds`.
    BodyTooSlow = "body_too_slow", 400, InvalidRequest;
    /// The body broke off, or its framing is not sound.
    BodyIncomplete = "body_incomplete", 400, InvalidRequest;
    /// The body is not declared as `application/json`.
    MediaTypeUnsupported = "media_type_unsupported", 415, InvalidRequest;
    /// The body is compressed.
    BodyEncoded = "body_encoded", 415, InvalidRequest;
    /// The body is not JSON in UTF-8.
    BodyNotJson = "body_not_json", 400, InvalidRequest;
    /// The body is JSON, but not an object.
    BodyNotObject = "body_not_object", 400, InvalidRequest;
    /// An object of the body has a key twice.
    KeyDuplicate = "key_duplicate", 400, InvalidRequest;
    /// A field that is needed is absent.
    FieldMissing = "field_missing", 400, InvalidRequest;
    /// A field has a value of another type, or no name of its list.
    FieldType = "field_type", 400, InvalidRequest;
    /// A field or a name in the path breaks a rule.
    FieldInvalid = "field_invalid", 400, InvalidRequest;

    // Errors about the caller's credentials and rights.
    /// The secret is absent or not one of a tenant.
    SecretUnknown = "secret_unknown", 401, Unauthorized;
    /// The tenant's id is absent or not configured.
    TenantUnknown = "tenant_unknown", 401, Unauthorized;
    /// The operator's key is absent or wrong.
    OperatorKeyInvalid = "operator_key_invalid", 401, Unauthorized;
    /// The bearer token is absent.
    TokenMissing = "token_missing", 401, InvalidToken;
    /// The bearer token is not one that is valid here.
    TokenInvalid = "token_invalid", 401, InvalidToken;
    /// The bearer token's lifetime is over.
    TokenExpired = "token_expired", 401, ExpiredToken;
    /// The bearer token's action is gone, or no longer as it was.
    TokenVoid = "token_void", 401, InvalidToken;
    /// The one-time ticket is unknown, used or ended.
    TicketOver = "ticket_over", 401, InvalidToken;
    /// The key is read with a device session.
    SessionMissing = "session_missing", 401, InvalidToken;
    /// The device session's authenticator is gone.
    SessionOver = "session_over", 401, InvalidToken;
    /// The key of the request is not that of the device session.
    SessionMismatch = "session_mismatch", 400, InvalidRequest;
    /// The token lacks the scope that the call needs.
    ScopeMissing = "scope_missing", 403, Unauthorized;
    /// Pages of this origin may not call.
    OriginNotAllowed = "origin_not_allowed", 403, Unauthorized;
    /// An operator's command comes from another machine.
    OperatorRemote = "operator_remote", 403, Unauthorized;

    // Errors about users, actions and authenticators.
    /// The path names an action that does not exist.
    ActionNotFound = "action_not_found", 404, InvalidRequest;
    /// The path names an authenticator that the user does not have.
    AuthenticatorNotFound = "authenticator_not_found", 404, InvalidRequest;
    /// An operator's command names a user that does not exist.
    UserNotFound = "user_not_found", 404, InvalidRequest;
    /// The path names a tenant that is not configured.
    TenantNotFound = "tenant_not_found", 404, InvalidRequest;
    /// The path names a file that does not exist.
    FileNotFound = "file_not_found", 404, InvalidRequest;
    /// The request names another action than its token.
    ActionMismatch = "action_mismatch", 400, InvalidRequest;
    /// The action has succeeded, or a rule of the relying party has ended it.
    ActionEnded = "action_ended", 400, InvalidRequest;
    /// The request names an authenticator that the user does not have.
    AuthenticatorUnknown = "authenticator_unknown", 400, InvalidRequest;
    /// The user has no authenticator that could answer.
    NoAuthenticator = "no_authenticator", 400, InvalidRequest;
    /// The user has as many authenticators as are allowed.
    AuthenticatorsMax = "authenticators_max", 400, InvalidRequest;
    /// A client cannot remove the last authenticator of its user.
    LastAuthenticator = "last_authenticator", 400, InvalidRequest;
    /// The key serves as many users as are allowed.
    UsersPerKeyMax = "users_per_key_max", 400, InvalidRequest;

    // Errors about keys and signatures.
    /// No user is bound to the key.
    CredentialUnknown = "credential_unknown", 401, InvalidCredential;
    /// The signature does not verify.
    SignatureInvalid = "signature_invalid", 401, InvalidCredential;
    /// The key signs statements and this is none, or the reverse.
    SigningMismatch = "signing_mismatch", 401, InvalidCredential;
    /// The nonce was not given out, was used, or is too old.
    NonceUnknown = "nonce_unknown", 401, InvalidCredential;
    /// The signature is in another encoding than the key was enrolled for.
    SignatureFormat = "signature_format", 401, InvalidCredential;
    /// A key that signs statements is enrolled with a proof of possession.
    ProofMissing = "proof_missing", 400, InvalidRequest;
    /// An enrolled key cannot be enrolled with a weaker signing mode.
    SigningLowered = "signing_lowered", 400, InvalidRequest;
    /// The tenant takes signed statements only, or the key signs statements by now.
    StatementRequired = "statement_required", 400, InvalidRequest;
    /// The signature format of an enrolled key is fixed.
    SignatureFormatFixed = "signature_format_fixed", 400, InvalidRequest;

    // Errors about challenges.
    /// The text for the phone is too long.
    DisplayTooLong = "display_too_long", 400, InvalidRequest;
    /// The text for the phone has characters that hide, reorder or forge.
    DisplayUnsafe = "display_unsafe", 400, InvalidRequest;
    /// A member of `custom` that a phone would see has characters that hide, reorder or forge.
    TextUnsafe = "unsafe_text", 400, InvalidRequest;
    /// A `currency` that a phone would see is no code of ISO 4217.
    CurrencyUnknown = "unknown_currency", 400, InvalidRequest;
    /// The currency beside an amount has no decimals in the table, such as XAU.
    CurrencyWithoutDecimals = "currency_without_decimals", 400, InvalidRequest;
    /// The `amount` is neither minor units nor a text with the currency's decimals.
    AmountInvalid = "not_an_amount", 400, InvalidRequest;
    /// The challenge does not exist, or is not the caller's.
    ChallengeUnknown = "challenge_unknown", 400, InvalidRequest;
    /// The challenge has ended otherwise.
    ChallengeEnded = "challenge_ended", 400, InvalidRequest;
    /// The `idempotencyKey` belongs to an action with another `custom`.
    IdempotencyConflict = "idempotency_conflict", 409, InvalidRequest;
    /// The webhook has not yet accepted the challenge.
    ChallengeHeld = "challenge_held", 400, InvalidRequest;
    /// Another challenge of the action is open, and `supersede` is false.
    ChallengeOpen = "challenge_open", 409, InvalidRequest;
    /// The user has as many open challenges as are allowed.
    OpenChallengesMax = "open_challenges_max", 429, TooManyRequests;
    /// The challenge had as many notifications as are allowed.
    NotificationsMax = "notifications_max", 400, InvalidRequest;
    /// An approval needs the number that the browser shows.
    NumberMissing = "number_missing", 400, InvalidRequest;
    /// The number is wrong, and may be typed again.
    NumberWrong = "number_wrong", 400, InvalidRequest;
    /// The number is wrong, and the challenge has ended.
    NumberWrongLast = "number_wrong_last", 400, InvalidRequest;
    /// No number of the user is taken for a while.
    NumbersHeld = "numbers_held", 429, TooManyRequests;
    /// The user is not asked for a while.
    PromptsHeld = "prompts_held", 429, TooManyRequests;
    /// The webhook did not accept the challenge.
    WebhookFailed = "webhook_failed", 400, InvalidConfiguration;
    /// The demo's backend could not make its call.
    DemoCallFailed = "demo_call_failed", 400, InvalidRequest;

    // Errors of the server itself. Most of them are temporary.
    /// The tenant's token key is absent.
    TokenKeyMissing = "token_key_missing", 400, InvalidConfiguration;
    /// The server has too much to do.
    Overloaded = "overloaded", 503, TemporarilyUnavailable;
    /// The store did not answer: the change may be recorded or not.
    StoreUnavailable = "store_unavailable", 503, TemporarilyUnavailable;
    /// The record changed elsewhere at the same moment.
    ChangedElsewhere = "changed_elsewhere", 503, TemporarilyUnavailable;
    /// The request was lost before its answer.
    AnswerLost = "answer_lost", 503, TemporarilyUnavailable;
    /// The server starts, recovers or stops.
    NotReady = "not_ready", 503, TemporarilyUnavailable;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_lower_snake_case_and_unique() {
        let names: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        for name in names {
            let words: Vec<_> = name.split('_').collect();
            assert!(words.iter().all(|word| !word.is_empty()), "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        }
    }

    #[test]
    fn a_status_has_the_codes_that_the_contract_gives_it() {
        use ErrorCode::*;

        for reason in Reason::ALL {
            let codes: &[_] = match reason.status() {
                400 => &[InvalidRequest, InvalidConfiguration],
                401 => &[Unauthorized, ExpiredToken, InvalidToken, InvalidCredential],
                403 => &[Unauthorized],
                404 | 405 | 409 | 413 | 415 => &[InvalidRequest],
                429 => &[TooManyRequests],
                503 => &[TemporarilyUnavailable],
                other => panic!("{reason:?}: {other}"),
            };
            assert!(codes.contains(&reason.code()), "{reason:?}");
        }
    }

    #[test]
    fn a_meaning_is_one_sentence() {
        for reason in Reason::ALL {
            let meaning = reason.meaning();
            assert!(meaning.ends_with('.') && meaning.len() > 10, "{reason:?}: {meaning}");
            assert!(!meaning.contains('|'), "{reason:?}: it stands in a table");
        }
    }
}

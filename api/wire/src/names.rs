//! Enumerations of the core with their names on the wire.

use countersign_core::{action, device, outcome};
use serde::{Deserialize, Serialize};

/// Declares an enumeration with the variants of one of the core's, and the conversions in both
/// directions.
macro_rules! names {
    ($(#[$meta:meta])* $name:ident = $core:ty, $case:literal {
        $($(#[$vmeta:meta])* $variant:ident),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = $case)]
        pub enum $name {
            $(
                #[doc = concat!("See the core's `", stringify!($variant), "`.")]
                $(#[$vmeta])*
                $variant,
            )+
        }

        impl From<$core> for $name {
            fn from(value: $core) -> Self {
                match value { $(<$core>::$variant => Self::$variant,)+ }
            }
        }

        impl From<$name> for $core {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant,)+ }
            }
        }
    };
}

names! {
    /// State of an action.
    ActionState = action::ActionState, "SCREAMING_SNAKE_CASE" {
        Allow, Block, ChallengeFailed, ChallengeRequired, ChallengeSucceeded,
        ReviewFailed, ReviewRequired, ReviewSucceeded,
    }
}

names! {
    /// The outcome of a challenge.
    Outcome = outcome::Outcome, "lowercase" {
        Approved, Cancelled, Denied, Expired, Failed, Reported, Revoked, Superseded,
    }
}

names! {
    /// Platform of an enrolled app, in the spelling of lists of authenticators.
    Platform = device::Platform, "UPPERCASE" { Ios, Android, Web }
}

names! {
    /// Platform of an app, in the spelling of its enrollment request.
    DevicePlatform = device::Platform, "lowercase" {
        #[serde(alias = "IOS")] Ios,
        #[serde(alias = "ANDROID")] Android,
        #[serde(alias = "WEB")] Web,
    }
}

/// Method by which a user confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum VerificationMethod {
    /// A signature by an enrolled device.
    Push,
}

/// Methods by which a user may confirm. `PUSH` is the only one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerificationMethods {
    /// `PUSH` if the user is enrolled, otherwise empty.
    pub enrolled_verification_methods: Vec<VerificationMethod>,
    /// Always `PUSH`.
    pub allowed_verification_methods: Vec<VerificationMethod>,
    /// `PUSH` if the user is enrolled, otherwise absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_verification_method: Option<VerificationMethod>,
}

impl VerificationMethods {
    pub(crate) fn of_user(is_enrolled: bool) -> Self {
        let push = is_enrolled.then_some(VerificationMethod::Push);
        Self {
            enrolled_verification_methods: push.into_iter().collect(),
            allowed_verification_methods: vec![VerificationMethod::Push],
            default_verification_method: push,
        }
    }
}

impl ActionState {
    /// Parses a state's name on the wire. Returns None for an unknown name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(name);
        Self::deserialize(name).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name<T: Serialize>(value: T) -> String {
        serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
    }

    #[test]
    fn states_have_the_names_of_the_contract() {
        for text in [
            "ALLOW",
            "BLOCK",
            "CHALLENGE_REQUIRED",
            "CHALLENGE_SUCCEEDED",
            "CHALLENGE_FAILED",
            "REVIEW_REQUIRED",
            "REVIEW_SUCCEEDED",
            "REVIEW_FAILED",
        ] {
            let state = ActionState::from_name(text).unwrap();
            assert_eq!(name(state), text);
            assert_eq!(ActionState::from(action::ActionState::from(state)), state);
        }
        assert_eq!(ActionState::from_name("allow"), None);
    }

    #[test]
    fn an_outcome_has_one_name_here_and_in_the_core() {
        for text in [
            "approved",
            "cancelled",
            "denied",
            "expired",
            "failed",
            "reported",
            "revoked",
            "superseded",
        ] {
            let outcome: Outcome = serde_json::from_value(text.into()).unwrap();
            assert_eq!(outcome::Outcome::from(outcome).name(), text);
        }
    }

    #[test]
    fn a_platform_is_lower_case_when_it_enrolls_and_upper_case_in_lists() {
        assert_eq!(name(DevicePlatform::from(device::Platform::Ios)), "ios");
        assert_eq!(name(Platform::from(device::Platform::Android)), "ANDROID");
        assert_eq!(name(VerificationMethod::Push), "PUSH");
    }
}

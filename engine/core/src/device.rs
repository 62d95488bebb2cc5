//! Authenticators, which are keys that are bound to an account, each with the device that holds it.

use std::sync::Arc;

use crate::id::{AccountKey, AuthenticatorId, CredentialKey};
use crate::signature::PublicKey;
use crate::text::Line;
use crate::time::UnixMillis;

/// Signing mode of a credential. It belongs to the key and is never lowered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signing {
    /// The key signs the challenge id and nothing else, as the official SDKs do.
    #[default]
    ChallengeId,
    /// The key signs a [`Statement`](crate::statement::Statement).
    StatementV1,
}

impl Signing {
    /// Returns the name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChallengeId => "challenge-id",
            Self::StatementV1 => "statement-v1",
        }
    }

    /// Returns the mode with this name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ChallengeId, Self::StatementV1].into_iter().find(|signing| signing.name() == name)
    }
}

/// Platform of the app that holds the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// An app on Apple's phones and tablets.
    Ios,
    /// An app on Android.
    Android,
    /// A web app in a browser.
    Web,
}

/// A device of an account: a key that is bound to the account. The wire contract calls it a push
/// authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Id of the binding, which is the authenticator's id.
    pub id: AuthenticatorId,
    /// The account that the key is bound to.
    pub account: AccountKey,
    /// The public key.
    pub key: PublicKey,
    /// The key's signing mode, as recorded for this account.
    pub signing: Signing,
    /// True if the account's owner is known to hold the key, because of a proof at enrollment or an
    /// approval. An enrollment alone shows nothing, because anybody who knows a public key can
    /// enroll it.
    pub confirmed: bool,
    /// The user's name for the device.
    pub name: Option<Line>,
    /// The app's platform.
    pub platform: Option<Platform>,
    /// The device's token at its notification provider.
    pub push_token: Option<PushToken>,
    /// Time at which the key was first bound to the account.
    pub created_at: UnixMillis,
    /// Time of the last enrollment of the key for the account.
    pub verified_at: UnixMillis,
    /// Time of the last enrollment, refresh or accepted decision.
    pub last_verified_at: Option<UnixMillis>,
}

impl Device {
    /// Returns the credential that the device signs with.
    #[must_use]
    pub fn credential(&self) -> CredentialKey {
        CredentialKey { tenant: self.account.tenant.clone(), thumbprint: self.key.thumbprint() }
    }
}

/// A device's token at its notification provider. It is never printed, because anybody who has it
/// may be able to notify the device.
#[derive(Clone, PartialEq, Eq)]
pub struct PushToken(Arc<str>);

impl PushToken {
    /// Wraps a token whose length the caller has checked.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// Returns the token.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PushToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PushToken")
    }
}

//! Authenticators: the keys that are bound to an account, each with the device that holds it.

use std::sync::Arc;

use crate::id::{AccountKey, AuthenticatorId, CredentialKey};
use crate::signature::PublicKey;
use crate::text::Line;
use crate::time::UnixMillis;

/// Signing mode of a credential. It belongs to the key and only ever rises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signing {
    /// The challenge's name and nothing else, as the official SDKs do.
    #[default]
    ChallengeId,
    /// A [`Statement`](crate::statement::Statement).
    StatementV1,
}

impl Signing {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChallengeId => "challenge-id",
            Self::StatementV1 => "statement-v1",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ChallengeId, Self::StatementV1].into_iter().find(|signing| signing.name() == name)
    }
}

/// Platform of the app that holds the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Platform {
    /// Apple's phones and tablets.
    Ios,
    /// Android.
    Android,
    /// A browser.
    Web,
}

/// A device as an account knows it: its key bound to the account, which is the wire contract's push
/// authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Name of the authenticator, which is the binding.
    pub id: AuthenticatorId,
    /// The account.
    pub account: AccountKey,
    /// The public key.
    pub key: PublicKey,
    /// The signing mode.
    pub signing: Signing,
    /// True if the key is known to belong to the account's owner, by a proof at enrollment or by an
    /// approval. Anybody who knows a public key can enroll it without that.
    pub confirmed: bool,
    /// The person's name for the device.
    pub name: Option<Line>,
    /// The app's platform.
    pub platform: Option<Platform>,
    /// The notification provider's token.
    pub push_token: Option<PushToken>,
    /// Time at which the key was first bound to the account.
    pub created_at: UnixMillis,
    /// Time of the last enrollment.
    pub verified_at: UnixMillis,
    /// Time of the last accepted signature.
    pub last_verified_at: Option<UnixMillis>,
}

impl Device {
    /// The credential that this device signs with.
    #[must_use]
    pub fn credential(&self) -> CredentialKey {
        CredentialKey { tenant: self.account.tenant.clone(), thumbprint: self.key.thumbprint() }
    }
}

/// A notification provider's token. Its holder may notify the device, so that it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PushToken(Arc<str>);

impl PushToken {
    /// Takes a token that the caller has checked for length.
    #[must_use]
    pub fn new(token: &str) -> Self {
        Self(token.into())
    }

    /// The token.
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

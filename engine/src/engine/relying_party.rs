//! Calls of a relying party's backend.

use std::sync::Arc;

use countersign_core::account::{AccountRecord, Grant, Profile, ProfilePatch, Track, Tracked};
use countersign_core::action::{Action, ActionState};
use countersign_core::device::Device;
use countersign_core::id::{AccountKey, ActionKey, AuthenticatorId, TenantId, UserId};
use metrics::counter;

use super::Engine;
use crate::error::Error;
use crate::ports::store::{ActionQuery, UserQuery};
use crate::telemetry;

/// A user as the relying party sees it.
#[derive(Clone, Debug, Default)]
pub struct User {
    /// Attributes of the user; `None` for an unknown user.
    pub profile: Option<Profile>,
    /// Authenticators of the user.
    pub devices: Vec<Arc<Device>>,
}

impl Engine {
    /// Tracks an action. If an action of the same key and content is recorded already, that action
    /// is returned.
    ///
    /// # Errors
    /// [`Error::Refused`] for a text that a device could not show, or if the key is recorded with
    /// other content; [`Error::Unavailable`].
    pub async fn track(&self, account: &AccountKey, track: Track) -> Result<Tracked, Error> {
        let tracked = self.shared.account(account, async move |w| w.track(track).await).await?;
        let enrolled = if tracked.is_enrolled { "true" } else { "false" };
        counter!(telemetry::ACTIONS_TRACKED, "enrolled" => enrolled).increment(1);
        Ok(tracked)
    }

    /// Returns a tracked action.
    ///
    /// # Errors
    /// [`Error::Refused`] if the action is not known.
    pub async fn action(&self, account: &AccountKey, key: ActionKey) -> Result<Arc<Action>, Error> {
        self.shared.account(account, async move |w| w.action(&key).await).await
    }

    /// Returns the action of a grant that is still valid. The flag is true if the action has
    /// succeeded and its [success stands](countersign_core::account::Account::success_stands).
    ///
    /// # Errors
    /// [`Error::Refused`] if the action is unknown, or the grant is no longer valid.
    pub async fn granted(
        &self,
        account: &AccountKey,
        grant: Grant,
    ) -> Result<(Arc<Action>, bool), Error> {
        let asked = self.shared.account(account, async move |w| {
            let action = w.granted(&grant).await?;
            let stands = w.account().success_stands(&action);
            Ok((action, stands))
        });
        asked.await
    }

    /// Sets the state of an action, and cancels its open challenges.
    ///
    /// # Errors
    /// [`Error::Refused`] if the action is not known.
    pub async fn override_action(
        &self,
        account: &AccountKey,
        key: ActionKey,
        state: ActionState,
    ) -> Result<Arc<Action>, Error> {
        tracing::info!(tenant.id = %account.tenant, ?state, "the relying party overrides a state");
        self.shared.account(account, async move |w| w.override_action(&key, state).await).await
    }

    /// Lists actions of a user, newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the records cannot be read or changed now.
    pub async fn actions(
        &self,
        account: &AccountKey,
        query: ActionQuery,
    ) -> Result<Vec<Action>, Error> {
        Ok(self.shared.ports.store.actions(account, query).await?)
    }

    /// Returns a user. An unknown user has neither attributes nor authenticators.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the records cannot be read or changed now.
    pub async fn user(&self, account: &AccountKey) -> Result<User, Error> {
        let view = self.shared.account(account, async |w| {
            let account = w.account();
            let profile = account.record().map(|r| r.profile.clone());
            Ok(User { profile, devices: account.devices().to_vec() })
        });
        view.await
    }

    /// Lists users that have the given attributes, ordered by id.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the records cannot be read or changed now.
    pub async fn users(
        &self,
        tenant: &TenantId,
        query: UserQuery,
    ) -> Result<Vec<(UserId, AccountRecord)>, Error> {
        Ok(self.shared.ports.store.users(tenant, query).await?)
    }

    /// Sets attributes of a user, who is created if unknown. Returns the resulting attributes.
    ///
    /// # Errors
    /// [`Error::Refused`] for custom data that a device could not show, or [`Error::Unavailable`].
    pub async fn update_user(
        &self,
        account: &AccountKey,
        patch: ProfilePatch,
    ) -> Result<Profile, Error> {
        self.shared.account(account, async move |w| w.update_profile(patch).await).await
    }

    /// Removes a user with all of the user's records, and revokes the open challenges.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if the records cannot be read or changed now.
    pub async fn remove_user(&self, account: &AccountKey) -> Result<(), Error> {
        self.shared.account(account, async |w| w.remove().await).await
    }

    /// Lists the authenticators of the user of a granted action.
    ///
    /// # Errors
    /// [`Error::Refused`] if the action is not known, or the grant is no longer valid.
    pub async fn authenticators(
        &self,
        account: &AccountKey,
        grant: Grant,
    ) -> Result<Vec<Arc<Device>>, Error> {
        let view = self.shared.account(account, async move |w| {
            w.granted(&grant).await?;
            Ok(w.account().devices().to_vec())
        });
        view.await
    }

    /// Removes an authenticator on request of a client with a grant of the user. The last
    /// authenticator of a user cannot be removed by this call.
    ///
    /// # Errors
    /// [`Error::Refused`] if the grant is no longer valid, the user has no such authenticator, or
    /// it is the user's last one.
    pub async fn remove_own_authenticator(
        &self,
        account: &AccountKey,
        grant: Grant,
        id: AuthenticatorId,
    ) -> Result<Arc<Device>, Error> {
        self.shared.account(account, async move |w| w.remove_own_device(&grant, &id).await).await
    }

    /// Removes an authenticator, and revokes open challenges that no other authenticator may
    /// answer.
    ///
    /// # Errors
    /// [`Error::Refused`] if the user has no such authenticator.
    pub async fn remove_authenticator(
        &self,
        account: &AccountKey,
        id: AuthenticatorId,
    ) -> Result<Arc<Device>, Error> {
        self.shared.account(account, async move |w| w.remove_device(&id).await).await
    }
}

//! What waits for one credential: its bindings, and the challenges that they may answer.

use std::fmt;
use std::sync::Arc;

use crate::action::Action;
use crate::challenge::Challenge;
use crate::device::Device;
use crate::id::{AccountKey, AuthenticatorId, ChallengeId};
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// A challenge as a device is shown it.
#[derive(Clone)]
pub struct Offer {
    /// The challenge.
    pub challenge: Arc<Challenge>,
    /// What is to be decided.
    pub action: Arc<Action>,
    /// The user's own custom data, as a JSON object in text.
    pub user_custom: Option<Arc<str>>,
}

impl fmt::Debug for Offer {
    /// Shows the challenge only: the rest is what a user is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("challenge", &self.challenge.id).finish_non_exhaustive()
    }
}

/// The bindings of one key, newest first, and what is pending for them.
#[derive(Clone, Debug, Default)]
pub struct Inbox {
    bindings: Vec<Device>,
    offers: Vec<Offer>,
}

impl Inbox {
    /// The bindings, newest first.
    #[must_use]
    pub fn bindings(&self) -> &[Device] {
        &self.bindings
    }

    /// The binding to an account.
    #[must_use]
    pub fn binding_of(&self, account: &AccountKey) -> Option<&Device> {
        self.bindings.iter().find(|b| b.account == *account)
    }

    /// Whether the key may be bound to an account. One that it is bound to may be enrolled again.
    ///
    /// # Errors
    /// [`Refusal::UsersPerKeyMax`].
    pub fn admit(&self, account: &AccountKey, limits: &Limits) -> Result<(), Refusal> {
        let max = limits.users_per_key_max;
        if self.bindings.len() >= max && self.binding_of(account).is_none() {
            return Err(Refusal::UsersPerKeyMax { max });
        }
        Ok(())
    }

    /// Adds a binding, or puts its newer state in place.
    pub fn bind(&mut self, device: Device) {
        self.bindings.retain(|b| b.id != device.id);
        let place = self.bindings.partition_point(|b| b.verified_at > device.verified_at);
        self.bindings.insert(place, device);
    }

    /// Removes a binding and what was pending for it alone.
    pub fn unbind(&mut self, id: &AuthenticatorId) {
        self.bindings.retain(|b| b.id != *id);
        let Self { bindings, offers } = self;
        offers.retain(|o| bindings.iter().any(|b| o.challenge.targets.contains(&b.id)));
    }

    /// Adds a challenge, or puts its newer state in place. True if one of the bindings may answer
    /// it.
    pub fn offer(&mut self, offer: Offer) -> bool {
        self.withdraw(&offer.challenge.id);
        if !self.bindings.iter().any(|b| offer.challenge.targets.contains(&b.id)) {
            return false;
        }
        let issued_at = offer.challenge.issued_at;
        let place = self.offers.partition_point(|o| o.challenge.issued_at > issued_at);
        self.offers.insert(place, offer);
        true
    }

    /// Takes a challenge out: it has ended.
    pub fn withdraw(&mut self, id: &ChallengeId) {
        self.offers.retain(|o| o.challenge.id != *id);
    }

    /// The newest challenge that can be answered at `now`, with the binding that may.
    pub fn newest(&mut self, now: UnixMillis) -> Option<(&Device, &Offer)> {
        self.offers.retain(|o| now < o.challenge.expires_at);
        let offer = self.offers.first()?;
        let binding = self.bindings.iter().find(|b| offer.challenge.targets.contains(&b.id))?;
        Some((binding, offer))
    }

    /// The challenge of that id, if it waits here.
    #[must_use]
    pub fn find(&self, id: &ChallengeId) -> Option<&Offer> {
        self.offers.iter().find(|o| o.challenge.id == *id)
    }

    /// Whether nothing is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }
}

#[cfg(test)]
mod tests;

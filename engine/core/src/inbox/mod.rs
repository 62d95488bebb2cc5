//! The inbox of a credential: the key's bindings to accounts, and the challenges that they may
//! answer.

use std::fmt;
use std::sync::Arc;

use crate::action::Action;
use crate::challenge::Challenge;
use crate::device::{Device, Signing};
use crate::id::{AccountKey, AuthenticatorId, ChallengeId};
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// A challenge with the data that the device shows.
#[derive(Clone)]
pub struct Offer {
    /// The challenge.
    pub challenge: Arc<Challenge>,
    /// The challenge's action.
    pub action: Arc<Action>,
    /// The user's custom data, which is a JSON object as text.
    pub user_custom: Option<Arc<str>>,
}

impl fmt::Debug for Offer {
    /// Prints the challenge's id only, because the other fields hold data about the user.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("challenge", &self.challenge.id).finish_non_exhaustive()
    }
}

/// The bindings of one key to accounts, and their pending challenges.
///
/// Anybody who knows a public key can bind it to users of their own. Such a binding must neither
/// hide nor block a binding that the key's owner has [confirmed](Device::confirmed). So the inbox
/// has a limited number of places: confirmed bindings come first and never lose theirs, and the
/// newest of the other bindings get the places that are left. The owner's next binding is among the
/// newest, so nobody can block it. Before the owner has confirmed a binding, newer bindings can
/// displace it.
///
/// A binding without a place stays enrolled in its account, so that its user still has an
/// authenticator. It gets no challenges and cannot answer any until it is enrolled again or a place
/// becomes free.
#[derive(Clone, Debug)]
pub struct Inbox {
    bindings: Vec<Arc<Device>>,
    offers: Vec<Offer>,
    signing: Signing,
    places: usize,
    crowded: bool,
}

impl Inbox {
    /// Makes an inbox without bindings.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        let (bindings, offers) = (Vec::new(), Vec::new());
        let places = limits.users_per_key_max;
        Self { bindings, offers, signing: Signing::default(), places, crowded: false }
    }

    /// Returns the bindings, confirmed ones first, and the newest first within each group.
    #[must_use]
    pub fn bindings(&self) -> &[Arc<Device>] {
        &self.bindings
    }

    /// Returns the key's signing mode, which is the highest mode of its bindings.
    #[must_use]
    pub const fn signing(&self) -> Signing {
        self.signing
    }

    /// Returns true if a binding was left without a place. The store may then hold bindings that
    /// this inbox lacks.
    #[must_use]
    pub const fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Checks that a key may be bound to an account.
    ///
    /// # Errors
    /// [`Refusal::SigningLowered`] if the key has a higher mode for another user,
    /// [`Refusal::UsersPerKeyMax`] if confirmed bindings to other users take every place.
    pub fn admit(&self, account: &AccountKey, signing: Signing) -> Result<(), Refusal> {
        if signing < self.signing {
            return Err(Refusal::SigningLowered);
        }
        let others = self.bindings.iter().filter(|b| b.confirmed && b.account != *account);
        if others.count() >= self.places {
            return Err(Refusal::UsersPerKeyMax { max: self.places });
        }
        Ok(())
    }

    /// Adds a binding, or replaces its older state. Bindings beyond the number of places are
    /// dropped, unconfirmed ones and the oldest first.
    pub fn bind(&mut self, device: impl Into<Arc<Device>>) {
        let device = device.into();
        self.signing = self.signing.max(device.signing);
        self.bindings.retain(|b| b.id != device.id);
        let rank = |b: &Device| (b.confirmed, b.verified_at);
        let place = self.bindings.partition_point(|b| rank(b) > rank(&device));
        self.bindings.insert(place, device);
        // Only unconfirmed bindings are dropped.
        while self.bindings.len() > self.places && self.bindings.pop_if(|b| !b.confirmed).is_some()
        {
            self.crowded = true;
        }
        self.drop_orphans();
    }

    /// Removes a binding, and the challenges that no other binding may answer.
    pub fn unbind(&mut self, id: &AuthenticatorId) {
        self.bindings.retain(|b| b.id != *id);
        if self.bindings.is_empty() && !self.crowded {
            self.signing = Signing::default();
        }
        self.drop_orphans();
    }

    fn drop_orphans(&mut self) {
        let Self { bindings, offers, .. } = self;
        offers.retain(|o| bindings.iter().any(|b| o.challenge.targets.contains(&b.id)));
    }

    /// Adds a challenge, or replaces its older state. Returns true if the challenge is
    /// [offered](Challenge::is_offered) and a binding here may answer it. Otherwise the challenge
    /// is not kept.
    pub fn offer(&mut self, offer: Offer) -> bool {
        self.withdraw(&offer.challenge.id);
        if !offer.challenge.is_offered() {
            return false;
        }
        if !self.bindings.iter().any(|b| offer.challenge.targets.contains(&b.id)) {
            return false;
        }
        let issued_at = offer.challenge.issued_at;
        let place = self.offers.partition_point(|o| o.challenge.issued_at > issued_at);
        self.offers.insert(place, offer);
        true
    }

    /// Removes a challenge, because it has ended or its state is replaced.
    pub fn withdraw(&mut self, id: &ChallengeId) {
        self.offers.retain(|o| o.challenge.id != *id);
    }

    /// Returns the challenges that can be answered at `now`, newest first, each with the binding
    /// that may answer it. Challenges of confirmed bindings come first, so that a stranger's
    /// challenge does not displace the owner's.
    pub fn pending(&mut self, now: UnixMillis) -> Vec<(&Arc<Device>, &Offer)> {
        self.offers.retain(|o| now < o.challenge.expires_at);
        let asked = |o: &Offer, b: &Device| o.challenge.targets.contains(&b.id);
        let with_binding = |o| self.bindings.iter().find(|b| asked(o, b)).map(|b| (b, o));
        let mut pending: Vec<_> = self.offers.iter().filter_map(with_binding).collect();
        pending.sort_by_key(|(binding, _)| !binding.confirmed);
        pending
    }

    /// Returns the challenge with this id, if the inbox has it.
    #[must_use]
    pub fn find(&self, id: &ChallengeId) -> Option<&Offer> {
        self.offers.iter().find(|o| o.challenge.id == *id)
    }

    /// Returns true if the inbox has no binding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }
}

#[cfg(test)]
mod tests;

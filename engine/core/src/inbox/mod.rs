//! The inbox of one credential: its bindings, and the challenges that they may answer.

use std::fmt;
use std::sync::Arc;

use crate::action::Action;
use crate::challenge::Challenge;
use crate::device::{Device, Signing};
use crate::id::{AccountKey, AuthenticatorId, ChallengeId};
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::time::UnixMillis;

/// A challenge as a device is shown it.
#[derive(Clone)]
pub struct Offer {
    /// The challenge.
    pub challenge: Arc<Challenge>,
    /// The action to decide.
    pub action: Arc<Action>,
    /// The user's own custom data, as a JSON object in text.
    pub user_custom: Option<Arc<str>>,
}

impl fmt::Debug for Offer {
    /// Prints the challenge only, because a user is shown the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer").field("challenge", &self.challenge.id).finish_non_exhaustive()
    }
}

/// The bindings of one key, and their pending challenges.
///
/// Anybody who knows a public key can bind it to users of their own. That neither hides nor blocks
/// a binding that its owner has [confirmed](Device::confirmed): those come first, and never lose
/// their places. The places they leave are those of the newest others, so that nobody can keep the
/// owner from the next one; an owner who has confirmed nothing yet can be hidden by newer bindings.
/// A binding without a place stays enrolled in its account, so that its user does not fall back to
/// having no authenticator; it is shown nothing and may not answer until it is enrolled again, or a
/// place becomes free.
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

    /// The bindings, confirmed ones first, then newest first.
    #[must_use]
    pub fn bindings(&self) -> &[Arc<Device>] {
        &self.bindings
    }

    /// Gives the key's signing mode: the highest of its bindings.
    #[must_use]
    pub const fn signing(&self) -> Signing {
        self.signing
    }

    /// Tells whether a binding has no place. After a binding was added or removed, the store may
    /// then hold more than this inbox.
    #[must_use]
    pub const fn is_crowded(&self) -> bool {
        self.crowded
    }

    /// Checks that a key may be bound to an account.
    ///
    /// # Errors
    /// [`Refusal::SigningLowered`] if it signs more for another user,
    /// [`Refusal::UsersPerKeyMax`] if every place is that of a confirmed binding to another user.
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

    /// Adds a binding, or puts its newer state in place.
    pub fn bind(&mut self, device: impl Into<Arc<Device>>) {
        let device = device.into();
        self.signing = self.signing.max(device.signing);
        self.bindings.retain(|b| b.id != device.id);
        let rank = |b: &Device| (b.confirmed, b.verified_at);
        let place = self.bindings.partition_point(|b| rank(b) > rank(&device));
        self.bindings.insert(place, device);
        // A confirmed one never loses its place.
        while self.bindings.len() > self.places && self.bindings.pop_if(|b| !b.confirmed).is_some()
        {
            self.crowded = true;
        }
        self.drop_orphans();
    }

    /// Removes a binding, and the challenges that only it may answer.
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

    /// Adds a challenge, or puts its newer state in place. True if it is
    /// [offered](Challenge::is_offered) and one of the bindings may answer it.
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

    /// Takes a challenge out: it has ended.
    pub fn withdraw(&mut self, id: &ChallengeId) {
        self.offers.retain(|o| o.challenge.id != *id);
    }

    /// The challenges that can be answered at `now`, newest first, each with the binding that may.
    /// Those of confirmed bindings come before those of others: a stranger's must not push itself
    /// in front.
    pub fn pending(&mut self, now: UnixMillis) -> Vec<(&Arc<Device>, &Offer)> {
        self.offers.retain(|o| now < o.challenge.expires_at);
        let asked = |o: &Offer, b: &Device| o.challenge.targets.contains(&b.id);
        let with_binding = |o| self.bindings.iter().find(|b| asked(o, b)).map(|b| (b, o));
        let mut pending: Vec<_> = self.offers.iter().filter_map(with_binding).collect();
        pending.sort_by_key(|(binding, _)| !binding.confirmed);
        pending
    }

    /// The challenge of that id, if it waits here.
    #[must_use]
    pub fn find(&self, id: &ChallengeId) -> Option<&Offer> {
        self.offers.iter().find(|o| o.challenge.id == *id)
    }

    /// Tells whether the key has no binding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }
}

#[cfg(test)]
mod tests;

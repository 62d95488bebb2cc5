//! State of a credential, and the polls that wait for it to change.

use std::sync::Arc;

use tokio::sync::oneshot;

use countersign_core::device::{Device, Signing};
use countersign_core::id::{AuthenticatorId, ChallengeId};
use countersign_core::inbox::{Inbox, Offer};
use countersign_core::nonce::{Handout, Nonce, NonceBook};
use countersign_core::signature::PublicKey;

use crate::account::CredentialNotice;
use crate::actors::Shared;
use crate::error::Misbehaviour;
use crate::tenant::Tenant;

/// State of a credential.
pub(crate) struct CredentialState {
    shared: Arc<Shared>,
    pub(super) tenant: Arc<Tenant>,
    /// The key's bindings, what waits for them, and the signing mode that holds for all its users.
    pub(crate) inbox: Inbox,
    pub(super) nonces: NonceBook,
    pub(super) waiters: Vec<oneshot::Sender<()>>,
    /// Challenges that wait here and that the key's holder has read with a signature.
    read: Vec<ChallengeId>,
}

/// The pending challenges of a credential, as a poll finds them.
pub(crate) struct PendingOffers {
    /// The first binding.
    pub(crate) binding: Arc<Device>,
    /// Pending challenges, each with the binding that may answer it.
    pub(crate) offers: Vec<(Arc<Device>, Offer)>,
    /// Resolves when something new may be pending.
    pub(crate) news: Option<oneshot::Receiver<()>>,
}

impl CredentialState {
    pub(super) fn new(shared: Arc<Shared>, tenant: Arc<Tenant>, inbox: Inbox) -> Self {
        let (nonces, waiters, read) = (NonceBook::default(), Vec::new(), Vec::new());
        Self { shared, tenant, inbox, nonces, waiters, read }
    }

    /// The key in each of the signature formats that it is bound with.
    pub(crate) fn keys(&self) -> Vec<PublicKey> {
        let mut keys: Vec<PublicKey> = Vec::with_capacity(1);
        for binding in self.inbox.bindings() {
            if keys.iter().all(|key| key.format() != binding.key.format()) {
                keys.push(binding.key.clone());
            }
        }
        keys
    }

    pub(crate) fn check_signing(&self, signing: Signing) -> Result<(), Misbehaviour> {
        if self.inbox.signing() == signing { Ok(()) } else { Err(Misbehaviour::OtherSigning) }
    }

    /// Checks that a session made for a binding of that name is alive.
    pub(crate) fn check_session(&self, binding: &AuthenticatorId) -> Result<(), Misbehaviour> {
        let alive = self.inbox.bindings().iter().any(|b| b.id == *binding);
        if alive { Ok(()) } else { Err(Misbehaviour::SessionOver) }
    }

    pub(crate) fn issue_nonce(&mut self, fresh: Handout) -> Handout {
        self.nonces.issue(fresh, self.shared.ports.clock.now(), &self.tenant.limits)
    }

    pub(crate) fn outstanding_nonces(&mut self) -> Vec<Nonce> {
        self.nonces.outstanding(self.shared.ports.clock.now(), &self.tenant.limits)
    }

    pub(crate) fn named_nonce(&mut self, handle: &str) -> Option<Nonce> {
        self.nonces.named(handle, self.shared.ports.clock.now(), &self.tenant.limits)
    }

    pub(crate) fn consume_nonce(&mut self, nonce: &Nonce) -> bool {
        self.nonces.consume(nonce, self.shared.ports.clock.now(), &self.tenant.limits)
    }

    pub(crate) fn look(&mut self, wait: bool) -> Option<PendingOffers> {
        let binding = self.inbox.bindings().first()?.clone();
        let pending = self.inbox.pending(self.shared.ports.clock.now()).into_iter();
        let offers: Vec<_> = pending.map(|(b, o)| (b.clone(), o.clone())).collect();
        if !offers.is_empty() {
            return Some(PendingOffers { binding, offers, news: None });
        }
        self.waiters.retain(|w| !w.is_closed());
        let may_wait = wait && self.waiters.len() < self.tenant.limits.waiters_per_device_max;
        let news = (may_wait && !self.shared.is_draining()).then(|| {
            let (waiter, news) = oneshot::channel();
            self.waiters.push(waiter);
            news
        });
        Some(PendingOffers { binding, offers, news })
    }

    /// Notes that the key's holder has signed a read of the shown challenges. An app that signs
    /// challenge ids shows the first one only, whatever else it was told of.
    pub(crate) fn note_read(&mut self, pending: &PendingOffers) {
        self.forget_reads();
        let shown =
            if self.inbox.signing() > Signing::ChallengeId { pending.offers.len() } else { 1 };
        for (_, offer) in pending.offers.iter().take(shown) {
            if !self.read.contains(&offer.challenge.id) {
                self.read.push(offer.challenge.id.clone());
            }
        }
    }

    /// Tells whether the key's holder has signed a read of a challenge that waits.
    pub(crate) fn has_read(&self, id: &ChallengeId) -> bool {
        self.read.contains(id)
    }

    /// Tells whether a read is noted that a decision may yet rest on.
    pub(super) fn awaits_decision(&mut self) -> bool {
        self.forget_reads();
        !self.read.is_empty()
    }

    /// Forgets reads of challenges that do not wait any more.
    fn forget_reads(&mut self) {
        let now = self.shared.ports.clock.now();
        let waits = |o: &Offer| now < o.challenge.expires_at;
        self.read.retain(|id| self.inbox.find(id).is_some_and(waits));
    }

    /// Takes over the state from the store, and wakes the waiting polls if there is something to
    /// see.
    pub(super) fn replace(&mut self, inbox: Inbox) {
        self.inbox = inbox;
        if self.inbox.is_empty() || !self.inbox.pending(self.shared.ports.clock.now()).is_empty() {
            self.wake();
        }
    }

    fn wake(&mut self) {
        for waiter in self.waiters.drain(..) {
            // If a waiter has left, its notification is dropped.
            let _ = waiter.send(());
        }
    }

    pub(super) fn learn(&mut self, notice: CredentialNotice) {
        match notice {
            CredentialNotice::Bound(device) => self.inbox.bind(device),
            CredentialNotice::Offered(offer) => {
                if self.inbox.offer(offer) {
                    self.wake();
                }
            }
            CredentialNotice::Unbound(id) => {
                self.inbox.unbind(&id);
                // The waiting polls have to learn that the credential is gone.
                self.wake();
            }
            CredentialNotice::Withdrawn(id) => self.inbox.withdraw(&id),
        }
    }
}

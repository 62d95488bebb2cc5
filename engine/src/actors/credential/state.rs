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

/// State of a credential in memory.
pub(crate) struct CredentialState {
    shared: Arc<Shared>,
    pub(super) tenant: Arc<Tenant>,
    /// The key's bindings with their pending challenges, and the signing mode, which is the same
    /// for all users of the key.
    pub(crate) inbox: Inbox,
    pub(super) nonces: NonceBook,
    pub(super) waiters: Vec<oneshot::Sender<()>>,
    /// Pending challenges that the app got by a read with proof of possession (a signature or a
    /// device session).
    read: Vec<ChallengeId>,
}

/// The pending challenges of a credential, as a poll finds them.
pub(crate) struct PendingOffers {
    /// The key's first binding.
    pub(crate) binding: Arc<Device>,
    /// Pending challenges, each with the binding that may answer it.
    pub(crate) offers: Vec<(Arc<Device>, Offer)>,
    /// Resolves when a new challenge may be pending. `None` if the poll does not wait.
    pub(crate) news: Option<oneshot::Receiver<()>>,
}

impl CredentialState {
    pub(super) fn new(shared: Arc<Shared>, tenant: Arc<Tenant>, inbox: Inbox) -> Self {
        let (nonces, waiters, read) = (NonceBook::default(), Vec::new(), Vec::new());
        Self { shared, tenant, inbox, nonces, waiters, read }
    }

    /// Returns the key once for each signature format among its bindings.
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

    /// Checks that the binding that a session was made for is still one of the key's bindings.
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

    /// Notes the challenges that a read with proof of possession has returned. An app that signs
    /// challenge ids shows only the first pending challenge, so only the first is noted.
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

    /// Returns true if a read with proof of possession has returned the challenge.
    pub(crate) fn has_read(&self, id: &ChallengeId) -> bool {
        self.read.contains(id)
    }

    /// Returns true if a noted challenge is still pending, because its decision may need the note.
    pub(super) fn awaits_decision(&mut self) -> bool {
        self.forget_reads();
        !self.read.is_empty()
    }

    /// Removes the notes of challenges that are no longer pending.
    fn forget_reads(&mut self) {
        let now = self.shared.ports.clock.now();
        let waits = |o: &Offer| now < o.challenge.expires_at;
        self.read.retain(|id| self.inbox.find(id).is_some_and(waits));
    }

    /// Replaces the inbox by the one that was read from the store. It wakes the waiting polls if a
    /// challenge is pending, or if the key has no binding any more.
    pub(super) fn replace(&mut self, inbox: Inbox) {
        self.inbox = inbox;
        if self.inbox.is_empty() || !self.inbox.pending(self.shared.ports.clock.now()).is_empty() {
            self.wake();
        }
    }

    fn wake(&mut self) {
        for waiter in self.waiters.drain(..) {
            // Sending fails if the poll no longer waits, which does no harm.
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
                // The polls are woken, because their credential or device session may be over.
                self.wake();
            }
            CredentialNotice::Withdrawn(id) => self.inbox.withdraw(&id),
        }
    }
}

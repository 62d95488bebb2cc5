//! The single writer of an account's records: runs the core's transitions, commits them to the
//! store, applies them in memory and queues notices for other actors. It calls no actor itself.

mod deciding;
mod notices;

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_core::account::{
    Account, Enroll, Grant, Issue, Issued, Profile, ProfilePatch, Refresh, Track, Tracked,
};
use countersign_core::action::{Action, ActionState};
use countersign_core::challenge::{Challenge, Ended, Shown};
use countersign_core::change::{CommitId, Transition};
use countersign_core::device::{Device, Signing};
use countersign_core::id::{AccountKey, ActionKey, AuthenticatorId, ChallengeId};
use countersign_core::nonce::Nonce;
use countersign_core::number_match::Seed;
use countersign_core::refusal::Refusal;
use countersign_core::set_backs::SetBacks;
use countersign_core::statement::Digest;
use countersign_core::ticket::Ticket;
use countersign_core::time::UnixMillis;
use metrics::counter;

pub(crate) use self::notices::{CredentialNotice, Notice};
use crate::display;
use crate::error::{Error, Unavailable};
use crate::ports::Ports;
use crate::ports::store::Committed;
use crate::telemetry;
use crate::tenant::Tenant;

/// Maximum number of actions that an account keeps in memory.
const ACTIONS_KEPT_MAX: usize = 16;

pub(crate) struct AccountWriter {
    ports: Arc<Ports>,
    tenant: Arc<Tenant>,
    account: Account,
    /// Actions that were used last, the latest at the back.
    actions: VecDeque<Arc<Action>>,
    /// Notices of commits, queued until the actor sends them.
    notices: Vec<Notice>,
    /// True from the start of a commit until it succeeds: the recorded state is unknown meanwhile.
    lost: bool,
}

impl AccountWriter {
    pub(crate) async fn load(
        key: AccountKey,
        ports: Arc<Ports>,
        tenant: Arc<Tenant>,
        set_backs: &SetBacks,
    ) -> Result<Self, Error> {
        let snapshot = ports.store.account(&key).await?;
        let account = Account::restore(key, snapshot);
        let (actions, notices) = (VecDeque::new(), Vec::new());
        let mut writer = Self { ports, tenant, account, actions, notices, lost: false };
        // If an earlier process had a clock that was ahead, the times in the record are corrected.
        // Otherwise a hold would last until this clock has caught up, and a ticket would be valid
        // again then.
        if let Some(transition) = writer.account.set_back(writer.now(), set_backs) {
            writer.record(transition).await?;
        }
        Ok(writer)
    }

    pub(crate) const fn is_lost(&self) -> bool {
        self.lost
    }

    pub(crate) const fn account(&self) -> &Account {
        &self.account
    }

    /// Takes the queued notices. They have to be sent before a caller gets the result of the
    /// commit.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    pub(crate) async fn track(&mut self, track: Track) -> Result<Tracked, Error> {
        let known = self.recall(&track.key).await?;
        let now = self.now();
        let (transition, tracked) =
            self.account.track(&track, known.as_ref(), self.tenant.unenrolled, now)?;
        if let Some(transition) = transition {
            // A text that no device could show is refused now, because the caller of this request
            // can correct it.
            display::check(&tracked.action, &self.tenant.custom_public, now)?;
            self.record(transition).await?;
        }
        Ok(tracked)
    }

    pub(crate) async fn action(&mut self, key: &ActionKey) -> Result<Arc<Action>, Error> {
        Ok(self.recall(key).await?.ok_or(Refusal::ActionUnknown)?)
    }

    pub(crate) async fn override_action(
        &mut self,
        key: &ActionKey,
        state: ActionState,
    ) -> Result<Arc<Action>, Error> {
        let action = self.action(key).await?;
        let transition = self.account.override_action(&action, state, self.now());
        self.record(transition).await
    }

    pub(crate) async fn update_profile(&mut self, patch: ProfilePatch) -> Result<Profile, Error> {
        if let Some(custom) = &patch.custom {
            display::check_text(custom, &self.tenant.custom_public)?;
        }
        let transition = self.account.update_profile(&patch, self.now());
        self.record(transition).await
    }

    pub(crate) async fn remove(&mut self) -> Result<(), Error> {
        match self.account.remove(self.now()) {
            Some(transition) => self.record(transition).await,
            None => Ok(()),
        }
    }

    /// Returns the action of a grant, if the grant is still valid.
    pub(crate) async fn granted(&mut self, grant: &Grant) -> Result<Arc<Action>, Error> {
        let action = self.action(&grant.action).await?;
        self.account.honour(grant, &action)?;
        Ok(action)
    }

    /// Issues a challenge for a granted action. If the tenant has a webhook, the challenge is held
    /// until the relying party has accepted the notification.
    pub(crate) async fn issue(
        &mut self,
        grant: &Grant,
        target: Option<AuthenticatorId>,
        supersede: bool,
    ) -> Result<Issued, Error> {
        let action = self.granted(grant).await?;
        let (now, entropy) = (self.now(), &self.ports.entropy);
        let display = display::build(&action, &self.tenant.custom_public, now)?;
        let issue = Issue {
            id: ChallengeId::from_entropy(&entropy.bytes()),
            target,
            supersede,
            held: self.tenant.delivery.is_some(),
            number_seed: Seed(entropy.bytes()),
            shown: Shown { nonce: Nonce::from_entropy(&entropy.bytes()), display },
        };
        let issued = self.account.issue(&issue, &action, now, &self.tenant.limits);
        let transition = issued.map_err(deciding::refused)?;
        let issued = self.record(transition).await?;
        counter!(telemetry::CHALLENGES_ISSUED).increment(1);
        Ok(issued)
    }

    /// Counts a notification about a held challenge, before it is sent, and offers the challenge to
    /// its devices.
    pub(crate) async fn notify(&mut self, id: &ChallengeId) -> Result<Arc<Challenge>, Error> {
        self.action_of(id).await?;
        let transition = self.account.notify(id, &self.tenant.limits)?;
        self.record(transition).await
    }

    /// Cancels a held challenge whose notification has failed. A challenge that has ended already
    /// keeps its end. Returns the recorded end.
    pub(crate) async fn withdraw(&mut self, id: &ChallengeId) -> Result<Ended, Error> {
        if self.account.open_challenge(id).is_none() {
            return self.recorded_end(id).await;
        }
        let transition = self.account.withdraw(id, self.now())?;
        deciding::end_of(&*self.record(transition).await?)
    }

    pub(crate) async fn release(&mut self, id: &ChallengeId) -> Result<Arc<Challenge>, Error> {
        self.action_of(id).await?;
        let transition = self.account.release(id)?;
        self.record(transition).await
    }

    pub(crate) async fn enroll(
        &mut self,
        grant: &Grant,
        enroll: Enroll,
    ) -> Result<Arc<Device>, Error> {
        self.granted(grant).await?;
        let fresh_id = AuthenticatorId::from_entropy(self.ports.entropy.bytes());
        let limits = &self.tenant.limits;
        let transition = self.account.enroll(&enroll, fresh_id, self.now(), limits)?;
        self.record(transition).await
    }

    pub(crate) async fn raise_signing(
        &mut self,
        id: &AuthenticatorId,
        signing: Signing,
    ) -> Result<(), Error> {
        match self.account.raise_signing(id, signing)? {
            Some(transition) => self.record(transition).await,
            None => Ok(()),
        }
    }

    pub(crate) async fn refresh(
        &mut self,
        id: &AuthenticatorId,
        refresh: &Refresh,
    ) -> Result<Arc<Device>, Error> {
        let transition = self.account.refresh(id, refresh, self.now())?;
        self.record(transition).await
    }

    /// Removes a device on request of a client with a valid grant.
    pub(crate) async fn remove_own_device(
        &mut self,
        grant: &Grant,
        id: &AuthenticatorId,
    ) -> Result<Arc<Device>, Error> {
        self.granted(grant).await?;
        let transition = self.account.remove_own_device(id, self.now())?;
        self.record(transition).await
    }

    pub(crate) async fn remove_device(
        &mut self,
        id: &AuthenticatorId,
    ) -> Result<Arc<Device>, Error> {
        let transition = self.account.remove_device(id, self.now())?;
        self.record(transition).await
    }

    pub(crate) async fn issue_ticket(&mut self, ticket: Ticket) -> Result<(), Error> {
        self.granted(&ticket.grant).await?;
        let transition = self.account.issue_ticket(ticket, self.now(), &self.tenant.limits)?;
        self.record(transition).await
    }

    /// Returns a ticket that has not expired, if the grant of its token is still valid.
    pub(crate) async fn ticket(&mut self, digest: &Digest) -> Result<Ticket, Error> {
        let ticket = self.account.ticket(digest, self.now())?.clone();
        self.granted(&ticket.grant).await?;
        Ok(ticket)
    }

    /// Clears the counters that hold back prompts and numbers. Returns false for an unknown user.
    pub(crate) async fn release_hold(&mut self) -> Result<bool, Error> {
        let Some(transition) = self.account.release_hold() else { return Ok(false) };
        self.record(transition).await?;
        Ok(true)
    }

    fn now(&self) -> UnixMillis {
        self.ports.clock.now()
    }

    async fn recall(&mut self, key: &ActionKey) -> Result<Option<Arc<Action>>, Error> {
        if let Some(action) = self.actions.iter().rev().find(|a| a.key == *key) {
            return Ok(Some(action.clone()));
        }
        if self.account.record().is_none() {
            return Ok(None);
        }
        let loaded = self.ports.store.action(self.account.key(), key).await?;
        let loaded = loaded.map(Arc::new);
        loaded.iter().for_each(|action| self.keep(action.clone()));
        Ok(loaded)
    }

    fn keep(&mut self, action: Arc<Action>) {
        self.actions.retain(|a| a.key != action.key);
        if self.actions.len() >= ACTIONS_KEPT_MAX {
            self.actions.pop_front();
        }
        self.actions.push_back(action);
    }

    /// Commits a transition to the store, applies it in memory, and queues notices for the actors
    /// that it concerns.
    async fn record<T>(&mut self, transition: Transition<T>) -> Result<T, Error> {
        let Transition { mut change, answer } = transition;
        change.id = CommitId(u64::from_ne_bytes(self.ports.entropy.bytes()));
        // The recorded state is unknown until the store has answered.
        self.lost = true;
        let error = match self.ports.store.commit(change.clone()).await {
            Ok(Committed::Recorded) => {
                self.lost = false;
                self.recorded(change);
                return Ok(answer);
            }
            Ok(Committed::Known(_)) => Unavailable::AccountChanged.into(),
            Ok(Committed::Stale { recorded }) => {
                let (expected, recorded) = (change.parent.number, recorded.number);
                tracing::error!(expected, recorded, "account changed behind its writer");
                Unavailable::AccountChanged.into()
            }
            Ok(Committed::Ended { challenge, .. }) => {
                tracing::error!(challenge.id = %challenge, "challenge ended behind its writer");
                Unavailable::ChallengeEnded.into()
            }
            Err(error) => error.into(),
        };
        self.in_doubt(change);
        Err(error)
    }
}

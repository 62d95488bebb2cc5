//! The single writer of an account's records on this server: runs the core's transitions, commits
//! them to the store, applies them in memory and queues notices for other actors. It calls no actor
//! itself.

mod deciding;
mod notices;
mod transact;

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_core::account::{
    Account, Enroll, Grant, Issue, Issued, Profile, ProfilePatch, Refresh, Track, Tracked,
};
use countersign_core::action::{Action, ActionState};
use countersign_core::challenge::{Challenge, Ended, Shown};
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
use self::transact::Reads;
use crate::display;
use crate::error::Error;
use crate::ports::Ports;
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
    /// True from the start of a commit until the recorded state is known again.
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
        let correct = |account: &Account, _: Option<&_>, now| Ok(account.set_back(now, set_backs));
        writer.transact(Reads::Account, correct).await?;
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
        let tenant = self.tenant.clone();
        let unenrolled = tenant.unenrolled;
        let rule = |account: &Account, known: Option<&_>, now| {
            let (transition, tracked) = account.track(&track, known, unenrolled, now)?;
            if transition.is_some() {
                // A text that no device could show is refused now, because the caller of this
                // request can correct it.
                display::check(&tracked.action, &tenant.custom_public, now)?;
            }
            Ok(transition)
        };
        let result = match self.transact(Reads::Kept(&track.key), rule).await {
            // The request may repeat an action that is only in the store. Then its text counts for
            // nothing.
            Err(Error::Refused(refusal)) if self.kept(&track.key).is_none() => {
                self.recall(&track.key).await?.ok_or(refusal)?;
                None
            }
            result => result?,
        };
        if let Some(tracked) = result {
            return Ok(tracked);
        }
        let (_, tracked) =
            self.account.track(&track, self.kept(&track.key), unenrolled, self.now())?;
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
        self.record(Reads::Action(key), |account, action, now| {
            let action = action.ok_or(Refusal::ActionUnknown)?;
            Ok(account.override_action(action, state, now))
        })
        .await
    }

    pub(crate) async fn update_profile(&mut self, patch: ProfilePatch) -> Result<Profile, Error> {
        if let Some(custom) = &patch.custom {
            display::check_text(custom, &self.tenant.custom_public)?;
        }
        self.record(Reads::Account, |account, _, now| Ok(account.update_profile(&patch, now))).await
    }

    pub(crate) async fn remove(&mut self) -> Result<(), Error> {
        self.transact(Reads::Account, |account, _, now| Ok(account.remove(now))).await.map(drop)
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
        let (tenant, entropy) = (self.tenant.clone(), self.ports.entropy.clone());
        let rule = |account: &Account, action: Option<&_>, now| {
            let action = honoured(account, grant, action)?;
            let display = display::build(action, &tenant.custom_public, now)?;
            let issue = Issue {
                id: ChallengeId::from_entropy(&entropy.bytes()),
                target: target.clone(),
                supersede,
                held: tenant.delivery.is_some(),
                number_seed: Seed(entropy.bytes()),
                shown: Shown { nonce: Nonce::from_entropy(&entropy.bytes()), display },
            };
            account.issue(&issue, action, now, &tenant.limits).map_err(deciding::refused)
        };
        let issued = self.record(Reads::Action(&grant.action), rule).await?;
        counter!(telemetry::CHALLENGES_ISSUED).increment(1);
        Ok(issued)
    }

    /// Counts a notification about a held challenge, before it is sent, and offers the challenge to
    /// its devices.
    pub(crate) async fn notify(&mut self, id: &ChallengeId) -> Result<Arc<Challenge>, Error> {
        let tenant = self.tenant.clone();
        let rule = |account: &Account, _: Option<&_>, _| Ok(account.notify(id, &tenant.limits)?);
        self.record(Reads::ActionOf(id), rule).await
    }

    /// Cancels a held challenge whose notification has failed. A challenge that has ended already
    /// keeps its end. Returns the recorded end.
    pub(crate) async fn withdraw(&mut self, id: &ChallengeId) -> Result<Ended, Error> {
        let rule = |account: &Account, _: Option<&_>, now| {
            let is_open = account.open_challenge(id).is_some();
            is_open.then(|| Ok(account.withdraw(id, now)?)).transpose()
        };
        match self.transact(Reads::Account, rule).await? {
            Some(challenge) => deciding::end_of(&challenge),
            None => self.recorded_end(id).await,
        }
    }

    pub(crate) async fn release(&mut self, id: &ChallengeId) -> Result<Arc<Challenge>, Error> {
        self.record(Reads::ActionOf(id), |account, _, _| Ok(account.release(id)?)).await
    }

    pub(crate) async fn enroll(
        &mut self,
        grant: &Grant,
        enroll: Enroll,
    ) -> Result<Arc<Device>, Error> {
        let tenant = self.tenant.clone();
        let fresh_id = AuthenticatorId::from_entropy(self.ports.entropy.bytes());
        let rule = |account: &Account, action: Option<&_>, now| {
            honoured(account, grant, action)?;
            Ok(account.enroll(&enroll, fresh_id.clone(), now, &tenant.limits)?)
        };
        self.record(Reads::Action(&grant.action), rule).await
    }

    pub(crate) async fn raise_signing(
        &mut self,
        id: &AuthenticatorId,
        signing: Signing,
    ) -> Result<(), Error> {
        let rule = |account: &Account, _: Option<&_>, _| Ok(account.raise_signing(id, signing)?);
        self.transact(Reads::Account, rule).await.map(drop)
    }

    pub(crate) async fn refresh(
        &mut self,
        id: &AuthenticatorId,
        refresh: &Refresh,
    ) -> Result<Arc<Device>, Error> {
        self.record(Reads::Account, |account, _, now| Ok(account.refresh(id, refresh, now)?)).await
    }

    /// Removes a device on request of a client with a valid grant.
    pub(crate) async fn remove_own_device(
        &mut self,
        grant: &Grant,
        id: &AuthenticatorId,
    ) -> Result<Arc<Device>, Error> {
        self.record(Reads::Action(&grant.action), |account, action, now| {
            honoured(account, grant, action)?;
            Ok(account.remove_own_device(id, now)?)
        })
        .await
    }

    pub(crate) async fn remove_device(
        &mut self,
        id: &AuthenticatorId,
    ) -> Result<Arc<Device>, Error> {
        self.record(Reads::Account, |account, _, now| Ok(account.remove_device(id, now)?)).await
    }

    pub(crate) async fn issue_ticket(&mut self, ticket: Ticket) -> Result<(), Error> {
        let tenant = self.tenant.clone();
        let rule = |account: &Account, action: Option<&_>, now| {
            honoured(account, &ticket.grant, action)?;
            Ok(account.issue_ticket(ticket.clone(), now, &tenant.limits)?)
        };
        self.record(Reads::Action(&ticket.grant.action), rule).await
    }

    /// Returns a ticket that has not expired, if the grant of its token is still valid.
    pub(crate) async fn ticket(&mut self, digest: &Digest) -> Result<Ticket, Error> {
        let ticket = self.account.ticket(digest, self.now())?.clone();
        self.granted(&ticket.grant).await?;
        Ok(ticket)
    }

    /// Clears the counters that hold back prompts and numbers. Returns false for an unknown user.
    pub(crate) async fn release_hold(&mut self) -> Result<bool, Error> {
        let released = self.transact(Reads::Account, |account, _, _| Ok(account.release_hold()));
        Ok(released.await?.is_some())
    }

    /// Returns the clock's time, or the latest time in the account if that is a little later.
    fn now(&self) -> UnixMillis {
        self.account.time(self.ports.clock.now())
    }

    /// Returns an action that is in memory.
    fn kept(&self, key: &ActionKey) -> Option<&Arc<Action>> {
        self.actions.iter().rev().find(|action| action.key == *key)
    }

    /// Returns an action that is in memory or in the store.
    async fn recall(&mut self, key: &ActionKey) -> Result<Option<Arc<Action>>, Error> {
        if let Some(action) = self.kept(key) {
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
}

/// Returns the action of a grant, if the grant is still valid. `action` is the recorded action.
fn honoured<'a>(
    account: &Account,
    grant: &Grant,
    action: Option<&'a Arc<Action>>,
) -> Result<&'a Arc<Action>, Refusal> {
    let action = action.ok_or(Refusal::ActionUnknown)?;
    account.honour(grant, action)?;
    Ok(action)
}

//! Transactions of an account: a rule of the core runs on the account, and the store records its
//! transition. If the account has changed elsewhere meanwhile, the account is read again and the
//! rule runs again.

use std::sync::Arc;
use std::time::Duration;

use countersign_core::account::Account;
use countersign_core::action::Action;
use countersign_core::change::{CommitId, Transition};
use countersign_core::id::{ActionKey, ChallengeId};
use countersign_core::time::UnixMillis;
use metrics::counter;

use super::{AccountWriter, Notice};
use crate::error::{Error, Unavailable};
use crate::ports::store::Committed;
use crate::telemetry;

/// Largest number of times that a rule runs again because the account has changed elsewhere.
const RERUNS_MAX: u32 = 8;

/// The action that a rule reads besides the account.
#[derive(Clone, Copy)]
pub(super) enum Reads<'a> {
    /// None.
    Account,
    /// An action if it is in memory. The store is not asked, because it compares names itself.
    Kept(&'a ActionKey),
    /// An action.
    Action(&'a ActionKey),
    /// The action of an open challenge. A commit that offers the challenge takes the action from
    /// memory, where newer actions may have replaced it since it was last loaded.
    ActionOf(&'a ChallengeId),
}

impl AccountWriter {
    /// Runs a rule and records its transition. A rule that returns `None` changes nothing.
    pub(super) async fn transact<T>(
        &mut self,
        reads: Reads<'_>,
        rule: impl Fn(
            &Account,
            Option<&Arc<Action>>,
            UnixMillis,
        ) -> Result<Option<Transition<T>>, Error>,
    ) -> Result<Option<T>, Error> {
        for reruns in 0..=RERUNS_MAX {
            let action = self.read(reads).await?;
            let transition = rule(&self.account, action.as_ref(), self.now())?;
            let Some(transition) = transition else { return Ok(None) };
            if let Some(answer) = self.commit(transition, reruns).await? {
                return Ok(Some(answer));
            }
        }
        Err(Unavailable::AccountChanged.into())
    }

    /// Runs a rule that always changes something, and records its transition.
    pub(super) async fn record<T>(
        &mut self,
        reads: Reads<'_>,
        rule: impl Fn(&Account, Option<&Arc<Action>>, UnixMillis) -> Result<Transition<T>, Error>,
    ) -> Result<T, Error> {
        let rule =
            |account: &Account, action: Option<&_>, now| rule(account, action, now).map(Some);
        let answer = self.transact(reads, rule).await?;
        Ok(answer.expect("the rule always has a transition"))
    }

    async fn read(&mut self, reads: Reads<'_>) -> Result<Option<Arc<Action>>, Error> {
        match reads {
            Reads::Account => Ok(None),
            Reads::Kept(key) => Ok(self.kept(key).cloned()),
            Reads::Action(key) => self.recall(key).await,
            Reads::ActionOf(id) => {
                let Some(open) = self.account.open_challenge(id) else { return Ok(None) };
                let key = open.action.clone();
                self.recall(&key).await
            }
        }
    }

    /// Commits a transition to the store, applies it in memory, and queues notices for the actors
    /// that it concerns. Returns `None` if the store refuses it, because the account has changed
    /// elsewhere or an action to track is known. Memory then has the recorded state.
    async fn commit<T>(
        &mut self,
        transition: Transition<T>,
        reruns: u32,
    ) -> Result<Option<T>, Error> {
        let Transition { mut change, answer } = transition;
        change.id = CommitId(u64::from_ne_bytes(self.ports.entropy.bytes()));
        // The recorded state is unknown until the store has answered.
        self.lost = true;
        match self.ports.store.commit(change.clone()).await {
            Ok(Committed::Recorded) => {
                self.lost = false;
                self.recorded(change);
                Ok(Some(answer))
            }
            Ok(Committed::Known(action)) => {
                self.lost = false;
                self.keep((*action).into());
                Ok(None)
            }
            Ok(Committed::Stale { .. } | Committed::Ended { .. }) => {
                counter!(telemetry::COMMITS_STALE).increment(1);
                tracing::debug!("an account has changed elsewhere");
                self.in_doubt(change);
                self.pause(reruns).await;
                self.reload().await?;
                Ok(None)
            }
            Err(error) => {
                self.in_doubt(change);
                Err(error.into())
            }
        }
    }

    /// Reads the account again, and queues notices for the actors of everything that may have
    /// changed.
    async fn reload(&mut self) -> Result<(), Error> {
        let key = self.account.key().clone();
        let snapshot = self.ports.store.account(&key).await?;
        let before = std::mem::replace(&mut self.account, Account::restore(key, snapshot));
        self.lost = false;
        self.actions.clear();
        for challenge in before.open().iter().chain(self.account.open()) {
            let (account, id) = (challenge.account.clone(), challenge.id.clone());
            self.notices.push(Notice::ChallengeInDoubt(account, id));
        }
        let devices = before.devices().iter().chain(self.account.devices());
        self.notices.extend(devices.map(|d| Notice::CredentialInDoubt(d.credential())));
        Ok(())
    }

    /// Waits for a random time that grows with the number of reruns, so that writers of one account
    /// get out of each other's way. The first rerun does not wait.
    async fn pause(&self, reruns: u32) {
        let drawn = u64::from(u16::from_ne_bytes(self.ports.entropy.bytes()));
        let ms = drawn % (1 << reruns);
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

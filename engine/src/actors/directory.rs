//! Finds and starts the actor of an account, a challenge or a credential, and asks or notifies it.

use std::sync::Arc;

use actix::Addr;
use countersign_core::challenge::Challenge;
use countersign_core::id::{AccountKey, CredentialKey};
use tokio::sync::oneshot;

use super::account::{AccountActor, Call, Run};
use super::challenge::{ChallengeActor, Recorded, Watch, Watched};
use super::credential::{Ask, Bind, CredentialActor, CredentialState, Enrolled, Question};
use super::{ChallengeKey, Doubt, Reply, Shared};
use crate::account::{AccountWriter, Notice};
use crate::error::{Error, Misbehaviour};

impl Shared {
    /// Runs a transition on an account, one at a time, and returns its result. The actors that it
    /// concerns are notified before.
    pub(crate) async fn account<T, F>(
        self: &Arc<Self>,
        key: &AccountKey,
        run: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut AccountWriter) -> Result<T, Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let shared = self.clone();
        let run: Run = Box::new(move |writer| {
            Box::pin(async move {
                let result = run(writer).await;
                shared.notify(writer.take_notices());
                // The caller may have gone. The work is done all the same.
                let _ = reply.send(result);
            })
        });
        self.accounts.send(key, Call(run), || {
            let shared = self.clone();
            self.threads.start_actor(key.clone(), |key| AccountActor::new(key, shared))
        })?;
        answered(answer).await
    }

    /// Asks the actor of a challenge how it stands.
    pub(crate) async fn watch(
        self: &Arc<Self>,
        key: &ChallengeKey,
        wait: bool,
    ) -> Result<Watched, Error> {
        let (reply, answer) = oneshot::channel();
        let start = || self.start_challenge(key, None);
        self.challenges.send(key, Watch { wait, reply }, start)?;
        answered(answer).await
    }

    /// Starts the actor of a challenge, with its record where that is known.
    fn start_challenge(
        self: &Arc<Self>,
        key: &ChallengeKey,
        recorded: Option<Arc<Challenge>>,
    ) -> Addr<ChallengeActor> {
        let shared = self.clone();
        self.threads.start_actor(key.clone(), |key| ChallengeActor::new(key, shared, recorded))
    }

    /// Asks a credential something, which is answered from memory.
    pub(crate) async fn credential<T: Send + 'static>(
        self: &Arc<Self>,
        key: &CredentialKey,
        question: impl FnOnce(&mut CredentialState) -> Result<T, Misbehaviour> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let ask: Question = Box::new(move |state| {
            // The asker may have gone.
            let _ = reply.send(state.and_then(|state| Ok(question(state)?)));
        });
        self.credentials.send(key, Ask(ask), || self.start_credential(key))?;
        answered(answer).await
    }

    /// Binds a credential to an account.
    pub(crate) async fn bind(
        self: &Arc<Self>,
        key: &CredentialKey,
        bind: impl FnOnce(Reply<Enrolled>) -> Bind,
    ) -> Result<Enrolled, Error> {
        let (reply, answer) = oneshot::channel();
        self.credentials.send(key, bind(reply), || self.start_credential(key))?;
        answered(answer).await
    }

    /// Passes the notices of an account's commits on to the actors that they concern.
    pub(super) fn notify(self: &Arc<Self>, notices: Vec<Notice>) {
        for notice in notices {
            match notice {
                Notice::Challenge(challenge) => self.challenge_recorded(challenge),
                Notice::ChallengeInDoubt(tenant, id) => self.challenges.tell(&(tenant, id), Doubt),
                Notice::Credential(key, notice) => self.credentials.tell(&key, notice),
                Notice::CredentialInDoubt(key) => self.credentials.tell(&key, Doubt),
                Notice::Event => self.outbox.filled(),
            }
        }
    }

    /// Sends a recorded challenge to its actor, which is started with it if it is open.
    fn challenge_recorded(self: &Arc<Self>, challenge: Arc<Challenge>) {
        let key = (challenge.account.tenant.clone(), challenge.id.clone());
        let recorded = Recorded(challenge.clone());
        if challenge.ended.is_some() {
            return self.challenges.tell(&key, recorded);
        }
        // Without a permit it reads the same from the store as soon as it is asked for.
        let start = || self.start_challenge(&key, Some(challenge));
        let _ = self.challenges.send(&key, recorded, start);
    }

    fn start_credential(self: &Arc<Self>, key: &CredentialKey) -> Addr<CredentialActor> {
        let shared = self.clone();
        self.threads.start_actor(key.clone(), |key| CredentialActor::new(key, shared))
    }
}

/// The answer of an actor, or an error where it went away before.
async fn answered<T>(answer: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    answer.await.unwrap_or_else(|_| Err(Error::lost()))
}

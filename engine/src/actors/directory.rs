//! Messages to the actors of accounts, challenges and credentials, which are started on demand.

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
    /// Runs `run` with exclusive access to an account's writer, and returns its result. The actors
    /// that its commits concern are notified before the caller gets the result.
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
                // The caller may no longer wait. The work is done nevertheless.
                let _ = reply.send(result);
            })
        });
        self.accounts.send(key, Call(run), || {
            let shared = self.clone();
            self.threads.start_actor(key.clone(), |key| AccountActor::new(key, shared))
        })?;
        answered(answer).await
    }

    /// Asks the actor of a challenge for its state. With `wait` the caller also asks for a channel
    /// that receives the end.
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

    /// Starts the actor of a challenge. Without `recorded` the actor reads the challenge from the
    /// store.
    fn start_challenge(
        self: &Arc<Self>,
        key: &ChallengeKey,
        recorded: Option<Arc<Challenge>>,
    ) -> Addr<ChallengeActor> {
        let shared = self.clone();
        self.threads.start_actor(key.clone(), |key| ChallengeActor::new(key, shared, recorded))
    }

    /// Runs `question` on a credential's state, which its actor has in memory, and returns the
    /// answer.
    pub(crate) async fn credential<T: Send + 'static>(
        self: &Arc<Self>,
        key: &CredentialKey,
        question: impl FnOnce(&mut CredentialState) -> Result<T, Misbehaviour> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let ask: Question = Box::new(move |state| {
            // The caller may no longer wait.
            let _ = reply.send(state.and_then(|state| Ok(question(state)?)));
        });
        self.credentials.send(key, Ask(ask), || self.start_credential(key))?;
        answered(answer).await
    }

    /// Sends a binding request to a credential's actor, and returns the enrolled device.
    pub(crate) async fn bind(
        self: &Arc<Self>,
        key: &CredentialKey,
        bind: impl FnOnce(Reply<Enrolled>) -> Bind,
    ) -> Result<Enrolled, Error> {
        let (reply, answer) = oneshot::channel();
        self.credentials.send(key, bind(reply), || self.start_credential(key))?;
        answered(answer).await
    }

    /// Sends the notices of an account's commits to the actors that they concern, and wakes the
    /// outbox if an event was recorded.
    pub(super) fn notify(self: &Arc<Self>, notices: Vec<Notice>) {
        for notice in notices {
            match notice {
                Notice::Challenge(challenge) => self.challenge_recorded(challenge),
                Notice::ChallengeInDoubt(account, id) => {
                    self.challenges.tell(&(account, id), Doubt)
                }
                Notice::Credential(key, notice) => self.credentials.tell(&key, notice),
                Notice::CredentialInDoubt(key) => self.credentials.tell(&key, Doubt),
                Notice::Event => self.outbox.filled(),
            }
        }
    }

    /// Sends a recorded challenge to its actor. If the challenge is open and has no actor, an actor
    /// is started with this record.
    fn challenge_recorded(self: &Arc<Self>, challenge: Arc<Challenge>) {
        let key = (challenge.account.clone(), challenge.id.clone());
        let recorded = Recorded(challenge.clone());
        if challenge.ended.is_some() {
            return self.challenges.tell(&key, recorded);
        }
        // If the limit of actors is reached, nothing is lost: the next call about the challenge
        // starts the actor, which then reads the record from the store.
        let start = || self.start_challenge(&key, Some(challenge));
        let _ = self.challenges.send(&key, recorded, start);
    }

    fn start_credential(self: &Arc<Self>, key: &CredentialKey) -> Addr<CredentialActor> {
        let shared = self.clone();
        self.threads.start_actor(key.clone(), |key| CredentialActor::new(key, shared))
    }
}

/// Waits for the answer of an actor. Returns an error if the actor stops before it answers.
async fn answered<T>(answer: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    answer.await.unwrap_or_else(|_| Err(Error::lost()))
}

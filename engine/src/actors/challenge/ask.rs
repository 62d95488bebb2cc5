//! Finds, starts and asks the actor of a challenge.

use std::sync::Arc;

use countersign_core::challenge::Challenge;
use countersign_core::id::{ChallengeId, TenantId};
use tokio::sync::oneshot;

use super::{ChallengeActor, Recorded, Watch, Watched};
use crate::error::Error;
use crate::shared::{ChallengeKey, Shared};

impl Shared {
    /// Sends a recorded challenge to its actor. For an open challenge, the actor is started with
    /// it.
    pub(crate) fn challenge_recorded(self: &Arc<Self>, recorded: Recorded) {
        let key = (recorded.0.account.tenant.clone(), recorded.0.id.clone());
        if recorded.0.ended.is_some() {
            return self.challenges.tell(&key, recorded);
        }
        let challenge = recorded.0.clone();
        // Without a place it reads the same from the store as soon as it is asked for.
        let _ = self
            .challenges
            .send(&key, recorded, || self.start_challenge(key.clone(), Some(challenge)));
    }

    /// Asks the actor of a challenge how it stands.
    pub(crate) async fn watch(
        self: &Arc<Self>,
        tenant: &TenantId,
        id: &ChallengeId,
        wait: bool,
    ) -> Result<Watched, Error> {
        let (reply, answer) = oneshot::channel();
        let key = (tenant.clone(), id.clone());
        self.challenges
            .send(&key, Watch { wait, reply }, || self.start_challenge(key.clone(), None))?;
        answer.await.unwrap_or_else(|_| Err(Error::lost()))
    }

    fn start_challenge(
        self: &Arc<Self>,
        key: ChallengeKey,
        recorded: Option<Arc<Challenge>>,
    ) -> actix::Addr<ChallengeActor> {
        let shared = self.clone();
        self.arbiters.start_actor(&key.clone(), move || ChallengeActor::new(key, shared, recorded))
    }
}

//! Passes the notices of an account's commits on to the actors that they concern.

use std::sync::Arc;

use countersign_core::challenge::Challenge;

use super::challenge::Recorded;
use super::{Doubt, Shared};
use crate::account::Notice;

impl Shared {
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
}

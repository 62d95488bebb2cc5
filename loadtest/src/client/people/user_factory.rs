//! Many users, enrolled before anything is measured.

use std::sync::atomic::{AtomicU64, Ordering};

use countersign_client::SoftwareKey;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::phone::PhoneKind;
use super::user::User;
use crate::LoadError;
use crate::client::connections::Connections;
use crate::client::recorder::Recorder;
use crate::client::retry::retry_refused;
use crate::client::target::Target;

/// Enrollments at the same time.
const AT_ONCE: usize = 32;

/// The source of users: a server, its connections, and the phones' protocols.
#[derive(Clone, Debug)]
pub struct UserFactory {
    /// The server.
    pub target: Target,
    /// The connections.
    pub connections: Connections,
    /// Protocols of the phones, in turn.
    pub phone_kinds: Vec<PhoneKind>,
}

impl UserFactory {
    /// A user of no other run, who is not enrolled. `index` decides how the phone speaks.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn stranger(&self, index: usize, key: SoftwareKey) -> Result<User, LoadError> {
        static USERS: AtomicU64 = AtomicU64::new(0);
        let number = USERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("load-{}-{number}", std::process::id());
        let phone_kind = self.phone_kind(index);
        User::new(name, &self.target, self.connections.of(index), phone_kind, key)
    }

    /// Chooses the protocol of a user's phone by the user's number.
    fn phone_kind(&self, index: usize) -> PhoneKind {
        self.phone_kinds[index % self.phone_kinds.len()]
    }

    /// Generates the key of a user's phone.
    pub fn key(&self, index: usize) -> SoftwareKey {
        SoftwareKey::generate(self.phone_kind(index).algorithm())
    }

    /// Users who are enrolled and whose phones have read once. `done` is told of each.
    ///
    /// # Errors
    /// The first [`LoadError`].
    pub async fn enroll(
        &self,
        count: usize,
        done: impl Fn() + Sync,
    ) -> Result<Vec<User>, LoadError> {
        let enrolling = stream::iter(0..count).map(async |index| {
            let user = self.stranger(index, self.key(index))?;
            retry_refused(async || user.enroll(Instant::now(), &mut Recorder::default()).await)
                .await?;
            done();
            Ok::<_, LoadError>(user)
        });
        enrolling.buffered(AT_ONCE).try_collect().await
    }
}

//! Enrollment of many users before the measured part.

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

/// Number of concurrent enrollments.
const AT_ONCE: usize = 32;

/// A factory of users for one server.
#[derive(Clone, Debug)]
pub struct UserFactory {
    /// The server to enroll at.
    pub target: Target,
    /// The connections, over which the users are spread.
    pub connections: Connections,
    /// Kinds of the phones, assigned to users in turn.
    pub phone_kinds: Vec<PhoneKind>,
}

impl UserFactory {
    /// Creates a user with a new name, who is not enrolled. `index` selects the phone's kind and
    /// the connection.
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

    /// Selects the kind of a user's phone by the user's number.
    fn phone_kind(&self, index: usize) -> PhoneKind {
        self.phone_kinds[index % self.phone_kinds.len()]
    }

    /// Generates the key of a user's phone.
    pub fn key(&self, index: usize) -> SoftwareKey {
        SoftwareKey::generate(self.phone_kind(index).algorithm())
    }

    /// Enrolls `count` users, whose phones have then read once. Calls `done` after each user.
    ///
    /// # Errors
    /// The first [`LoadError`] of an enrollment.
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

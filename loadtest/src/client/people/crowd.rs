//! Many users, enrolled before anything is measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_client::SoftwareKey;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::time::Instant;

use super::phone::Speech;
use super::user::User;
use crate::LoadError;
use crate::client::lines::Lines;
use crate::run::recorder::Recorder;
use crate::server::Target;

/// Enrollments at the same time.
const AT_ONCE: usize = 32;

/// Retries of a refused request, and the pause before each.
const TRIES: usize = 100;
const PAUSE: Duration = Duration::from_millis(200);

/// The source of users: a server, its connections, and the phones' protocols.
#[derive(Clone, Debug)]
pub struct Crowd {
    /// The server.
    pub target: Target,
    /// The connections.
    pub lines: Lines,
    /// Protocols of the phones, in turn.
    pub speeches: Vec<Speech>,
}

impl Crowd {
    /// A user of no other run, who is not enrolled. `index` decides how the phone speaks.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn stranger(&self, index: usize, key: SoftwareKey) -> Result<User, LoadError> {
        static USERS: AtomicU64 = AtomicU64::new(0);
        let number = USERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("load-{}-{number}", std::process::id());
        let speech = self.speech(index);
        User::new(name, &self.target, self.lines.of(index), speech, key)
    }

    /// Chooses the protocol of a user's phone by the user's number.
    #[must_use]
    pub fn speech(&self, index: usize) -> Speech {
        self.speeches[index % self.speeches.len()]
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
            let key = SoftwareKey::generate(self.speech(index).algorithm());
            let user = self.stranger(index, key)?;
            patiently(async || user.enroll(Instant::now(), &mut Recorder::default()).await).await?;
            done();
            Ok::<_, LoadError>(user)
        });
        enrolling.buffered(AT_ONCE).try_collect().await
    }
}

/// Prepares something outside the measured part, and tries again while the server is overloaded.
///
/// # Errors
/// [`LoadError`], also if it has for too long.
pub(crate) async fn patiently<T>(
    prepare: impl AsyncFn() -> Result<T, LoadError>,
) -> Result<T, LoadError> {
    for _ in 0..TRIES {
        match prepare().await {
            Err(error) if error.is_refusal() => tokio::time::sleep(PAUSE).await,
            done => return done,
        }
    }
    prepare().await
}

/// Keys that are made before they are measured with, in the order in which `speeches` take turns.
#[must_use]
pub fn keys(speeches: &[Speech], count: usize) -> Vec<SoftwareKey> {
    let speech = |index: usize| speeches[index % speeches.len()];
    (0..count).map(|index| SoftwareKey::generate(speech(index).algorithm())).collect()
}

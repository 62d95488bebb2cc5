//! A person with a phone, the browser they sign in with, and the backend that asks for the
//! confirmation.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_client::wire::challenge::{PushChallengeRequest, VerifyResponse};
use countersign_client::wire::track::TrackRequest;
use countersign_client::wire::validate::ValidateRequest;
use countersign_client::{
    Browser, ClientError, Device, Dialect, Enrollment, Http, RelyingParty, SoftwareKey,
};
use countersign_core::signature::Algorithm;
use tokio::time::Instant;

use crate::LoadError;
use crate::recorder::Recorder;
use crate::server::Target;

const ACTION: &str = "signIn";
/// Longest wait that a server grants.
const WAIT_SECONDS: u64 = 30;

/// The steps of a lifecycle, as their times are recorded.
pub mod step {
    /// `track`.
    pub const TRACK: &str = "track";
    /// Starting the challenge.
    pub const CHALLENGE: &str = "challenge";
    /// The nonce and the signed read.
    pub const READ: &str = "read";
    /// The device's answer.
    pub const DECIDE: &str = "decide";
    /// From sending the device's answer to the end of the long poll.
    pub const OUTCOME: &str = "outcome";
    /// Asking how the challenge stands, without waiting.
    pub const VERIFY: &str = "verify";
    /// `validate`.
    pub const VALIDATE: &str = "validate";
    /// All of them.
    pub const WHOLE: &str = "lifecycle";
    /// In the order in which they happen.
    pub const ALL: [&str; 8] = [TRACK, CHALLENGE, READ, DECIDE, OUTCOME, VERIFY, VALIDATE, WHOLE];
}

/// How the browser learns of the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learn {
    /// By asking once, after the decision.
    Asking,
    /// By a long poll that is begun before the decision.
    Waiting,
}

/// An enrolled user.
pub struct User {
    name: String,
    http: Http,
    base: String,
    backend: RelyingParty,
    device: Device,
}

/// A challenge that was started.
pub struct Open {
    browser: Browser,
    id: String,
}

/// A long poll under way: its answer, and when it came.
pub type Poll = tokio::task::JoinHandle<(Result<VerifyResponse, ClientError>, Instant)>;

impl User {
    /// Makes a user with a device of its own.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn enroll(target: &Target, http: &Http) -> Result<Self, LoadError> {
        static USERS: AtomicU64 = AtomicU64::new(0);
        let number = USERS.fetch_add(1, Ordering::Relaxed);
        let name = format!("load-{}-{number}", std::process::id());
        let (step, base) = (LoadError::at("enroll"), target.base.clone());
        let key = SoftwareKey::generate(Algorithm::Es256);
        let device = Device::new(http.clone(), &base, &target.tenant, Dialect::Android, key);
        let backend = RelyingParty::new(http.clone(), &base, target.secret.reveal());
        let user = Self {
            name,
            http: http.clone(),
            base,
            backend: backend.map_err(&step)?,
            device: device.map_err(&step)?,
        };
        let tracked = user.backend.track(&user.name, "enroll", &TrackRequest::default()).await;
        let token = tracked.map_err(&step)?.token;
        let enrollment = Enrollment { name: Some("Pixel 10".to_owned()), push_token: None };
        user.device.enroll(token.reveal(), &enrollment).await.map_err(&step)?;
        Ok(user)
    }

    /// One whole lifecycle, approved.
    ///
    /// # Errors
    /// [`LoadError`], also if it does not end in an approval that is valid.
    pub async fn lifecycle(&self, learn: Learn, times: &mut Recorder) -> Result<(), LoadError> {
        let start = Instant::now();
        let open = self.challenge(times).await?;
        let poll = (learn == Learn::Waiting).then(|| open.poll());
        let sent = self.decide(&open, times).await?;
        let verified = match poll {
            Some(poll) => {
                let (answer, at) = poll.await.map_err(|_| LoadError::Wrong("a poll was lost"))?;
                times.record(step::OUTCOME, at.duration_since(sent));
                answer.map_err(LoadError::at("outcome"))?
            }
            None => {
                let asked = Instant::now();
                let answer = open.browser.verify_push(&open.id, None).await;
                times.record(step::VERIFY, asked.elapsed());
                answer.map_err(LoadError::at("verify"))?
            }
        };
        let token = verified.access_token.filter(|_| verified.is_verified);
        let token = token.ok_or(LoadError::Wrong("the browser is not told of the approval"))?;
        let asked = Instant::now();
        let request = ValidateRequest { token, action: None, user_id: None };
        let valid = self.backend.validate(&request).await.map_err(LoadError::at("validate"))?;
        times.record(step::VALIDATE, asked.elapsed());
        times.record(step::WHOLE, start.elapsed());
        if valid.is_valid { Ok(()) } else { Err(LoadError::Wrong("the approval is not valid")) }
    }

    /// Tracks an action and starts its challenge.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn challenge(&self, times: &mut Recorder) -> Result<Open, LoadError> {
        let start = Instant::now();
        let request = TrackRequest {
            ip_address: Some("198.51.100.7".to_owned()),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101".to_owned()),
            ..TrackRequest::default()
        };
        let tracked = self.backend.track(&self.name, ACTION, &request).await;
        let token = tracked.map_err(LoadError::at("track"))?.token;
        times.record(step::TRACK, start.elapsed());
        let browser = Browser::new(self.http.clone(), &self.base, token.reveal());
        let browser = browser.map_err(LoadError::at("challenge"))?;
        let start = Instant::now();
        let started = browser.challenge_push(&PushChallengeRequest::default()).await;
        let id = started.map_err(LoadError::at("challenge"))?.challenge_id;
        times.record(step::CHALLENGE, start.elapsed());
        Ok(Open { browser, id })
    }

    /// The device reads what is pending and approves it. Gives the time at which the answer was
    /// sent.
    ///
    /// # Errors
    /// [`LoadError`], also if something else is pending.
    pub async fn decide(&self, open: &Open, times: &mut Recorder) -> Result<Instant, LoadError> {
        let start = Instant::now();
        let read = self.device.pending(true, None).await.map_err(LoadError::at("read"))?;
        times.record(step::READ, start.elapsed());
        if read.challenge_id.as_ref() != Some(&open.id) {
            return Err(LoadError::Wrong("the device does not see the challenge"));
        }
        let sent = Instant::now();
        self.device.answer(&open.id, true, None).await.map_err(LoadError::at("decide"))?;
        times.record(step::DECIDE, sent.elapsed());
        Ok(sent)
    }
}

impl Open {
    /// Begins a long poll, in a task of its own.
    #[must_use]
    pub fn poll(&self) -> Poll {
        let (browser, id) = (self.browser.clone(), self.id.clone());
        tokio::spawn(async move {
            let answer = browser.verify_push(&id, Some(WAIT_SECONDS)).await;
            (answer, Instant::now())
        })
    }
}

/// Enrolls users, some at a time.
///
/// # Errors
/// The first [`LoadError`].
pub async fn enroll_many(
    target: &Target,
    http: &Http,
    count: usize,
) -> Result<Vec<User>, LoadError> {
    const AT_ONCE: usize = 32;
    use futures_util::{StreamExt as _, TryStreamExt as _};
    let enrolling = futures_util::stream::iter((0..count).map(|_| User::enroll(target, http)));
    enrolling.buffer_unordered(AT_ONCE).try_collect().await
}

/// The time from one moment to another; none if the other came first.
#[must_use]
pub fn between(from: Instant, to: Instant) -> Duration {
    to.saturating_duration_since(from)
}

//! A person with a phone, their browser, and the backend that asks for the confirmation.

use std::time::Duration;

use countersign_client::wire::challenge::{PushChallengeRequest, VerifyResponse};
use countersign_client::wire::names::Outcome;
use countersign_client::wire::secret::Secret;
use countersign_client::wire::track::TrackRequest;
use countersign_client::wire::validate::ValidateRequest;
use countersign_client::{Browser, ClientError, Http, RelyingParty, SoftwareKey};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::phone::{Phone, PhoneKind, Seen};
use crate::LoadError;
use crate::client::recorder::Recorder;
use crate::client::retry::retry_refused;
use crate::client::target::Target;
use crate::out::report::step;

const ACTION: &str = "signIn";
/// Longest wait that a server grants, in seconds.
pub(crate) const WAIT_SECONDS: u64 = 30;

/// A user, who may be enrolled.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    http: Http,
    base: String,
    backend: RelyingParty,
    /// Their phone.
    pub phone: Phone,
}

/// A challenge that was started.
#[derive(Clone, Debug)]
pub struct Open {
    browser: Browser,
    /// Its name.
    pub id: String,
    /// The number that the browser shows, where an approval needs one.
    number: Option<Secret>,
}

/// A long poll under way, which ends with this.
pub struct Poll(JoinHandle<Answer>);

/// An answer to a poll, and when it came.
type Answer = (Result<VerifyResponse, ClientError>, Instant);

impl User {
    /// A user with a phone that speaks so, who is not enrolled.
    ///
    /// # Errors
    /// [`LoadError::Request`] for an address, a secret or a tenant that is none.
    pub fn new(
        name: String,
        target: &Target,
        http: &Http,
        phone_kind: PhoneKind,
        key: SoftwareKey,
    ) -> Result<Self, LoadError> {
        let backend = RelyingParty::new(http.clone(), &target.base, target.secret.reveal());
        let backend = backend.map_err(LoadError::at(step::TRACK))?;
        let phone =
            Phone::new(phone_kind, http, target, key).map_err(LoadError::at(step::ENROLL))?;
        Ok(Self { name, http: http.clone(), base: target.base.clone(), backend, phone })
    }

    /// Binds the phone to the user, and lets it read once.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn enroll(&self, meant: Instant, recorder: &mut Recorder) -> Result<(), LoadError> {
        let request = TrackRequest::default();
        let tracked = self.backend.track(&self.name, "enroll", &request);
        let token = recorder.timed(step::TRACK, meant, tracked).await?.token;
        let enrolling = self.phone.enroll(token.reveal());
        recorder.timed(step::ENROLL, Instant::now(), enrolling).await?;
        // The first read also begins a session, or signs.
        recorder.timed(step::SESSION, Instant::now(), self.phone.pending(None)).await?;
        Ok(())
    }

    /// Tracks an action. Gives its token.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn track(
        &self,
        meant: Instant,
        recorder: &mut Recorder,
    ) -> Result<Secret, LoadError> {
        let request = TrackRequest {
            ip_address: Some("198.51.100.7".to_owned()),
            user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101".to_owned()),
            ..TrackRequest::default()
        };
        let tracked = self.backend.track(&self.name, ACTION, &request);
        Ok(recorder.timed(step::TRACK, meant, tracked).await?.token)
    }

    /// Tracks an action and starts its challenge.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn challenge(
        &self,
        meant: Instant,
        recorder: &mut Recorder,
    ) -> Result<Open, LoadError> {
        let token = self.track(meant, recorder).await?;
        let browser = Browser::new(self.http.clone(), &self.base, token.reveal());
        let browser = browser.map_err(LoadError::at(step::CHALLENGE))?;
        let request = PushChallengeRequest::default();
        let started = browser.challenge_push(&request);
        let started = recorder.timed(step::CHALLENGE, Instant::now(), started).await?;
        Ok(Open { browser, id: started.challenge_id, number: started.number })
    }

    /// The same outside the measured part: again while the server is overloaded.
    ///
    /// # Errors
    /// [`LoadError`].
    pub(crate) async fn challenge_with_retries(&self) -> Result<Open, LoadError> {
        retry_refused(async || self.challenge(Instant::now(), &mut Recorder::default()).await).await
    }

    /// The phone reads the pending challenge.
    ///
    /// # Errors
    /// [`LoadError`], also if something else is pending.
    pub async fn read(&self, open: &Open, recorder: &mut Recorder) -> Result<Seen, LoadError> {
        let reading = self.phone.pending(None);
        let seen = recorder.timed(step::READ, Instant::now(), reading).await?;
        let what = "the phone does not see the challenge";
        let seen = seen.filter(|seen| seen.challenge == open.id);
        let seen = seen.ok_or(LoadError::Unexpected { step: step::READ, what })?;
        Ok(Seen { number: open.number.clone(), ..seen })
    }

    /// The phone answers. Gives the time at which the answer was sent.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn answer(
        &self,
        seen: &Seen,
        approve: bool,
        recorder: &mut Recorder,
    ) -> Result<Instant, LoadError> {
        let sent = Instant::now();
        recorder.timed(step::DECIDE, sent, self.phone.answer(seen, approve)).await?;
        Ok(sent)
    }

    /// The backend validates the browser's token.
    ///
    /// # Errors
    /// [`LoadError`], also if it is worth nothing.
    pub async fn validate(&self, token: Secret, recorder: &mut Recorder) -> Result<(), LoadError> {
        let request = ValidateRequest { token: Some(token), action: None, user_id: None };
        let asked = self.backend.validate(&request);
        let valid = recorder.timed(step::VALIDATE, Instant::now(), asked).await?;
        LoadError::check(valid.is_valid, step::VALIDATE, "the approval is not valid")
    }
}

impl Open {
    /// Begins a long poll, in a task of its own.
    #[must_use]
    pub fn poll(&self) -> Poll {
        self.poll_on(Duration::ZERO)
    }

    /// Polls until the challenge ends, or for `longest`.
    #[must_use]
    pub fn poll_on(&self, longest: Duration) -> Poll {
        let (browser, id) = (self.browser.clone(), self.id.clone());
        Poll(tokio::spawn(async move {
            let end = Instant::now() + longest;
            loop {
                let answer = browser.verify_push(&id, Some(WAIT_SECONDS)).await;
                let open = answer.as_ref().is_ok_and(|told| told.outcome.is_none());
                if !open || Instant::now() >= end {
                    return (answer, Instant::now());
                }
            }
        }))
    }

    /// Asks how the challenge stands, for up to `wait` seconds while it is open.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn ask(&self, wait: Option<u64>) -> Result<VerifyResponse, ClientError> {
        self.browser.verify_push(&self.id, wait).await
    }
}

impl Poll {
    /// Waits for its answer, which has to be that end. Gives the answer and when it came.
    ///
    /// # Errors
    /// [`LoadError`].
    pub async fn told(mut self, approve: bool) -> Result<(VerifyResponse, Instant), LoadError> {
        let what = "the poll was lost";
        let lost = |_| LoadError::Unexpected { step: step::OUTCOME, what };
        let (answer, at) = (&mut self.0).await.map_err(lost)?;
        let told = answer.map_err(LoadError::at(step::OUTCOME))?;
        expect_end(step::OUTCOME, &told, approve)?;
        Ok((told, at))
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// # Errors
/// [`LoadError::Unexpected`] if the browser was not told of that end.
pub(crate) fn expect_end(
    step: &'static str,
    told: &VerifyResponse,
    approve: bool,
) -> Result<(), LoadError> {
    let is_told = if approve { told.is_verified } else { told.outcome == Some(Outcome::Denied) };
    LoadError::check(is_told, step, "the browser is not told of the decision")
}
